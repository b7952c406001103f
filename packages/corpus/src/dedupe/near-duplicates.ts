/**
 * Exact and near duplicates over all collections. Two poems are near duplicates when at least half of the lines of the
 * shorter one stand in the other, word for word after folding. Clusters are the connected components.
 */

import { DisjointSets } from './disjoint-sets.ts';
import { hashLine } from './line-hash.ts';

/** A line that stands in more poems than this is a formula (a refrain, a liturgy), not evidence of a copy. */
const MAX_POEMS_PER_LINE = 64;
/** A poem index takes 19 bits beside 34 bits of the line's hash in one exact double. */
const INDEX_RANGE = 2 ** 19;
const HASH_RANGE = 2 ** 34;

export interface DuplicateReport {
  /** Cluster of each poem: the smallest poem index in it. */
  readonly cluster: Int32Array;
  /** 1 where an earlier poem has the same lines. */
  readonly isExactCopy: Uint8Array;
  /** 1 where another poem shares half of the lines or more (exact copies too). */
  readonly isNearDuplicate: Uint8Array;
}

/**
 * @param poems each poem's lines without punctuation, in reading order; at most 524,288 poems
 * @param onPair called for each near-duplicate pair (first < second), for counts across collections
 */
export function findDuplicates(
  poems: readonly (readonly string[])[],
  onPair?: (first: number, second: number) => void,
): DuplicateReport {
  if (poems.length > INDEX_RANGE)
    throw new RangeError(`findDuplicates: expected at most ${INDEX_RANGE} poems, got ${poems.length}`);
  const isExactCopy = markExactCopies(poems);
  const isNearDuplicate = new Uint8Array(poems.length);
  const sets = new DisjointSets(poems.length);

  for (const [pair, shared] of countSharedLines(poems)) {
    const first = Math.floor(pair / INDEX_RANGE);
    const second = pair % INDEX_RANGE;
    const needed = Math.min(new Set(poems[first]).size, new Set(poems[second]).size) / 2;
    if (shared < needed || countCommonLines(poems[first]!, poems[second]!) < needed) continue;
    isNearDuplicate[first] = 1;
    isNearDuplicate[second] = 1;
    sets.join(first, second);
    onPair?.(first, second);
  }

  const cluster = new Int32Array(poems.length);
  for (let i = 0; i < poems.length; i++) cluster[i] = sets.find(i);
  return { cluster, isExactCopy, isNearDuplicate };
}

function markExactCopies(poems: readonly (readonly string[])[]): Uint8Array {
  const isExactCopy = new Uint8Array(poems.length);
  const seen = new Set<string>();
  for (let i = 0; i < poems.length; i++) {
    const key = poems[i]!.join('\n');
    if (key === '') continue;
    if (seen.has(key)) isExactCopy[i] = 1;
    else seen.add(key);
  }
  return isExactCopy;
}

/** (first · 2¹⁹ + second) → number of distinct line hashes both have. */
function countSharedLines(poems: readonly (readonly string[])[]): Map<number, number> {
  let total = 0;
  for (const lines of poems) total += lines.length;
  // hash · 2¹⁹ + poem: a plain numeric sort brings the poems of one line together, with no map of three million keys.
  const keys = new Float64Array(total);
  let at = 0;
  for (let poem = 0; poem < poems.length; poem++)
    for (const line of poems[poem]!) keys[at++] = (hashLine(line) % HASH_RANGE) * INDEX_RANGE + poem;
  keys.sort();

  const shared = new Map<number, number>();
  let start = 0;
  while (start < total) {
    const hash = Math.floor(keys[start]! / INDEX_RANGE);
    const members: number[] = [];
    let end = start;
    for (; end < total && Math.floor(keys[end]! / INDEX_RANGE) === hash; end++) {
      const poem = keys[end]! % INDEX_RANGE;
      if (members.at(-1) !== poem) members.push(poem);
    }
    start = end;
    if (members.length < 2 || members.length > MAX_POEMS_PER_LINE) continue;
    for (let i = 0; i < members.length; i++)
      for (let j = i + 1; j < members.length; j++) {
        const pair = members[i]! * INDEX_RANGE + members[j]!;
        shared.set(pair, (shared.get(pair) ?? 0) + 1);
      }
  }
  return shared;
}

// The hashes proposed the pair; the lines themselves decide, so that no collision joins two poems.
function countCommonLines(first: readonly string[], second: readonly string[]): number {
  const lines = new Set(first);
  let common = 0;
  for (const line of new Set(second)) if (lines.has(line)) common++;
  return common;
}
