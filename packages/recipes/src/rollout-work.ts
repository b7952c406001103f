/** What GRPO will do, before it does it: poems of the corpus stand for those that the policy will write. */
import type { Poem } from '@tuiqiao/corpus';
import { generate, parameterCount, readModelConfig } from '@tuiqiao/lm';
import type { GrpoRecipe, RunControls } from '@tuiqiao/schema';
import { type Completion, type Dataset, planWork, type RolloutItem, type Sequence } from '@tuiqiao/tune';
import type { ComposedReward, RewardExample } from '@tuiqiao/verse';
import { poemExample } from './examples.ts';
import { loadPrompts, objectiveOf } from './grpo.ts';
import { judgeCompletions } from './judge-completions.ts';
import { openTokenizer, resolveModelFolder } from './models.ts';
import { plainRequest } from './poet/requests.ts';
import { isRewardModelName } from './reward-models.ts';
import { openRewards } from './rewards.ts';
import {
  evaluationsOf,
  missingNotes,
  openBase,
  openStart,
  openStep,
  type StageWork,
  samplingNote,
  scoringOf,
  totalTokens,
  trim,
} from './work-parts.ts';

/** Completions decoded at the same time, as rollouts are. */
const MOST_SLOTS = 128;

/** @throws what the stage itself would throw for a missing model or corpus */
export async function openRolloutWork(recipe: GrpoRecipe, controls: RunControls): Promise<StageWork> {
  const { grpo } = recipe;
  const tokenizer = await openTokenizer(recipe);
  const { prompts, requests, held, known } = await loadPrompts(recipe, { tokenizer }, controls);
  const reward = await openOwnRewards(recipe, known);
  const poems = known.slice(0, prompts.length).map((poem) => poemExample(poem, plainRequest(poem), tokenizer));
  const items = poems.flatMap(({ id, promptIds, completionIds }) =>
    Array.from({ length: grpo.numGenerations }, (_, i): RolloutItem => {
      const completion = Array.from(completionIds).slice(0, recipe.maxNewTokens);
      const zeros = new Float64Array(completion.length);
      return {
        id,
        promptIds,
        completionIds: completion,
        advantage: i % 2 === 0 ? 1 : -1,
        isMasked: false,
        rollout: { metrics: {} },
        ...(grpo.numIterations > 1 || grpo.stepsPerGeneration > 1 ? { old: zeros } : {}),
        ...(grpo.beta > 0 ? { reference: zeros } : {}),
      };
    }),
  );
  const data: Dataset<RolloutItem> = {
    length: items.length,
    tokensOf: (index) => items[index]!.promptIds.length + items[index]!.completionIds.length,
    item: (index) => items[index]!,
  };

  const itemsPerStep = recipe.batchSize * recipe.gradientAccumulationSteps;
  const perRollout = itemsPerStep * grpo.stepsPerGeneration;
  const stepsPerRollout = grpo.numIterations * grpo.stepsPerGeneration;
  const totalSteps =
    recipe.maxSteps ?? Math.ceil(recipe.epochs * stepsPerRollout * Math.ceil(items.length / perRollout));
  const rollouts = Math.ceil(totalSteps / stepsPerRollout);
  // Reference and, where several updates are made of a rollout, the policy that wrote it.
  const readings = (grpo.beta > 0 ? 1 : 0) + (stepsPerRollout > 1 ? 1 : 0);
  const written = items.slice(0, perRollout);
  const completions = written.map(
    ({ completionIds }, i): Completion => ({
      prompt: Math.floor(i / grpo.numGenerations),
      ids: Array.from(completionIds).slice(0, -1),
      isFinished: true,
      reference: null,
    }),
  );
  const config = await readModelConfig(resolveModelFolder(recipe.model));
  return {
    layers: config.layers,
    parameters: parameterCount(config),
    totalSteps,
    samples: prompts.length,
    tokens: totalTokens(data),
    plan: planWork(data, { seed: recipe.seed, itemsPerStep }, totalSteps, objectiveOf(recipe, 1)),
    scoring: scoringOf(
      items.map(({ promptIds, completionIds }): Sequence => ({ promptIds, completionIds })),
      (readings * rollouts * perRollout * totalTokens(data)) / items.length,
    ),
    writing: {
      atOnce: written.length,
      // Held-out requests are written for once at every evaluation.
      total: rollouts * written.length + evaluationsOf(recipe.evalSteps, totalSteps) * held.length,
    },
    canBeCut: true,
    savesModel: false,
    notes: [
      `Each of the ${prompts.length} requests is written for ${grpo.numGenerations} times; poems are taken to be as long as the poets'.`,
      ...(recipe.rewards.some(isRewardModelName) ? ['Reward models are neither in the time nor in the memory.'] : []),
      ...samplingNote(recipe),
      ...missingNotes(recipe),
    ],
    open: async (kernels, choice = {}) => {
      const opened = await openBase(recipe, kernels, choice, recipe.adapter.slice(0, -1));
      const trained = await openStart(recipe, opened, choice);
      trim(recipe, opened, trained, poems);
      const { model } = opened;
      return {
        ...openStep(recipe, { model, parameters: trained.parameters, objective: objectiveOf(recipe, 1), data }),
        write: async (count) => {
          await generate(
            model,
            written.slice(0, count).map(({ promptIds }) => Array.from(promptIds)),
            {
              temperature: recipe.temperature,
              topP: recipe.topP,
              topK: recipe.topK,
              maxNewTokens: recipe.maxNewTokens,
              slots: Math.min(MOST_SLOTS, count),
              seed: recipe.seed,
              stopWhen: (sequence, generated) => generated.length >= written[sequence]!.completionIds.length,
            },
          );
          await judgeCompletions(completions.slice(0, count), requests, tokenizer, reward, [], controls.signal);
        },
      };
    },
  };
}

/** The rewards that need no model: theirs are the index of known lines and the reading of poems. */
async function openOwnRewards(recipe: GrpoRecipe, poems: readonly Poem[]): Promise<ComposedReward<RewardExample>> {
  const { rewardWeights } = recipe;
  const own = recipe.rewards.flatMap((name, i) =>
    isRewardModelName(name) || name === 'fluency' ? [] : [{ name, weight: rewardWeights?.[i] }],
  );
  const weights = own.flatMap(({ weight }) => (weight === undefined ? [] : [weight]));
  return openRewards(
    { rewards: own.map(({ name }) => name), rewardWeights: rewardWeights === undefined ? undefined : weights },
    { modelFolder: resolveModelFolder(recipe.model), poems, centres: new Map(), models: [] },
  );
}
