// A model of 0.6 B parameters: fine-tuning with adapters, with and without gradient checkpointing, and decoding. Real
// tokens are counted: prompt and completion, nothing is padded.
import { createKernels } from '@tuiqiao/kernels';
import { generate, loadLanguageModel } from '@tuiqiao/lm';
import { createAdamW, groupParameters } from '@tuiqiao/tensor';
import { attachLora, exampleDataset, packSequences, sftObjective, train } from '@tuiqiao/tune';
import { adapterOperations, measurePeak } from './geometry.mjs';
import { maxRssMegabytes, median, Stopwatch, summarise, timeRepetitions } from './meter.mjs';
import { batchesOf, DECODING, decodingPrompts, fineTuningSamples, LARGE, largeModelFolder } from './workload.mjs';

/** A round over all layers takes a second or so: one is enough. Rows: about the tokens of a step. */
const PEAK = { rows: 1024, rounds: 1 };

export const largeSteps = (isQuick) => LARGE.warmUp + (isQuick ? 3 : 8);

/** Tokens of Chinese text in Qwen3's vocabulary, about: what is left of it when it is trimmed. */
const TRIMMED_VOCABULARY = 28_000;

/** Fine-tuning steps over the given samples; each lap is in tokens. */
async function timeFineTuning({ isQuick, gradientCheckpointing = false, quantization, isTrimmed = false }) {
  const kernels = createKernels({ prefer: 'native' });
  const model = await loadLanguageModel(largeModelFolder(), { kernels, quantization });
  if (isTrimmed) model.trimVocabulary(Array.from({ length: TRIMMED_VOCABULARY }, (_, i) => i));
  const idsIn = (ids) => (isTrimmed ? ids.map((id) => id % TRIMMED_VOCABULARY) : ids);
  const options = { rank: LARGE.rank, alpha: 2 * LARGE.rank, targetModules: 'all-linear', seed: 0 };
  const { parameters } = attachLora(model, options);
  const batches = batchesOf(fineTuningSamples(largeSteps(isQuick)));
  const examples = batches.flat().map(([ids, prompt], index) => ({
    id: `${index}`,
    promptIds: idsIn(ids.slice(0, prompt)),
    completionIds: idsIn(ids.slice(prompt)),
  }));
  const watch = new Stopwatch();
  const laps = [];
  await train({
    model,
    parameters,
    optimizer: createAdamW(kernels, groupParameters(parameters, 0)),
    schedule: () => 1e-4,
    data: exampleDataset(examples),
    batching: { seed: 0, itemsPerStep: LARGE.batch, isShuffled: false },
    objective: sftObjective({ withAccuracy: false }),
    totalSteps: batches.length,
    gradientCheckpointing,
    onStep: (step) => {
      const lap = watch.lap();
      if (step > LARGE.warmUp) laps.push({ ...lap, amount: tokensOf(batches[step - 1]) });
    },
  });
  return { kernels, model, laps, batches: batches.slice(LARGE.warmUp) };
}

export const tokensOf = (batch) => batch.reduce((sum, [ids]) => sum + ids.length, 0);
export const targetsOf = (batch) => batch.reduce((sum, [ids, prompt]) => sum + ids.length - prompt, 0);

/** Rows the model computes for a step. */
function rowsOf(batch) {
  const sequences = batch.map(([ids, prompt]) => ({
    promptIds: ids.slice(0, prompt),
    completionIds: ids.slice(prompt),
  }));
  return packSequences(sequences, { isOnlyForLoss: true, sharesBeginnings: true }).batch.ids.length;
}

/** Laps that did different amounts of work, as if each had done the median amount. */
export function evenLaps(laps) {
  const amount = median(laps.map((lap) => lap.amount));
  return { amount, laps: laps.map((lap) => ({ ...lap, seconds: (lap.seconds * amount) / lap.amount })) };
}

async function runFineTuning({ name, remark = '', ...options }) {
  const { kernels, model, laps, batches } = await timeFineTuning(options);
  const peakMegabytes = maxRssMegabytes();
  const even = evenLaps(laps);
  const rate = summarise(even.laps, even.amount);
  const config = { ...model.config, vocabSize: model.keptTokens?.length ?? model.config.vocabSize };
  const peak = await measurePeak(kernels, config, model.computeType, PEAK);
  const tokens = batches.reduce((sum, batch) => sum + tokensOf(batch), 0);
  const targets = batches.reduce((sum, batch) => sum + targetsOf(batch), 0);
  const rows = batches.reduce((sum, batch) => sum + rowsOf(batch), 0);
  const note = `LoRA rank ${LARGE.rank} on all linear layers, ${LARGE.batch} samples a step, real tokens, ${model.computeType}${remark}; ${Math.round((1 - rows / tokens) * 100)} % of them need no row: the last of a sample, and what samples begin with alike`;
  const operations = (adapterOperations(config, { rows, targets }) / tokens) * even.amount;
  const gigaflops = operations / rate.seconds / 1e9;
  return {
    rows: [{ name, unit: 'tokens/s', ...rate }],
    note,
    peakMegabytes,
    secondsPerStep: rate.seconds,
    gigaflops,
    computeType: model.computeType,
    peak,
    mfu: gigaflops / peak.withHead,
    mfuOfLayersPeak: gigaflops / peak.layers,
  };
}

