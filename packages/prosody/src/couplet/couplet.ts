// 对联: two lines that stand alone. What the lower line's slots ask for, given the upper one; text of several clauses
// (风声雨声读书声，声声入耳) is halved.

import type { PoemLine } from '../text.ts';

export const COUPLET_FORM = '联';

const NAMES: readonly string[] = ['联', '聯', '对联', '對聯', '对句', '對句', '联语', '聯語', '楹联', '楹聯'];

export function isCoupletName(name: string): boolean {
  return NAMES.includes(name.trim());
}

/** Clauses of the upper line and of the lower one; of an odd number the upper one has the clause more. */
export function halveCouplet(lines: readonly PoemLine[]): readonly [readonly PoemLine[], readonly PoemLine[]] {
  const half = Math.ceil(lines.length / 2);
  return [lines.slice(0, half), lines.slice(half)];
}

/** 1 平, 2 仄, 3 either: the lower line's slots, and those of which one must be 平 (孤平); from 0 in a clause. */
export interface FacingSlots {
  readonly slots: readonly number[];
  /** 孤平: of these two places one must be 平; null where it cannot arise. */
  readonly lonely: readonly [number, number] | null;
}

const FEWEST_FOR_A_TAIL = 5;
const opposite = (tone: number): number => (tone === 3 ? 3 : 3 - tone);

/**
 * What faces a clause: the opposite tone in every second place and in the last; three tones alike at the end (三平尾, 三仄尾)
 * and 孤平 are avoided.
 *
 * @param upper tone masks of the clause above, each read in the tone that verse gives it mostly
 */
export function facingSlots(upper: readonly number[]): FacingSlots {
  const { length } = upper;
  const last = length - 1;
  const slots = upper.map((tone, place) => (place % 2 === 1 || place === last ? opposite(tone) : 3));
  if (length < FEWEST_FOR_A_TAIL) return { slots, lonely: null };
  // Two of the last three are decided; if they are alike the third must not be.
  const free = [last - 2, last - 1].find((place) => slots[place] === 3);
  const other = free === last - 2 ? last - 1 : last - 2;
  if (free !== undefined && slots[last] !== 3 && slots[other] === slots[last]) slots[free] = opposite(slots[last]!);
  const core = length - FEWEST_FOR_A_TAIL;
  const isLevelLine = length % 2 === 1 && slots[core + 1] === 1 && slots[core + 3] === 2 && slots[last] === 1;
  return { slots, lonely: isLevelLine ? [core, core + 2] : null };
}
