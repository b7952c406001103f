/**
 * Pairs before they are learnt from: those that prefer nothing, those that stand there twice, and those that would leak
 * what the model is judged by (validation and test poems, and the requests of such poems) are left out and counted.
 */
import { createHeldOutIndex, loadStarter, type Poem } from '@tuiqiao/corpus';
import type { Tokenizer } from '@tuiqiao/lm';
import type { RunWarning } from '@tuiqiao/schema';
import type { PreferencePair } from '@tuiqiao/tune';
import { promptIdsFor } from '@tuiqiao/verse';
import { plainRequest } from './poet/requests.ts';

export interface ExcludedPairs {
  /** Chosen and rejected are the same. */
  readonly identical: number;
  /** The same request, chosen and rejected as a pair before. */
  readonly duplicate: number;
  /** Chosen or rejected is a near duplicate of a held-out poem. */
  readonly heldOutPoem: number;
  /** The request is one that evaluation may ask: form, rhyme and title of a held-out poem. */
  readonly heldOutRequest: number;
}

export interface ScreenedPairs {
  readonly pairs: readonly PreferencePair[];
  readonly excluded: ExcludedPairs;
}

/** Poems that nothing may be learnt from: what is not of the training split, of the starter and of the corpora in use. */
export async function loadHeldOut(corpora: readonly (readonly Poem[])[]): Promise<Poem[]> {
  const poems = new Map<string, Poem>();
  for (const poem of [...(await loadStarter()), ...corpora.flat()]) {
    if (poem.labels.split !== 'train') poems.set(poem.id, poem);
  }
  return [...poems.values()];
}

/** @param heldOut see `loadHeldOut` */
export function screenPairs(
  pairs: readonly PreferencePair[],
  heldOut: readonly Poem[],
  tokenizer: Tokenizer,
): ScreenedPairs {
  const index = createHeldOutIndex(heldOut);
  const requests = new Set(
    heldOut.filter(({ title }) => title !== '').map((poem) => promptIdsFor(tokenizer, plainRequest(poem)).join()),
  );
  const leaks = new Map<string, boolean>();
  const isLeak = (key: string, ids: ArrayLike<number>): boolean => {
    const known = leaks.get(key);
    if (known !== undefined) return known;
    const found = index.find(tokenizer.decode(Array.from(ids), { skipSpecialTokens: true })) !== null;
    leaks.set(key, found);
    return found;
  };
  const excluded = { identical: 0, duplicate: 0, heldOutPoem: 0, heldOutRequest: 0 };
  const seen = new Set<string>();
  const kept = pairs.filter((pair) => {
    const prompt = Array.from(pair.promptIds).join();
    const chosen = Array.from(pair.chosenIds).join();
    const rejected = Array.from(pair.rejectedIds).join();
    const key = `${prompt} ${chosen} ${rejected}`;
    const fault =
      chosen === rejected
        ? 'identical'
        : seen.has(key)
          ? 'duplicate'
          : requests.has(prompt)
            ? 'heldOutRequest'
            : isLeak(chosen, pair.chosenIds) || isLeak(rejected, pair.rejectedIds)
              ? 'heldOutPoem'
              : null;
    seen.add(key);
    if (fault !== null) excluded[fault]++;
    return fault === null;
  });
  // Where no pair prefers anything, that is what must be told.
  return pairs.length > 0 && excluded.identical === pairs.length ? { pairs, excluded } : { pairs: kept, excluded };
}

/** Whatever was left out, as a warning of the run. */
export function exclusionWarnings({ excluded }: ScreenedPairs): RunWarning[] {
  const parts = describeExcluded(excluded);
  if (parts.length === 0) return [];
  return [{ type: 'run-warning', code: 'pairs-excluded', message: `pairs left out: ${parts.join('; ')}` }];
}

export function describeExcluded(excluded: ExcludedPairs): string[] {
  const { identical, duplicate, heldOutPoem, heldOutRequest } = excluded;
  return [
    ...(identical === 0 ? [] : [`${identical} whose chosen and rejected are the same`]),
    ...(duplicate === 0 ? [] : [`${duplicate} that stand there twice`]),
    ...(heldOutPoem === 0 ? [] : [`${heldOutPoem} near duplicates of held-out poems`]),
    ...(heldOutRequest === 0 ? [] : [`${heldOutRequest} for requests of held-out poems`]),
  ];
}
