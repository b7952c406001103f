/** Rhyme of a ci against the variant that it follows. */
import type { Book } from '../book-types.ts';
import type { Script } from '../scripts.ts';
import type { RhymeFound } from '../verdict.ts';
import { findRhymes, type RhymeSetFound } from './ci-rhyme.ts';
import type { CiIssue, SetText } from './set-text.ts';
import type { VariantShape } from './variant-shape.ts';

/** The rhymes of a ci: one group for each set, and the lines that leave it. */
export interface RhymeJudged {
  readonly sets: readonly RhymeSetFound[];
  /** Lines from 0. */
  readonly lines: readonly number[];
  readonly offLines: readonly number[];
  /** Whether a rhyme character is in no book, which leaves the rhyme open. */
  readonly hasUnknown: boolean;
  readonly issues: readonly CiIssue[];
}

/** Judges the rhymes of the lines that stand in a slot. */
export function judgeCiRhyme(shape: VariantShape, set: SetText, slotOf: Int32Array, book: Book): RhymeJudged {
  const indexOf = new Map<number, number>();
  for (const [index, slot] of slotOf.entries()) if (slot >= 0) indexOf.set(slot, index);
  const charAt = (slot: number) => {
    const index = indexOf.get(slot);
    return index === undefined ? undefined : set.flat.chars[index];
  };
  const sets = findRhymes(shape.rhymes, charAt, book);
  const off = sets.flatMap((found) => found.off.map((place) => ({ ...place, group: found.group! })));
  const lineOf = (slot: number) => set.places[indexOf.get(slot)!]!.line;
  const offSlots = new Set(off.map((place) => place.slot));
  const kept = shape.rhymes.filter(({ slot }) => indexOf.has(slot) && !offSlots.has(slot));
  return {
    sets,
    lines: [...new Set(kept.map(({ slot }) => lineOf(slot)))],
    offLines: [...new Set(off.map(({ slot }) => lineOf(slot)))],
    hasUnknown: kept.some(({ slot }) => set.known[indexOf.get(slot)!] === 0),
    issues: off.map(({ slot, tones, group }) => ({
      kind: off.length === 1 ? 'rhyme-one' : 'rhyme',
      ...set.places[indexOf.get(slot)!]!,
      wanted: tones,
      group,
    })),
  };
}

/** The rhymes as the verdict has them. */
export function describeCiRhyme(
  sets: readonly RhymeSetFound[],
  lines: readonly number[],
  offLines: readonly number[],
  book: Book,
  script: Script,
): RhymeFound | null {
  const found = sets.filter((set) => set.group !== null);
  if (found.length === 0) return null;
  const level = ({ group, tones }: RhymeSetFound) => {
    const own = book.group(group!)!.level;
    return own === '平仄' ? ['', '平', '仄', '平仄'][tones]! : own;
  };
  return {
    group: [...new Set(found.map(({ group }) => groupName(group!, book, script)))].join('、'),
    level: [...new Set(found.map(level))].join('、'),
    lines: lines.map((line) => line + 1),
    offLines: offLines.map((line) => line + 1),
  };
}

/** A group in the script of the poem. */
export function groupName(id: number, book: Book, script: Script): string {
  const group = book.group(id)!;
  return script === 'traditional' ? group.name : group.simplified;
}
