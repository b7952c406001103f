/** The rewards of a recipe: built-in ones with what they need, those of files, their weights and gates, as one. */
import type { Poem } from '@tuiqiao/corpus';
import type { GrpoRecipe } from '@tuiqiao/schema';
import { type FrozenReference, scoreCompletions } from '@tuiqiao/tune';
import {
  type ComposedReward,
  composeReward,
  type FluencyCentre,
  fluencyCentres,
  isRewardName,
  namedReward,
  REWARD_NAMES,
  type RewardExample,
  type RewardPart,
} from '@tuiqiao/verse';
import { RecipesError } from './errors.ts';
import { poemExample } from './examples.ts';
import { openLineIndexes } from './line-indexes.ts';
import type { OpenedModel } from './models.ts';
import { choosePoems, formNameOf, plainRequest } from './poet/requests.ts';
import { isRewardFile, loadRewardFile } from './reward-files.ts';
import { isRewardModelName, modelReward, type RewardModel } from './reward-models.ts';

/** Real poems of each form whose likelihood says what is fluent. */
const POEMS_PER_FORM = 48;

/** True when some reward reads log-probabilities under the frozen reference. */
export function needsLikelihood({ rewards }: Pick<GrpoRecipe, 'rewards'>): boolean {
  return rewards.includes('fluency');
}

export interface RewardSources {
  readonly modelFolder: string;
  /** Of the training split: what is in use, and what is fluent. */
  readonly poems: readonly Poem[];
  readonly centres: ReadonlyMap<string, FluencyCentre>;
  /** Those that the recipe names, in its order. */
  readonly models: readonly RewardModel[];
}

/** @throws RecipesError `recipe-bad-value` for unknown names, broken files and wrong weights; VerseError `verse-reward` */
export async function openRewards(
  recipe: Pick<GrpoRecipe, 'rewards' | 'rewardWeights'>,
  sources: RewardSources,
): Promise<ComposedReward<RewardExample>> {
  const { rewards, rewardWeights } = recipe;
  if (rewardWeights !== undefined && rewardWeights.length !== rewards.length) {
    throw new RecipesError(
      'recipe-bad-value',
      `rewardWeights: expected ${rewards.length} weights, one for each of ${rewards.join(', ')}, got ${rewardWeights.length}`,
    );
  }
  const materials = {
    lineIndexes: rewards.includes('novelty') ? await openLineIndexes(sources.modelFolder) : [],
    texts: rewards.includes('diction') ? sources.poems.map(({ text }) => text) : [],
    centres: sources.centres,
  };
  const models = [...sources.models];
  const parts: RewardPart<RewardExample>[] = [];
  for (const [i, name] of rewards.entries()) {
    const part = isRewardModelName(name)
      ? { reward: modelReward(models.shift()!.name), weight: 1 }
      : await openPart(name, materials);
    parts.push({ ...part, weight: rewardWeights?.[i] ?? part.weight });
  }
  return composeReward(parts);
}

async function openPart(
  name: string,
  materials: Parameters<typeof namedReward>[1],
): Promise<RewardPart<RewardExample>> {
  if (isRewardName(name)) return namedReward(name, materials);
  if (isRewardFile(name)) return { reward: await loadRewardFile(name), weight: 1 };
  throw new RecipesError(
    'recipe-bad-value',
    `rewards: expected names of ${REWARD_NAMES.join(', ')} or files such as ./moon.ts, got ${name}`,
    { hint: 'A reward model is named as rm:FOLDER.' },
  );
}

/**
 * How likely poets' poems are under the reference, by form: what `fluency` is measured against. At the temperature that
 * completions are scored at.
 */
export async function measureFluency(
  { model, tokenizer }: OpenedModel,
  reference: FrozenReference,
  poems: readonly Poem[],
  { seed, temperature }: Pick<GrpoRecipe, 'seed' | 'temperature'>,
): Promise<Map<string, FluencyCentre>> {
  const names = [...new Set(poems.map(formNameOf))];
  const chosen = choosePoems(poems, names, POEMS_PER_FORM, seed);
  const sequences = chosen.map((poem) => poemExample(poem, plainRequest(poem), tokenizer));
  const scored = await reference.during(() => scoreCompletions(model, sequences, { temperature }));
  return fluencyCentres(chosen.map((poem, i) => ({ form: formNameOf(poem), meanLogProb: meanOf(scored[i]!) })));
}

export function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
