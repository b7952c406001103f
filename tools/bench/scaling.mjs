// How fine-tuning with adapters scales: speed and peak memory over sequence length, batch, rank and model size, one of
// them varied at a time. Every point runs in a process of its own.
import { createKernels } from '@tuiqiao/kernels';
import { loadLanguageModel } from '@tuiqiao/lm';
import { createAdamW, createRandom, groupParameters } from '@tuiqiao/tensor';
import { attachLora, exampleDataset, sftObjective, train } from '@tuiqiao/tune';
import { adapterOperations } from './geometry.mjs';
import { maxRssMegabytes, Stopwatch, summarise } from './meter.mjs';
import { largeModelFolder, randomIds } from './workload.mjs';

const USUAL = { size: '0.6B', length: 128, batch: 8, rank: 8 };
/** Fewer tokens than this a step would measure the reading of the weights. */
const STEP_TOKENS = 1024;
/** Every sequence is half prompt, half completion. */
const TARGET_SHARE = 1 / 2;
const WARM_UP = 1;

export const SCALING = {
  length: {
    title: 'tokens of a sequence',
    points: [128, 256, 512, 1024, 2048, 4096].map((length) => ({
      ...USUAL,
      length,
      batch: Math.max(1, STEP_TOKENS / length),
      value: length,
    })),
  },
  batch: {
    title: 'sequences a step',
    points: [1, 2, 4, 8, 16, 32].map((batch) => ({ ...USUAL, batch, value: batch })),
  },
  rank: { title: 'rank', points: [4, 8, 16, 32, 64, 128].map((rank) => ({ ...USUAL, rank, value: rank })) },
  size: { title: 'model', points: ['0.6B', '1.7B', '4B'].map((size) => ({ ...USUAL, size, value: size })) },
};

/** One point: LoRA on all linear layers, bf16, through the product's loop. */
export async function runScalingPoint({ isQuick, point: { size, length, batch, rank } }) {
  const kernels = createKernels({ prefer: 'native' });
  const model = await loadLanguageModel(largeModelFolder(size), { kernels });
  const { parameters } = attachLora(model, { rank, alpha: 2 * rank, targetModules: 'all-linear', seed: 0 });
  const totalSteps = WARM_UP + (isQuick ? 3 : 5);
  const random = createRandom(11);
  const prompt = length * (1 - TARGET_SHARE);
  const examples = Array.from({ length: totalSteps * batch }, (_, i) => {
    const ids = randomIds(random, length);
    return { id: `${i}`, promptIds: ids.slice(0, prompt), completionIds: ids.slice(prompt) };
  });
  const watch = new Stopwatch();
  const laps = [];
  await train({
    model,
    parameters,
    optimizer: createAdamW(kernels, groupParameters(parameters, 0)),
    schedule: () => 1e-4,
    data: exampleDataset(examples),
    batching: { seed: 0, itemsPerStep: batch, isShuffled: false },
    objective: sftObjective({ withAccuracy: false }),
    totalSteps,
    onStep: () => {
      laps.push(watch.lap());
    },
  });
  const tokens = batch * length;
  const rate = summarise(laps.slice(WARM_UP), tokens);
  const operations = adapterOperations(model.config, { rows: tokens, targets: tokens * TARGET_SHARE });
  return {
    rows: [{ name: 'scaling', unit: 'tokens/s', ...rate }],
    gigaflops: operations / rate.seconds / 1e9,
    peakMegabytes: maxRssMegabytes(),
  };
}

/** Runs all points through `runPoint`; one that fails (memory, disk) says why and does not stop the others. */
export async function measureScaling(runPoint, onStart) {
  const curves = {};
  for (const [name, { title, points }] of Object.entries(SCALING)) {
    curves[name] = { title, points: [] };
    for (const point of points) {
      onStart(`${title}: ${point.value}`);
      try {
        const { rows, gigaflops, peakMegabytes } = await runPoint(point);
        curves[name].points.push({ ...point, rate: rows[0], gigaflops, peakMegabytes });
      } catch (error) {
        curves[name].points.push({ ...point, failure: error.message });
      }
    }
  }
  return curves;
}
