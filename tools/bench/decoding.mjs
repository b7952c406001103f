// Sampling new tokens over a key/value cache, several sequences at once: reading the prompts, choosing each token at
// temperature 0.8 and keeping its log-probability included.
import { createKernels } from '@tuiqiao/kernels';
import { createLanguageModel, generate } from '@tuiqiao/lm';
import { TINY_CONFIG } from './geometry.mjs';
import { summarise, timeRepetitions } from './meter.mjs';

const BATCH_SIZES = [1, 16, 64, 256];
const PROMPT_TOKENS = 8;
const NEW_TOKENS = 64;
/** A repetition writes at least this many tokens, so that the system's clock ticks can tell who used the processor. */
const LEAST_TOKENS = 2048;

export async function runDecoding({ isQuick }) {
  const kernels = createKernels({ prefer: 'native' });
  const model = createLanguageModel(TINY_CONFIG, { kernels, seed: 0, trainable: false });
  const { vocabSize } = model.config;
  const rows = [];
  for (const batch of BATCH_SIZES) {
    const prompts = Array.from({ length: batch }, (_, b) =>
      Array.from({ length: PROMPT_TOKENS }, (_, i) => (b * PROMPT_TOKENS + 37 * i) % vocabSize),
    );
    const rounds = Math.ceil(LEAST_TOKENS / (batch * NEW_TOKENS));
    const laps = await timeRepetitions(isQuick ? 3 : 7, async () => {
      for (let round = 0; round < rounds; round++) {
        const options = { maxNewTokens: NEW_TOKENS, temperature: 0.8, stopIds: [], slots: batch, seed: round };
        await generate(model, prompts, options);
      }
    });
    const rate = summarise(laps, rounds * batch * NEW_TOKENS);
    rows.push({ name: `decoding, batch ${batch}`, unit: 'tokens/s', ...rate });
  }
  return { rows, note: `${NEW_TOKENS} new tokens after ${PROMPT_TOKENS}, temperature 0.8, ${model.computeType}` };
}
