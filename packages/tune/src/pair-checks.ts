/** What is wrong with preference pairs before anything is learnt from them. */
import { TuneError } from './errors.ts';
import type { Dataset, PreferencePair } from './items.ts';

/**
 * Looks for pairs that prefer nothing and pairs that were cut.
 *
 * @returns sentences that begin with "warning:"
 * @throws TuneError `dpo-pairs` when chosen and rejected are the same in every pair
 */
export function inspectPairs(data: Dataset<PreferencePair>): string[] {
  let identical = 0;
  let truncated = 0;
  for (let p = 0; p < data.length; p++) {
    const pair = data.item(p);
    if (isSameSequence(pair.chosenIds, pair.rejectedIds)) identical++;
    if (pair.isTruncated === true) truncated++;
  }
  if (data.length > 0 && identical === data.length) {
    throw new TuneError('dpo-pairs', 'pairs: expected chosen and rejected to differ, got the same text in every pair');
  }
  const notes: string[] = [];
  if (identical > 0) notes.push(`warning: chosen and rejected are the same in ${identical} of ${data.length} pairs`);
  if (truncated > 0) notes.push(`warning: ${truncated} of ${data.length} pairs are cut off at the length limit`);
  return notes;
}

function isSameSequence(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
