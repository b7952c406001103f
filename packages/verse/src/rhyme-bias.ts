/**
 * A model scores a character with all its readings; where the rhyme must be level, only the level one counts. So a
 * character that poets read level in 5 % of its uses (不 in 尤) keeps 5 % of its weight: it can still rhyme, seldom.
 */
import { toneUsage } from '@tuiqiao/prosody';
import type { PoemConstraint } from './constraint.ts';
import type { WritingRequest } from './request-plan.ts';
import type { TokenInventory } from './token-inventory.ts';

/** No reading is rarer than this: the counts are too small to tell. */
const LEAST_SHARE = 0.01;

export type RhymeBias = (constraint: PoemConstraint, mask: Uint32Array) => Float32Array | null;

/** For regulated verse; in ci the tone of a rhyme is not the same everywhere, and nothing is done. */
export function createRhymeBias(tokens: TokenInventory, request: WritingRequest): RhymeBias | null {
  if (request.tune !== undefined || request.weighsReadings !== true) return null;
  const logShares = new Map<string, number>();
  const logShare = (character: string): number => {
    let value = logShares.get(character);
    if (value === undefined) {
      const usage = toneUsage(character);
      value = usage === undefined ? 0 : Math.log(Math.max(LEAST_SHARE, usage.level / (usage.level + usage.oblique)));
      logShares.set(character, value);
    }
    return value;
  };
  return (constraint, mask) => {
    if (!constraint.isRhymeNext) return null;
    const bias = new Float32Array(tokens.words * 32);
    for (let word = 0; word < mask.length; word++) {
      for (let bits = mask[word]!; bits !== 0; bits &= bits - 1) {
        const id = word * 32 + 31 - Math.clz32(bits & -bits);
        const [first] = tokens.charactersOf(id);
        if (first !== undefined) bias[id] = logShare(first);
      }
    }
    return bias;
  };
}