export const runLargeFineTuning = ({ isQuick }) => runFineTuning({ isQuick, name: `fine-tuning ${LARGE.size} (LoRA)` });
export const runLargeCheckpointing = ({ isQuick }) =>
  runFineTuning({ isQuick, gradientCheckpointing: true, name: `the same, checkpointed` });

export const runQlora = ({ isQuick }) =>
  runFineTuning({
    isQuick,
    name: `fine-tuning ${LARGE.size} (QLoRA)`,
    quantization: { type: 'nf4', doubleQuant: true },
    remark: ', the base in NF4 with double quantisation',
  });
export const runTrimmed = ({ isQuick }) =>
  runFineTuning({
    isQuick,
    name: `fine-tuning ${LARGE.size}, trimmed`,
    isTrimmed: true,
    remark: `, vocabulary trimmed to ${TRIMMED_VOCABULARY} tokens`,
  });

/** GB/s at which this process copies memory far larger than its caches, reading and writing counted. */
function copySpeed(kernels) {
  const length = 1 << 26;
  const [from, to] = [kernels.allocate('f32', length), kernels.allocate('f32', length)];
  kernels.fill(from, 1);
  let best = 0;
  for (let i = 0; i < 4; i++) {
    const start = performance.now();
    kernels.scale(to, from, { length, alpha: 1 });
    best = Math.max(best, (8 * length) / (performance.now() - start) / 1e6);
  }
  return best;
}

/** Bytes a weight takes when it is read: bf16, or 8-bit blocks of 32 with an f32 scale. */
const BYTES_PER_WEIGHT = { bf16: 2, f32: 4, q8_0: 1 + 4 / 32 };

export const decodingRow = (batch, type) =>
  `decoding ${LARGE.size}, ${batch} streams${type === 'q8_0' ? ', q8_0' : ''}`;

/** Rates with the prompts and after them, and of a step what reading and multiplying the weights takes at least. */
async function timeDecoding(model, { isQuick, type, copied, peak }) {
  const weights = [...model.parameters.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const { newTokens } = DECODING;
  const rows = [];
  const steps = [];
  for (const batch of DECODING.batches) {
    const prompts = decodingPrompts(batch);
    const watch = new Stopwatch();
    const lapsAfterPrompts = [];
    const write = async () => {
      let written = 0;
      await generate(model, prompts, {
        maxNewTokens: newTokens,
        temperature: 0.8,
        stopIds: [],
        slots: batch,
        seed: batch,
        onToken: () => {
          // All prompts are read in one step, which gives the first token of each.
          if (++written === batch) watch.lap();
        },
      });
      lapsAfterPrompts.push(watch.lap());
    };
    const laps = await timeRepetitions(isQuick ? 3 : 5, write);
    const name = decodingRow(batch, type);
    rows.push({ name, unit: 'tokens/s', ...summarise(laps, batch * newTokens) });
    const after = summarise(lapsAfterPrompts.slice(1), batch * (newTokens - 1));
    rows.push({ name: `${name}, after the prompts`, unit: 'tokens/s', ...after });
    const seconds = after.seconds / (newTokens - 1);
    const gigabytes = (BYTES_PER_WEIGHT[type] * weights) / 1e9;
    const parts = [
      `${batch}: a step of ${(seconds * 1000).toFixed(1)} ms`,
      `weights at ${(gigabytes / seconds).toFixed(1)} GB/s, a copy would read them in ${((gigabytes / copied) * 1000).toFixed(0)} ms`,
      `${((2 * weights * batch) / seconds / 1e9).toFixed(0)} GFLOP/s, bf16 products alone ${((2 * weights * batch) / peak / 1e6).toFixed(0)} ms`,
    ];
    steps.push(parts.join(', '));
  }
  return { rows, steps };
}

export async function runLargeDecoding({ isQuick }) {
  const kernels = createKernels({ prefer: 'native' });
  const copied = copySpeed(kernels);
  const start = performance.now();
  const model = await loadLanguageModel(largeModelFolder(), { kernels });
  const cache = model.createCache(1, 8);
  await model.extend(cache, [{ slot: 0, ids: [1, 2, 3] }]);
  const loadSeconds = (performance.now() - start) / 1000;
  const { withHead: peak } = await measurePeak(kernels, model.config, model.computeType, PEAK);
  const common = { isQuick, copied, peak };
  const full = await timeDecoding(model, { ...common, type: model.computeType });
  const peakMegabytes = maxRssMegabytes();
  const rounded = await loadLanguageModel(largeModelFolder(), { kernels, quantization: { type: 'q8_0' } });
  const eightBit = await timeDecoding(rounded, { ...common, type: 'q8_0' });
  const steps = [`${model.computeType} ${full.steps.join('; ')}`, `q8_0 ${eightBit.steps.join('; ')}`];
  return {
    rows: [...full.rows, ...eightBit.rows],
    peakMegabytes,
    note: `${DECODING.newTokens} new tokens after ${DECODING.promptTokens}, prompt and sampling at temperature 0.8 included, ${model.computeType} unless q8_0; a copy moves ${copied.toFixed(1)} GB/s, GEMM peak ${peak.toFixed(0)} GFLOP/s; after the prompts, by streams: ${steps.join(' | ')}; loading to the first forward pass ${loadSeconds.toFixed(2)} s`,
  };
}
