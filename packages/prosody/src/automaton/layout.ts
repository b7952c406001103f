/**
 * The form of a poem as the machine walks it: cells (characters and marks) and, for every pattern that the plan leaves
 * open, the legal tones of each slot and the rhymes. Types and helpers; the forms themselves are in the neighbours.
 */

import { LIKELY_LEVEL } from './tone-sets.ts';

/** Bit 1: 平, bit 2: 仄. */
export type ToneBits = 1 | 2 | 3;

/** One character to be written. */
export interface SlotCell {
  readonly line: number;
  readonly position: number;
  /** Which unit of every pattern it belongs to, and where in it. */
  readonly unit: number;
  readonly offset: number;
}

/** A slot that rhymes. */
export interface RhymeSlot {
  /** Which of the poem's rhymes, from 0. */
  readonly set: number;
  readonly tones: ToneBits;
  /** The first line may borrow from a neighbour group (首句借邻韵). */
  readonly mayBorrow: boolean;
  /** A short line that may repeat the rhyme character just before it (叠句: 知否，知否). */
  readonly mayRepeat: boolean;
}

/**
 * Lines whose tones depend on each other (a couplet, because of 拗救; a line of ci). It is legal when one of the boxes
 * holds at every offset, and inside a box the offsets are independent of each other.
 */
export interface Unit {
  /** At most 30 boxes, each with tone bits (those of `ToneSets`) by offset. */
  readonly boxes: readonly Uint8Array[];
}

/** One way to write the form, e.g. 平起 with the first line rhyming. All patterns of a layout have the same cells. */
export interface Pattern {
  readonly name: string;
  readonly units: readonly Unit[];
  /** By slot. */
  readonly rhymes: readonly (RhymeSlot | null)[];
  readonly setCount: number;
  /**
   * A slot whose character, though oblique here, is not to be the rhyme later if it has a level reading as well: the end
   * of a first line that does not rhyme, which would then be read as rhyming with itself.
   */
  readonly echoSlot?: number;
}

export interface Layout {
  /** In writing order: the number of a slot, or a mark. */
  readonly cells: readonly (number | string)[];
  readonly slots: readonly SlotCell[];
  readonly patterns: readonly Pattern[];
  readonly lineCount: number;
}

const BITS: Readonly<Record<string, number>> = { 平: 1, 仄: 2, 中: 3, 常: LIKELY_LEVEL };

/** Tone bits of a string of 平 仄 中 常 (平 by a reading that poets do use). */
export function toneBitsOf(slots: Iterable<string>): Uint8Array {
  return Uint8Array.from(slots, (slot) => BITS[slot]!);
}
