/** Other poems for the same request should be other poems. */
import { linesOf, type PoemReward } from './poem-reward.ts';

/** 1 minus the largest share of character pairs a poem has in common with another of its group. NaN when written alone. */
export const diversityReward: PoemReward = {
  name: 'diversity',
  range: [0, 1],
  score: (text, { group }) => {
    if (group === undefined || group.texts.length < 2) return Number.NaN;
    const own = pairsOf(text);
    let most = 0;
    for (const [place, other] of group.texts.entries()) {
      if (place !== group.place) most = Math.max(most, overlap(own, pairsOf(other)));
    }
    return 1 - most;
  },
};

function pairsOf(text: string): Set<string> {
  const pairs = new Set<string>();
  for (const line of linesOf(text)) for (let i = 1; i < line.length; i++) pairs.add(`${line[i - 1]}${line[i]}`);
  return pairs;
}

/** Common pairs over those of the smaller set; texts without pairs are all alike. */
function overlap(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const smaller = Math.min(a.size, b.size);
  if (smaller === 0) return a.size === b.size ? 1 : 0;
  let common = 0;
  for (const pair of a) if (b.has(pair)) common++;
  return common / smaller;
}
