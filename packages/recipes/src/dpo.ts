/**
 * Stage `dpo`: direct preference optimisation. It goes on from the SFT adapter, and that adapter, frozen, is the
 * reference; pairs are the policy's own samples judged by the checker, spoilt copies of real poems, or files. Before
 * step 1 the run says what is trained, what the reference is, and that policy and reference agree.
 */
import type { DpoRecipe, RunControls } from '@tuiqiao/schema';
import { createArena } from '@tuiqiao/tensor';
import {
  checkDpoStart,
  computeReferenceLogProbs,
  countSteps,
  needsReference,
  type PreferencePair,
  preferenceDataset,
  preferenceObjective,
  type ReferenceLogProbs,
  train,
  type WeightedLoss,
} from '@tuiqiao/tune';
import { describeKernels, openKernels } from './compute.ts';
import { RecipesError } from './errors.ts';
import { baseKey, quantizationNotes, quantizationOf, trimVocabulary } from './frozen-base.ts';
import { openModel } from './models.ts';
import { openPairs, pairWarnings } from './opened-pairs.ts';
import { openOptimizer, openSchedule } from './optimizer.ts';
import { openPolicy } from './policy.ts';
import { evaluatePairs } from './preference-files.ts';
import { hashPairs } from './preference-pairs.ts';
import { saveTrained } from './sft.ts';
import { evaluationInterval, type StageResult, withTrainingRun } from './training-run.ts';
import { openTrainingSamples } from './training-samples.ts';

const REFERENCE_FILE = 'reference-log-probs.json';
const EVAL_REFERENCE_FILE = 'reference-log-probs-eval.json';

export async function runDpo(recipe: DpoRecipe, controls: RunControls = {}): Promise<StageResult> {
  const kernels = openKernels(recipe);
  const opened = await openModel(recipe.model, {
    kernels,
    computeType: recipe.computeType,
    adapters: recipe.adapter.slice(0, -1),
    template: recipe.template,
    templatesOf: recipe.adapter,
    quantization: quantizationOf(recipe),
  });
  const { model } = opened;
  const trained = await openPolicy(recipe, opened);
  return withTrainingRun(recipe, controls, async (run) => {
    // Pairs.
    const data = await openPairs(recipe, opened, run, controls);
    const pairs = preferenceDataset(data.training);
    const held = preferenceDataset(data.validation);
    const trimmed = trimVocabulary(
      recipe,
      opened,
      [...opened.adapters, trained.adapter!],
      [...data.training, ...data.validation].flatMap((pair) => [pair.promptIds, pair.chosenIds, pair.rejectedIds]),
    );

    const objective = lossesOfRecipe(recipe);
    // Reference, steps and evaluations come one after the other: one memory does for all.
    const arena = createArena(kernels);
    // Reference: computed before training loads any checkpoint, so that it is where the policy starts.
    const { reference } = recipe.dpo;
    const referenceOf = (part: readonly PreferencePair[], file: string): Promise<ReferenceLogProbs> =>
      computeReferenceLogProbs({
        model,
        data: preferenceDataset(part),
        reference,
        allowBaseReference: reference === 'base',
        cacheFile: run.folder.pathOf(file),
        arena,
        cacheKey: `${hashPairs(part)} ${recipe.model} ${recipe.adapter.join(' ')} ${reference}${baseKey(recipe)}`,
        ...(controls.signal === undefined ? {} : { signal: controls.signal }),
        onEvent: run.emit,
      });
    const references = await referenceOf(data.training, REFERENCE_FILE);
    const heldReferences = held.length === 0 ? null : await referenceOf(data.validation, EVAL_REFERENCE_FILE);
    const startNotes = await checkDpoStart({ model, data: pairs, references, reference, arena });

    const batching = { seed: recipe.seed, itemsPerStep: recipe.batchSize * recipe.gradientAccumulationSteps };
    const totalSteps = recipe.maxSteps ?? countSteps(pairs, batching, recipe.epochs);
    const start = recipe.adapter.at(-1);
    await run.start({
      totalSteps,
      notes: [
        `Training ${trained.description} of ${recipe.model}, going on from ${start ?? 'a new adapter (no SFT adapter given)'}.`,
        ...(needsReference(objective)
          ? []
          : [`${recipe.dpo.lossType.join(', ')}: compares with no reference; the one below is for the log only.`]),
        `Reference: ${reference === 'start' ? `${start ?? 'the base model'}, frozen, as training begins` : 'the raw base model, by request'}.`,
        data.note,
        ...(held.length === 0 ? [] : [`Held out for validation: ${held.length} pairs.`]),
        ...quantizationNotes(recipe),
        ...trimmed,
        ...startNotes,
        describeKernels(kernels),
      ],
      data: data.manifestEntries,
      kernels,
    });
    for (const warning of [...data.warnings, ...pairWarnings(startNotes)]) run.emit(warning);

    const save = (folder: string): Promise<void> => saveTrained(opened, trained, folder);
    const samples = await openTrainingSamples(recipe, opened, run, totalSteps, controls);
    const result = await train({
      ...run.loop(save),
      ...samples,
      arena,
      model,
      parameters: trained.parameters,
      optimizer: openOptimizer(kernels, trained.parameters, recipe),
      schedule: openSchedule(recipe, totalSteps),
      data: pairs,
      batching,
      objective: preferenceObjective(objective, references),
      totalSteps,
      ...(heldReferences === null
        ? {}
        : {
            evaluation: {
              everySteps: evaluationInterval(recipe.evalSteps, totalSteps),
              run: () =>
                evaluatePairs({
                  model,
                  arena,
                  data: held,
                  references: heldReferences,
                  objective,
                  signal: controls.signal,
                }),
            },
          }),
    });
    await save(run.folder.folder);
    return result;
  });
}

/**
 * The losses of the recipe with their weights; the likelihood terms beside them stand with the first.
 *
 * @throws RecipesError `recipe-bad-value` when there are not as many weights as losses
 */
export function lossesOfRecipe({ dpo }: DpoRecipe): WeightedLoss[] {
  const { lossType, lossWeights } = dpo;
  if (lossWeights !== undefined && lossWeights.length !== lossType.length) {
    throw new RecipesError(
      'recipe-bad-value',
      `dpo.lossWeights: expected ${lossType.length} weights, one for each of ${lossType.join(', ')}, got ${lossWeights.length}`,
    );
  }
  return lossType.map((loss, i) => ({
    loss,
    weight: lossWeights?.[i] ?? 1,
    beta: dpo.beta,
    labelSmoothing: dpo.labelSmoothing,
    simpoGamma: dpo.simpoGamma,
    cpoAlpha: dpo.cpoAlpha,
    ...(i === 0 ? { rpoAlpha: dpo.sftWeight, prefFtx: dpo.ftxWeight } : {}),
  }));
}
