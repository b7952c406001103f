/**
 * Whether a rhyme group still has enough different characters for the rhymes to come: what keeps the machine out of
 * corners. Exact for one tone, and for 叶 (two tones in one part) by Hall's condition on the two tones and their union.
 */
import type { Pattern } from './layout.ts';
import type { ToneSets } from './tone-sets.ts';

/** Free rhyme slots to come, by set: level only, oblique only, all. */
export interface RhymeNeed {
  readonly level: number;
  readonly oblique: number;
  readonly all: number;
}

const NOTHING: RhymeNeed = { level: 0, oblique: 0, all: 0 };

/**
 * What is still needed from each slot on.
 *
 * @returns `[slots + 1][sets]`
 */
export function rhymeNeeds(pattern: Pattern, isFixed: (slot: number) => boolean): (readonly RhymeNeed[])[] {
  const needs: RhymeNeed[][] = [];
  let current = Array.from({ length: pattern.setCount }, () => NOTHING);
  needs[pattern.rhymes.length] = current;
  for (let slot = pattern.rhymes.length - 1; slot >= 0; slot--) {
    const rhyme = pattern.rhymes[slot];
    // A first line that may borrow does not depend on its own group's supply.
    if (rhyme && !rhyme.mayBorrow && !isFixed(slot)) {
      current = [...current];
      const before = current[rhyme.set]!;
      current[rhyme.set] = {
        level: before.level + (rhyme.tones === 1 ? 1 : 0),
        oblique: before.oblique + (rhyme.tones === 2 ? 1 : 0),
        all: before.all + 1,
      };
    }
    needs[slot] = current;
  }
  return needs;
}

/** The need of all sets together: what one group must hold when no character may come twice in the poem. */
export function totalNeed(needs: readonly RhymeNeed[]): RhymeNeed {
  return needs.reduce(
    (sum, need) => ({
      level: sum.level + need.level,
      oblique: sum.oblique + need.oblique,
      all: sum.all + need.all,
    }),
    NOTHING,
  );
}

/**
 * Of the groups, those with enough characters left.
 *
 * @param groups bits of group − 1
 * @param used inventory indexes that may not come again
 * @param spare characters that must be left over: 0 for "enough", n for "enough even if n more go"
 */
export function suppliedGroups(
  sets: ToneSets,
  groups: number,
  need: RhymeNeed,
  used: readonly number[],
  spare: number,
): number {
  if (need.all === 0) return groups;
  const { levelGroups, obliqueGroups, groupSizes } = sets;
  let supplied = groups;
  for (let rest = groups; rest !== 0; rest &= rest - 1) {
    const group = 31 - Math.clz32(rest & -rest);
    let level = groupSizes[1]![group]! - spare;
    let oblique = groupSizes[2]![group]! - spare;
    let either = groupSizes[3]![group]! - spare;
    for (const index of used) {
      const isLevel = (levelGroups[index]! >>> group) & 1;
      const isOblique = (obliqueGroups[index]! >>> group) & 1;
      level -= isLevel;
      oblique -= isOblique;
      either -= isLevel | isOblique;
    }
    const isEnough =
      (need.level === 0 || level >= need.level) &&
      (need.oblique === 0 || oblique >= need.oblique) &&
      either >= need.all;
    if (!isEnough) supplied &= ~(1 << group);
  }
  return supplied;
}
