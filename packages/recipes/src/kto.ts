/**
 * Stage `kto`: Kahneman-Tversky optimisation. Each answer is marked good or bad by itself: of pairs, the chosen ones are good
 * and the rejected ones bad. It goes on from the SFT adapter, and that adapter, frozen, is the reference.
 */
import type { KtoRecipe, RunControls } from '@tuiqiao/schema';
import {
  computeUnpairedReference,
  countSteps,
  freezeReference,
  ktoObjective,
  type PreferencePair,
  train,
  type UnpairedExample,
  unpairedDataset,
} from '@tuiqiao/tune';
import { describeKernels, openKernels } from './compute.ts';
import { quantizationNotes, quantizationOf, trimVocabulary } from './frozen-base.ts';
import { openModel } from './models.ts';
import { openPairs } from './opened-pairs.ts';
import { openOptimizer, openSchedule } from './optimizer.ts';
import { openPolicy } from './policy.ts';
import { saveTrained } from './sft.ts';
import { type StageResult, withTrainingRun } from './training-run.ts';

export async function runKto(recipe: KtoRecipe, controls: RunControls = {}): Promise<StageResult> {
  const kernels = openKernels(recipe);
  const opened = await openModel(recipe.model, {
    kernels,
    computeType: recipe.computeType,
    adapters: recipe.adapter.slice(0, -1),
    quantization: quantizationOf(recipe),
  });
  const { model } = opened;
  const trained = await openPolicy(recipe, model);
  return withTrainingRun(recipe, controls, async (run) => {
    const made = await openPairs(recipe, opened, run, controls);
    const data = unpairedDataset(made.training.flatMap(unpair));
    const trimmed = trimVocabulary(
      recipe,
      opened,
      [...opened.adapters, trained.adapter!],
      made.training.flatMap((pair) => [pair.promptIds, pair.chosenIds, pair.rejectedIds]),
    );

    // Reference: computed before training loads any checkpoint, so that it is where the policy starts.
    const frozen = freezeReference(model, trained.adapter!, recipe.kto.reference);
    const references = await frozen.during(() => computeUnpairedReference(model, data));

    const batching = { seed: recipe.seed, itemsPerStep: recipe.batchSize * recipe.gradientAccumulationSteps };
    const totalSteps = recipe.maxSteps ?? countSteps(data, batching, recipe.epochs);
    const start = recipe.adapter.at(-1);
    await run.start({
      totalSteps,
      notes: [
        `Training ${trained.description} of ${recipe.model}, going on from ${start ?? 'a new adapter (no SFT adapter given)'}.`,
        `Reference: ${recipe.kto.reference === 'start' ? `${start ?? 'the base model'}, frozen, as training begins` : 'the raw base model, by request'}.`,
        made.note,
        ...quantizationNotes(recipe),
        ...trimmed,
        `${data.length} answers, the chosen of a pair good and the rejected bad.`,
        describeKernels(kernels),
      ],
      data: made.manifestEntries,
      kernels,
    });
    for (const warning of made.warnings) run.emit(warning);
    const save = (folder: string): Promise<void> => saveTrained(opened, trained, folder);
    const { lossType, beta, desirableWeight, undesirableWeight } = recipe.kto;
    const result = await train({
      ...run.loop(save),
      model,
      parameters: trained.parameters,
      optimizer: openOptimizer(kernels, trained.parameters, recipe),
      schedule: openSchedule(recipe, totalSteps),
      data,
      batching,
      objective: ktoObjective({ loss: lossType, beta, desirableWeight, undesirableWeight }, references),
      totalSteps,
    });
    await save(run.folder.folder);
    return result;
  });
}

function unpair({ id, promptIds, chosenIds, rejectedIds }: PreferencePair): Omit<UnpairedExample, 'mismatchedIds'>[] {
  return [
    { id: `${id} chosen`, promptIds, completionIds: chosenIds, isDesirable: true },
    { id: `${id} rejected`, promptIds, completionIds: rejectedIds, isDesirable: false },
  ];
}
