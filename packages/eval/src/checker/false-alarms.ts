/** The checker's own error: how often it faults a poem of the canon that has no fault. Measured anew each time it is asked. */
import { check } from '@tuiqiao/prosody';
import { type Rate, wilson } from '../intervals.ts';
import { CANON, type CanonPoem } from './canon.ts';

export interface FalseAlarms {
  /** Poems that keep every rule, called faulty by the strict score. */
  readonly strict: Rate;
  /** Poems that break no rule, called faulty by the lenient score. */
  readonly lenient: Rate;
  /** Titles of those called faulty. */
  readonly poems: readonly string[];
}

/** A score below 100 % of real poems tells of the poets only as far as this is 0. */
export function measureFalseAlarms(canon: readonly CanonPoem[] = CANON): FalseAlarms {
  const poems: string[] = [];
  const counts = { strict: { k: 0, n: 0 }, lenient: { k: 0, n: 0 } };
  for (const { grade, form, author, title, text } of canon) {
    if (grade === '疵') continue;
    const verdict = check({ text, form });
    for (const kind of ['strict', 'lenient'] as const) {
      if (kind === 'strict' && grade !== '合') continue;
      counts[kind].n++;
      if (verdict[kind].all) continue;
      counts[kind].k++;
      poems.push(`${author}《${title}》`);
    }
  }
  return {
    strict: wilson(counts.strict.k, counts.strict.n),
    lenient: wilson(counts.lenient.k, counts.lenient.n),
    poems: [...new Set(poems)],
  };
}
