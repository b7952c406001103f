/** Train, validation and test by near-duplicate cluster: a function of the cluster's smallest poem id and nothing else. */
import { hashLine } from './dedupe/line-hash.ts';
import type { PoemLabels } from './poem.ts';

/** Shares of clusters; the rest is train. */
export const VALIDATION_SHARE = 0.02;
export const TEST_SHARE = 0.02;

const HASH_RANGE = 2 ** 53;

/** Stable under any change of order, of other poems, and of the labels. */
export function splitOfCluster(smallestId: string): PoemLabels['split'] {
  const place = hashLine(smallestId) / HASH_RANGE;
  if (place < TEST_SHARE) return 'test';
  if (place < TEST_SHARE + VALIDATION_SHARE) return 'validation';
  return 'train';
}

/** The smallest poem id (by code unit) of every cluster. */
export function smallestIds(ids: readonly string[], cluster: ArrayLike<number>): Map<number, string> {
  const smallest = new Map<number, string>();
  for (let i = 0; i < ids.length; i++) {
    const known = smallest.get(cluster[i]!);
    if (known === undefined || ids[i]! < known) smallest.set(cluster[i]!, ids[i]!);
  }
  return smallest;
}
