/**
 * Stage `kto`: Kahneman-Tversky optimisation. Each answer is marked good or bad by itself: of pairs, the chosen ones are good
 * and the rejected ones bad. It goes on from the SFT adapter, and that adapter, frozen, is the reference.
 */
import type { KtoRecipe, RunControls } from '@tuiqiao/schema';
import { createArena } from '@tuiqiao/tensor';
import {
  checkUnpairedStart,
  computeUnpairedReference,
  countSteps,
  evaluateUnpaired,
  freezeReference,
  inspectPairs,
  ktoObjective,
  type PreferencePair,
  preferenceDataset,
  train,
  type UnpairedExample,
  type UnpairedReference,
  unpairedDataset,
} from '@tuiqiao/tune';
import { describeKernels, openKernels } from './compute.ts';
import { quantizationNotes, quantizationOf, trimVocabulary } from './frozen-base.ts';
import { openModel } from './models.ts';
import { openPairs, pairWarnings } from './opened-pairs.ts';
import { openOptimizer, openSchedule } from './optimizer.ts';
import { openPolicy } from './policy.ts';
import { saveTrained } from './sft.ts';
import { evaluationInterval, type StageResult, withTrainingRun } from './training-run.ts';
import { openTrainingSamples } from './training-samples.ts';

export async function runKto(recipe: KtoRecipe, controls: RunControls = {}): Promise<StageResult> {
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
    const made = await openPairs(recipe, opened, run, controls);
    const pairNotes = inspectPairs(preferenceDataset(made.training));
    const data = unpairedDataset(made.training.flatMap(unpair));
    const held = made.validation.length === 0 ? null : unpairedDataset(made.validation.flatMap(unpair));
    const trimmed = trimVocabulary(
      recipe,
      opened,
      [...opened.adapters, trained.adapter!],
      [...made.training, ...made.validation].flatMap((pair) => [pair.promptIds, pair.chosenIds, pair.rejectedIds]),
    );

    // Reference: computed before training loads any checkpoint, so that it is where the policy starts.
    const frozen = freezeReference(model, trained.adapter!, recipe.kto.reference);
    // Reference, steps and evaluations come one after the other: one memory does for all.
    const arena = createArena(kernels);
    const referenceOf = (part: typeof data): Promise<UnpairedReference> =>
      frozen.during(() =>
        computeUnpairedReference(model, part, {
          arena,
          ...(controls.signal === undefined ? {} : { signal: controls.signal }),
        }),
      );
    const tell = (done: number): void =>
      run.emit({ type: 'progress', label: 'reference', done, total: data.length, unit: 'answers' });
    tell(0);
    const references = await referenceOf(data);
    tell(data.length);
    const heldReferences = held === null ? null : await referenceOf(held);
    const startNote = await checkUnpairedStart(model, data, references, recipe.kto.reference, { arena });

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
        ...(held === null ? [] : [`Held out for validation: ${held.length} answers.`]),
        startNote,
        ...pairNotes,
        describeKernels(kernels),
      ],
      data: made.manifestEntries,
      kernels,
    });
    for (const warning of [...made.warnings, ...pairWarnings(pairNotes)]) run.emit(warning);
    const save = (folder: string): Promise<void> => saveTrained(opened, trained, folder);
    const { lossType, beta, desirableWeight, undesirableWeight } = recipe.kto;
    const objective = { loss: lossType, beta, desirableWeight, undesirableWeight };
    const samples = await openTrainingSamples(recipe, opened, run, totalSteps, controls);
    const result = await train({
      ...run.loop(save),
      ...samples,
      arena,
      model,
      parameters: trained.parameters,
      optimizer: openOptimizer(kernels, trained.parameters, recipe),
      schedule: openSchedule(recipe, totalSteps),
      data,
      batching,
      objective: ktoObjective(objective, references),
      totalSteps,
      ...(held === null || heldReferences === null
        ? {}
        : {
            evaluation: {
              everySteps: evaluationInterval(recipe.evalSteps, totalSteps),
              run: () =>
                evaluateUnpaired({
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

export function unpair({
  id,
  promptIds,
  chosenIds,
  rejectedIds,
}: PreferencePair): Omit<UnpairedExample, 'mismatchedIds'>[] {
  return [
    { id: `${id} chosen`, promptIds, completionIds: chosenIds, isDesirable: true },
    { id: `${id} rejected`, promptIds, completionIds: rejectedIds, isDesirable: false },
  ];
}
