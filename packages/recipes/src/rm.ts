/**
 * Stage `rm`: a reward model from the pairs of the preference stages: an adapter on the base, and a head that makes one
 * number of a poem's last token. It judges by `rm:FOLDER`, as a reward of grpo or as the score of `write --best-of`.
 */
import { saveTemplate } from '@tuiqiao/lm';
import type { RmRecipe, RunControls } from '@tuiqiao/schema';
import { createArena } from '@tuiqiao/tensor';
import {
  countSteps,
  createScoreHead,
  evaluateRewardModel,
  inspectPairs,
  preferenceDataset,
  rewardObjective,
  saveRewardModel,
  train,
} from '@tuiqiao/tune';
import { describeKernels, openKernels } from './compute.ts';
import { RecipesError } from './errors.ts';
import { quantizationNotes, quantizationOf, trimVocabulary } from './frozen-base.ts';
import { openModel } from './models.ts';
import { openPairs, pairWarnings } from './opened-pairs.ts';
import { openOptimizer, openSchedule } from './optimizer.ts';
import { openPolicy } from './policy.ts';
import { savePromptFormat } from './prompt-format.ts';
import { formatRewardScale, REWARD_SCALE_FILE, rewardScale } from './reward-models.ts';
import { evaluationInterval, type StageResult, withTrainingRun } from './training-run.ts';

/** Pairs whose scores say what is usual. */
export const SCALE_PAIRS = 512;

export async function runRm(recipe: RmRecipe, controls: RunControls = {}): Promise<StageResult> {
  if (recipe.adapter.length > 1) {
    throw new RecipesError('recipe-bad-value', `adapter: expected at most one, got ${recipe.adapter.join(', ')}`, {
      hint: 'A reward model is one adapter on its base: merge the others into the base first (tuiqiao merge).',
    });
  }
  const kernels = openKernels(recipe);
  const opened = await openModel(recipe.model, {
    kernels,
    computeType: recipe.computeType,
    quantization: quantizationOf(recipe),
    template: recipe.template,
    templatesOf: recipe.adapter,
  });
  const { model } = opened;
  const trained = await openPolicy(recipe, opened);
  const head = createScoreHead(model, recipe.seed);
  return withTrainingRun(recipe, controls, async (run) => {
    const made = await openPairs(recipe, opened, run, controls);
    const data = preferenceDataset(made.training);
    const held = preferenceDataset(made.validation);
    const trimmed = trimVocabulary(
      recipe,
      opened,
      [trained.adapter!],
      [...made.training, ...made.validation].flatMap((pair) => [pair.promptIds, pair.chosenIds, pair.rejectedIds]),
    );
    const pairNotes = inspectPairs(data);
    const batching = { seed: recipe.seed, itemsPerStep: recipe.batchSize * recipe.gradientAccumulationSteps };
    const totalSteps = recipe.maxSteps ?? countSteps(data, batching, recipe.epochs);
    await run.start({
      totalSteps,
      notes: [
        `Training ${trained.description} of ${recipe.model} and a score head of ${model.config.hiddenSize}, going on from ${recipe.adapter[0] ?? 'a new adapter'}.`,
        made.note,
        ...quantizationNotes(recipe),
        ...trimmed,
        ...(held.length === 0
          ? ['No pairs are held out (valSize): accuracy is that of pairs learnt from.']
          : [`Held out for validation: ${held.length} pairs.`]),
        ...pairNotes,
        describeKernels(kernels),
      ],
      data: made.manifestEntries,
      kernels,
    });
    for (const warning of [...made.warnings, ...pairWarnings(pairNotes)]) run.emit(warning);

    const save = async (folder: string): Promise<void> => {
      await saveRewardModel(model, trained.adapter!, head, folder, { baseModelName: opened.folder });
      await savePromptFormat(opened.tokenizer, folder);
      await saveTemplate(opened.tokenizer, folder);
    };
    const objective = { centerRewardsCoefficient: recipe.rm.centerRewardsCoefficient };
    const parameters = [...trained.parameters, head.weight];
    const arena = createArena(kernels);
    const result = await train({
      ...run.loop(save),
      arena,
      model,
      parameters,
      optimizer: openOptimizer(kernels, parameters, recipe),
      schedule: openSchedule(recipe, totalSteps),
      data,
      batching,
      objective: rewardObjective(head, objective),
      totalSteps,
      ...(held.length === 0
        ? {}
        : {
            evaluation: {
              everySteps: evaluationInterval(recipe.evalSteps, totalSteps),
              run: async (_step, arena) =>
                (await evaluateRewardModel({ model, head, data: held, objective, arena, signal: controls.signal }))
                  .metrics,
            },
          }),
    });
    if (result.outcome === 'done') {
      // Pairs that were not learnt from, where there are some, say best what scores are usual.
      const usual = preferenceDataset((held.length > 0 ? made.validation : made.training).slice(0, SCALE_PAIRS));
      const { scores } = await evaluateRewardModel({ model, head, data: usual, arena, signal: controls.signal });
      await run.folder.writeFile(REWARD_SCALE_FILE, formatRewardScale(rewardScale(scores)));
    }
    await save(run.folder.folder);
    return result;
  });
}
