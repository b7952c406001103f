/** What is worked out once of a pattern and the characters fixed in it: open boxes, rhymes taken, rhymes still needed. */
import type { Layout, Pattern } from './layout.ts';
import { type RhymeNeed, rhymeNeeds, totalNeed } from './rhyme-supply.ts';
import type { ToneSets } from './tone-sets.ts';

/** The characters that are given, by slot. */
export interface FixedSlots {
  /** Inventory index; −1 where the character is free. */
  readonly indexes: Int32Array;
  /** 1 where the given character stands whatever its tone and rhyme. */
  readonly exempt: Uint8Array;
}

/** A pattern with what is computed from it once. */
export interface CompiledPattern {
  readonly rhymes: Pattern['rhymes'];
  readonly units: Pattern['units'];
  /** By unit: boxes that agree with the fixed characters. */
  readonly openBoxes: readonly number[];
  readonly needs: readonly (readonly RhymeNeed[])[];
  readonly hasTwoTones: boolean;
  /** −1 where there is none. */
  readonly echoSlot: number;
}

export function compilePattern(
  layout: Layout,
  pattern: Pattern,
  fixed: FixedSlots,
  sets: ToneSets,
  noRepeatedCharacters: boolean,
): CompiledPattern {
  return {
    rhymes: pattern.rhymes,
    units: pattern.units,
    openBoxes: openBoxesOf(layout, pattern, fixed, sets),
    needs: needsOf(pattern, (slot) => fixed.indexes[slot]! >= 0, noRepeatedCharacters),
    hasTwoTones: hasTwoTones(pattern),
    echoSlot: pattern.echoSlot ?? -1,
  };
}

/** Tones that one of the boxes admits at an offset. */
export function tonesAt(pattern: CompiledPattern, boxes: number, unit: number, offset: number): number {
  let tones = 0;
  for (let rest = boxes; rest !== 0; rest &= rest - 1) {
    tones |= pattern.units[unit]!.boxes[31 - Math.clz32(rest & -rest)]![offset]!;
  }
  return tones;
}

/** For each unit, the boxes (as bits) that the fixed characters leave; 0: the pattern cannot be written. */
export function openBoxesOf(layout: Layout, pattern: Pattern, fixed: FixedSlots, sets: ToneSets): number[] {
  const open = pattern.units.map((unit) => (1 << unit.boxes.length) - 1);
  for (const [slot, cell] of layout.slots.entries()) {
    const index = fixed.indexes[slot]!;
    if (index < 0 || fixed.exempt[slot]) continue;
    const tones = sets.listed.tones[index]!;
    for (const [box, bits] of pattern.units[cell.unit]!.boxes.entries()) {
      if ((bits[cell.offset]! & tones) === 0) open[cell.unit]! &= ~(1 << box);
    }
  }
  return open;
}

/** Fixed rhyme characters by set: no other rhyme may use them. */
export function fixedRhymes(pattern: Pattern, fixed: FixedSlots): number[][] {
  const used: number[][] = Array.from({ length: pattern.setCount }, () => []);
  for (const [slot, rhyme] of pattern.rhymes.entries()) {
    const index = fixed.indexes[slot]!;
    if (rhyme && index >= 0 && !used[rhyme.set]!.includes(index)) used[rhyme.set]!.push(index);
  }
  return used;
}

/** What each set needs from each slot on; of all sets together when no character may be repeated. */
export function needsOf(
  pattern: Pattern,
  isFixed: (slot: number) => boolean,
  noRepeatedCharacters: boolean,
): (readonly RhymeNeed[])[] {
  const needs = rhymeNeeds(pattern, isFixed);
  if (!noRepeatedCharacters || pattern.setCount === 1) return needs;
  return needs.map((sets) => {
    const total = totalNeed(sets);
    return sets.map((need) => (need.all === 0 ? need : total));
  });
}

function hasTwoTones(pattern: Pattern): boolean {
  const tones = new Map<number, number>();
  for (const rhyme of pattern.rhymes) {
    if (rhyme) tones.set(rhyme.set, (tones.get(rhyme.set) ?? rhyme.tones) | rhyme.tones);
  }
  return [...tones.values()].includes(3);
}

/** Groups that neighbour one of the groups. */
export function borrowed(groups: number, neighbours: Uint32Array): number {
  let found = 0;
  for (let rest = groups; rest !== 0; rest &= rest - 1) found |= neighbours[31 - Math.clz32(rest & -rest)]!;
  return found;
}

export function withItem<T>(items: readonly T[], at: number, item: T): readonly T[] {
  if (items[at] === item) return items;
  const copy = [...items];
  copy[at] = item;
  return copy;
}
