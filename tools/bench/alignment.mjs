// Preference and on-policy training of the 0.6 B model with adapters: DPO in pairs a second, a step of GRPO.
import { createKernels } from '@tuiqiao/kernels';
import { loadLanguageModel } from '@tuiqiao/lm';
import { createAdamW, groupParameters } from '@tuiqiao/tensor';
import {
  attachLora,
  computeReferenceLogProbs,
  grpoObjective,
  preferenceDataset,
  preferenceObjective,
  rolloutSource,
  train,
  trainFrom,
} from '@tuiqiao/tune';
import { evenLaps } from './large.mjs';
import { maxRssMegabytes, Stopwatch, summarise } from './meter.mjs';
import { decodingPrompts, LARGE, largeModelFolder, pairBatches, pairTokens } from './workload.mjs';

export const PAIRS = { name: `DPO ${LARGE.size} (LoRA)`, inline: 'the same, reference in the step', warmUp: 2 };
export const GRPO = {
  name: `GRPO ${LARGE.size} (LoRA)`,
  prompts: 2,
  groupSize: 4,
  newTokens: 48,
  warmUp: 1,
  learningRate: 1e-5,
};
export const pairSteps = (isQuick) => PAIRS.warmUp + (isQuick ? 3 : 6);
export const grpoSteps = (isQuick) => GRPO.warmUp + (isQuick ? 3 : 5);
/** No token has this id: nothing ends before its last token. */
const NEVER = -1;

async function openWithAdapter() {
  const kernels = createKernels({ prefer: 'native' });
  const model = await loadLanguageModel(largeModelFolder(), { kernels });
  const options = { rank: LARGE.rank, alpha: 2 * LARGE.rank, targetModules: 'all-linear', seed: 0 };
  const { parameters } = attachLora(model, options);
  return { model, parameters, optimizer: createAdamW(kernels, groupParameters(parameters, 0)) };
}

/** A lap of each: their times together, and what others took of both. */
const together = (a, b) => ({
  amount: a.amount,
  seconds: a.seconds + b.seconds,
  foreignCores:
    a.foreignCores === null
      ? null
      : (a.foreignCores * a.seconds + b.foreignCores * b.seconds) / (a.seconds + b.seconds),
});

/** The reference is computed once before training; the second row adds its time to the step it belongs to. */
export async function runPairs({ isQuick }) {
  const { model, parameters, optimizer } = await openWithAdapter();
  const batches = pairBatches(pairSteps(isQuick));
  const watch = new Stopwatch();
  const references = { chosen: [], rejected: [] };
  const referenceLaps = [];
  for (const batch of batches) {
    watch.lap();
    const scores = await computeReferenceLogProbs({ model, data: preferenceDataset(batch), reference: 'start' });
    referenceLaps.push(watch.lap());
    references.chosen.push(...scores.chosen);
    references.rejected.push(...scores.rejected);
  }
  const laps = [];
  watch.lap();
  await train({
    model,
    parameters,
    optimizer,
    schedule: () => 1e-4,
    data: preferenceDataset(batches.flat()),
    batching: { seed: 0, itemsPerStep: LARGE.pairs, isShuffled: false },
    objective: preferenceObjective(
      { loss: 'sigmoid', beta: 0.1 },
      {
        chosen: Float64Array.from(references.chosen),
        rejected: Float64Array.from(references.rejected),
      },
    ),
    totalSteps: batches.length,
    onStep: (step) => laps.push({ ...watch.lap(), amount: pairTokens(batches[step - 1]) }),
  });
  const inline = laps.map((lap, i) => together(lap, referenceLaps[i]));
  const row = (name, all) => {
    const even = evenLaps(all.slice(PAIRS.warmUp));
    return { name, unit: 'pairs/s', ...summarise(even.laps, LARGE.pairs) };
  };
  const peakMegabytes = maxRssMegabytes();
  return {
    rows: [row(PAIRS.name, laps), row(PAIRS.inline, inline)],
    peakMegabytes,
    note: `sigmoid loss, LoRA rank ${LARGE.rank} on all linear layers, ${LARGE.pairs} pairs a step, ${model.computeType}; peak memory ${peakMegabytes.toFixed(0)} MB`,
  };
}

/** Rollouts, rewards and the update, through the loop of the `grpo` stage; no reference (β 0). */
export async function runGrpo({ isQuick }) {
  const { model, parameters, optimizer } = await openWithAdapter();
  const totalSteps = grpoSteps(isQuick);
  const prompts = decodingPrompts(GRPO.prompts * totalSteps);
  const source = rolloutSource({
    model,
    prompts: prompts.map((promptIds, i) => ({ id: `prompt ${i}`, promptIds })),
    seed: 0,
    promptsPerRollout: GRPO.prompts,
    groupSize: GRPO.groupSize,
    sampling: { temperature: 1 },
    maxNewTokens: GRPO.newTokens,
    stopId: NEVER,
    score: (completions) => {
      const totals = completions.map(({ ids }) => ids.reduce((sum, id) => sum + id, 0) % 7);
      return { totals, parts: { any: totals } };
    },
  });
  const watch = new Stopwatch();
  const laps = [];
  await trainFrom(source, {
    model,
    parameters,
    optimizer,
    schedule: () => GRPO.learningRate,
    objective: grpoObjective({ loss: 'dapo', beta: 0, epsilon: 0.2, temperature: 1 }),
    totalSteps,
    onStep: () => {
      laps.push(watch.lap());
    },
  });
  const completions = GRPO.prompts * GRPO.groupSize;
  const rate = summarise(laps.slice(GRPO.warmUp), completions);
  const peakMegabytes = maxRssMegabytes();
  return {
    rows: [{ name: GRPO.name, unit: 'completions/s', ...rate }],
    peakMegabytes,
    note: `a step: ${GRPO.prompts} prompts of ${prompts[0].length} tokens × ${GRPO.groupSize} completions of ${GRPO.newTokens}, written, rewarded and learnt from, no reference; ${rate.seconds.toFixed(1)} s; peak memory ${peakMegabytes.toFixed(0)} MB`,
  };
}
