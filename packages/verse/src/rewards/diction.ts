/** Characters that poets use: rare ones keep rules, copy nobody and repeat nothing, and mean nothing either. */
import { clamp, linesOf, type PoemReward } from './poem-reward.ts';

/** Seen less often than this in the reference texts: rare. */
const LEAST_COUNT = 3;
/** Share of rare characters that costs everything; of 500 held-out poems none has half as much. */
const WHOLE_SHARE = 0.3;

/** @param texts verse to learn from which characters are in use; some thousand poems are enough */
export function createDictionReward(texts: Iterable<string>): PoemReward {
  const counts = new Map<string, number>();
  for (const text of texts) for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  return {
    name: 'diction',
    range: [0, 1],
    score: (text) => {
      const characters = linesOf(text).flat();
      if (characters.length === 0) return 0;
      const rare = characters.filter((char) => (counts.get(char) ?? 0) < LEAST_COUNT).length;
      return clamp(1 - rare / characters.length / WHOLE_SHARE, 0, 1);
    },
  };
}
