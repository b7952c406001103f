/** The rewards a recipe can name, with their usual weights and gates, in the order in which they open for one another. */
import type { RewardPart } from './compose-reward.ts';
import { createDictionReward } from './diction.ts';
import { diversityReward } from './diversity.ts';
import { createFluencyReward, type FluencyCentre } from './fluency.ts';
import { createNoveltyReward, type NoveltyLookup } from './novelty.ts';
import type { RewardExample } from './poem-reward.ts';
import { repetitionReward } from './repetition.ts';
import { rhymeReward } from './rhyme.ts';
import { shapeReward } from './shape.ts';
import { tonesReward } from './tones.ts';

export const REWARD_NAMES = [
  'shape',
  'novelty',
  'repetition',
  'diction',
  'rhyme',
  'tones',
  'fluency',
  'diversity',
] as const;

export type RewardName = (typeof REWARD_NAMES)[number];

export interface RewardMaterials {
  /** For `novelty`: of everything the model saw. */
  readonly lineIndexes: readonly NoveltyLookup[];
  /** For `diction`. */
  readonly texts: Iterable<string>;
  /** For `fluency`; without them it does not apply. */
  readonly centres?: ReadonlyMap<string, FluencyCentre>;
}

export function isRewardName(name: string): name is RewardName {
  return (REWARD_NAMES as readonly string[]).includes(name);
}

/**
 * A named reward with its usual weight and gate. Length comes first: without its shape a text earns nothing further.
 * Then novelty, repetition and diction, each with a gate that any ordinary poem passes: what keeps every rule by copying,
 * repeating or rare characters earns nothing for the rules. Rhyme and tones weigh most of what is left.
 */
export function namedReward(name: RewardName, materials: RewardMaterials): RewardPart<RewardExample> {
  switch (name) {
    case 'shape':
      return { reward: shapeReward, weight: 1, gate: 1 };
    case 'novelty':
      return { reward: createNoveltyReward(materials.lineIndexes), weight: 0.5, gate: 0 };
    case 'repetition':
      return { reward: repetitionReward, weight: 0.5, gate: 0.5 };
    case 'diction':
      return { reward: createDictionReward(materials.texts), weight: 0.5, gate: 0.5 };
    case 'rhyme':
      return { reward: rhymeReward, weight: 1 };
    case 'tones':
      return { reward: tonesReward, weight: 1 };
    case 'fluency':
      return { reward: createFluencyReward(materials.centres ?? new Map()), weight: 0.5 };
    case 'diversity':
      return { reward: diversityReward, weight: 0.25 };
    default:
      return name satisfies never;
  }
}
