/**
 * The automaton itself: it follows every pattern that the plan leaves open at once, each with its legal boxes of tones
 * and the rhyme groups still possible. A character is allowed when some pattern survives it and can still be completed.
 */
import type { CharacterInventory } from './inventory.ts';
import type { Layout, Pattern, RhymeSlot } from './layout.ts';
import type { AllowedSet, AutomatonState, Place, PoemAutomaton } from './poem-automaton.ts';
import { type RhymeNeed, rhymeNeeds, suppliedGroups, totalNeed } from './rhyme-supply.ts';
import { GROUP_BITS, groupsOf, type ToneSets } from './tone-sets.ts';

/** What the compiler hands over, checked and with impossible patterns already taken out. */
export interface MachineParts {
  readonly layout: Layout;
  readonly sets: ToneSets;
  readonly inventory: CharacterInventory;
  /** Inventory index by slot; −1 where the character is free. */
  readonly fixed: Int32Array;
  /** Groups of the book from which the first line may borrow, by group − 1, as bits. */
  readonly neighbours: Uint32Array;
  /** Rhyme groups of each set that the plan leaves open, by pattern. */
  readonly initialGroups: readonly (readonly number[])[];
  readonly noRepeatedCharacters: boolean;
}

/** One pattern still alive. Arrays are by rhyme set. */
interface Branch {
  readonly pattern: number;
  /** Boxes of the current unit that still hold. */
  readonly boxes: number;
  readonly groups: readonly number[];
  /** Rhyme characters that may not come again: those written and those fixed for later. */
  readonly used: readonly (readonly number[])[];
  /** The rhyme character written last; −1 before the first. */
  readonly last: readonly number[];
}

interface MachineState extends AutomatonState {
  readonly branches: readonly Branch[];
  /** Every character written, when none may be repeated. */
  readonly written: readonly number[];
}

/** A pattern with what is computed from it once. */
interface CompiledPattern {
  readonly rhymes: Pattern['rhymes'];
  readonly units: Pattern['units'];
  /** By unit: boxes that agree with the fixed characters. */
  readonly openBoxes: readonly number[];
  readonly needs: readonly (readonly RhymeNeed[])[];
  readonly hasTwoTones: boolean;
}

const END: AllowedSet = { kind: 'end' };

/** @returns the automaton over parts that `compilePlan` has checked */
export function createMachine(parts: MachineParts): PoemAutomaton {
  const { layout, sets, inventory, fixed, noRepeatedCharacters } = parts;
  const { cells, slots } = layout;
  const isFixed = (slot: number) => fixed[slot]! >= 0;
  const patterns: CompiledPattern[] = layout.patterns.map((pattern) => ({
    rhymes: pattern.rhymes,
    units: pattern.units,
    openBoxes: openBoxesOf(layout, pattern, fixed, sets),
    needs: needsOf(pattern, isFixed, noRepeatedCharacters),
    hasTwoTones: hasTwoTones(pattern),
  }));
  const plainSets: AllowedSet[] = sets.byTone.map((bits) => ({
    kind: 'characters',
    bits,
    isRhyme: false,
  }));
  const markSets = new Map<string, AllowedSet>();
  for (const cell of cells) if (typeof cell === 'string') markSets.set(cell, { kind: 'mark', mark: cell });
  const fixedSets = new Map<number, AllowedSet>();
  const rhymeBitsCache = new Map<number, Uint32Array>();

  const start: MachineState = {
    index: 0,
    branches: layout.patterns.map((pattern, index) => ({
      pattern: index,
      boxes: 0,
      groups: parts.initialGroups[index]!,
      used: fixedRhymes(pattern, fixed),
      last: new Array<number>(pattern.setCount).fill(-1),
    })),
    written: noRepeatedCharacters ? [...new Set(fixed)].filter((index) => index >= 0) : [],
  };

  /** Boxes that hold before the slot is written. */
  function boxesBefore(branch: Branch, slot: number): number {
    const isNewUnit = slot === 0 || slots[slot - 1]!.unit !== slots[slot]!.unit;
    return isNewUnit ? patterns[branch.pattern]!.openBoxes[slots[slot]!.unit]! : branch.boxes;
  }

  function rhymeGroupsFor(branch: Branch, rhyme: RhymeSlot): number {
    const own = branch.groups[rhyme.set]!;
    return rhyme.mayBorrow ? own | borrowed(own, parts.neighbours) : own;
  }

  function advanceSlot(state: MachineState, slot: number, character: number): MachineState | null {
    if (character < 0 || (isFixed(slot) ? fixed[slot] !== character : state.written.includes(character))) return null;
    const written = noRepeatedCharacters && !isFixed(slot) ? [...state.written, character] : state.written;
    const branches: Branch[] = [];
    for (const branch of state.branches) {
      const next = advanceBranch(branch, slot, character, written);
      if (next !== null) branches.push(next);
    }
    return branches.length === 0 ? null : ({ index: state.index + 1, branches, written } satisfies MachineState);
  }

  function advanceBranch(branch: Branch, slot: number, character: number, written: readonly number[]): Branch | null {
    const pattern = patterns[branch.pattern]!;
    const own = isFixed(slot) ? sets.listed : sets;
    const tones = own.tones[character]!;
    const { unit, offset } = slots[slot]!;
    const unitBoxes = pattern.units[unit]!.boxes;
    let boxes = 0;
    for (let rest = boxesBefore(branch, slot); rest !== 0; rest &= rest - 1) {
      const box = 31 - Math.clz32(rest & -rest);
      if (unitBoxes[box]![offset]! & tones) boxes |= 1 << box;
    }
    if (boxes === 0) return null;
    const rhyme = pattern.rhymes[slot];
    let { groups, used, last } = branch;
    if (rhyme) {
      const { set } = rhyme;
      const isRepeat = rhyme.mayRepeat && last[set] === character;
      if (!isRepeat && !isFixed(slot) && used[set]!.includes(character)) return null;
      const reached = groupsOf(own, character, rhyme.tones);
      const open = groups[set]! & (rhyme.mayBorrow ? reached | borrowed(reached, parts.neighbours) : reached);
      if (open === 0) return null;
      groups = withItem(groups, set, open);
      last = withItem(last, set, character);
      if (!isRepeat && !isFixed(slot)) used = withItem(used, set, [...used[set]!, character]);
    }
    if (rhyme || noRepeatedCharacters) {
      const needs = pattern.needs[slot + 1]!;
      for (let set = 0; set < groups.length; set++) {
        const need = needs[set]!;
        if (need.all === 0) continue;
        const supplied = suppliedGroups(sets, groups[set]!, need, noRepeatedCharacters ? written : used[set]!, 0);
        if (supplied === 0) return null;
        groups = withItem(groups, set, supplied);
      }
    }
    return { pattern: branch.pattern, boxes, groups, used, last };
  }

  function allowedAt(state: MachineState, slot: number): AllowedSet {
    if (isFixed(slot)) return fixedSet(slot, state);
    let plainTones = 0;
    let hasRhyme = false;
    for (const branch of state.branches) {
      const pattern = patterns[branch.pattern]!;
      if (pattern.rhymes[slot]) hasRhyme = true;
      else plainTones |= tonesAt(pattern, boxesBefore(branch, slot), slots[slot]!.unit, slots[slot]!.offset);
    }
    if (!hasRhyme && !noRepeatedCharacters) return plainSets[plainTones]!;
    const bits = sets.byTone[plainTones]!.slice();
    for (const branch of state.branches) {
      const rhyme = patterns[branch.pattern]!.rhymes[slot];
      if (rhyme) addRhymes(bits, branch, slot, rhyme);
    }
    for (const index of state.written) bits[index >>> 5]! &= ~(1 << (index & 31));
    dropCorners(bits, state, slot);
    return { kind: 'characters', bits, isRhyme: hasRhyme };
  }

  function fixedSet(slot: number, state: MachineState): AllowedSet {
    const known = fixedSets.get(slot);
    if (known !== undefined) return known;
    const bits = new Uint32Array(inventory.words);
    bits[fixed[slot]! >>> 5]! |= 1 << (fixed[slot]! & 31);
    const isRhyme = state.branches.some((branch) => Boolean(patterns[branch.pattern]!.rhymes[slot]));
    const set: AllowedSet = { kind: 'characters', bits, isRhyme };
    fixedSets.set(slot, set);
    return set;
  }

  function addRhymes(bits: Uint32Array, branch: Branch, slot: number, rhyme: RhymeSlot): void {
    const pattern = patterns[branch.pattern]!;
    const { unit, offset } = slots[slot]!;
    const fitting = sets.byTone[tonesAt(pattern, boxesBefore(branch, slot), unit, offset)]!;
    const own = rhymeBits(rhymeGroupsFor(branch, rhyme), rhyme.tones).slice();
    for (const index of branch.used[rhyme.set]!) own[index >>> 5]! &= ~(1 << (index & 31));
    const last = branch.last[rhyme.set]!;
    if (rhyme.mayRepeat && last >= 0 && groupsOf(sets, last, rhyme.tones) & branch.groups[rhyme.set]!) {
      own[last >>> 5]! |= 1 << (last & 31);
    }
    for (let word = 0; word < bits.length; word++) bits[word]! |= own[word]! & fitting[word]!;
  }

  /** Characters that rhyme in one of the groups; kept, since the same groups are asked for at every rhyme of a poem. */
  function rhymeBits(groups: number, tones: number): Uint32Array {
    const key = groups * 4 + tones;
    const known = rhymeBitsCache.get(key);
    if (known !== undefined) return known;
    const bits = new Uint32Array(inventory.words);
    for (let group = 0; group < GROUP_BITS; group++) {
      if (((groups >>> group) & 1) === 0) continue;
      const own = sets.byGroup[tones]![group]!;
      for (let word = 0; word < bits.length; word++) bits[word]! |= own[word]!;
    }
    rhymeBitsCache.set(key, bits);
    return bits;
  }

  /** Takes out the characters that would leave too few rhymes; only groups at the limit are looked at, so this is rare. */
  function dropCorners(bits: Uint32Array, state: MachineState, slot: number): void {
    let tight: Uint32Array | undefined;
    for (const branch of state.branches) {
      const pattern = patterns[branch.pattern]!;
      const rhyme = pattern.rhymes[slot];
      if (!noRepeatedCharacters && !pattern.hasTwoTones && !rhyme?.mayBorrow) continue;
      for (const [set, need] of pattern.needs[slot + 1]!.entries()) {
        const used = noRepeatedCharacters ? state.written : branch.used[set]!;
        const groups = branch.groups[set]!;
        const short = groups & ~suppliedGroups(sets, groups, need, used, 1);
        if (short === 0) continue;
        tight ??= new Uint32Array(bits.length);
        const pool = rhymeBits(short >>> 0, 3);
        for (let word = 0; word < tight.length; word++) tight[word]! |= pool[word]!;
      }
    }
    if (tight === undefined) return;
    for (let word = 0; word < bits.length; word++) {
      for (let rest = bits[word]! & tight[word]!; rest !== 0; rest &= rest - 1) {
        const bit = 31 - Math.clz32(rest & -rest);
        if (advanceSlot(state, slot, word * 32 + bit) === null) bits[word]! &= ~(1 << bit);
      }
    }
  }

  function allowed(state: AutomatonState): AllowedSet {
    const cell = cells[state.index];
    if (cell === undefined) return END;
    return typeof cell === 'string' ? markSets.get(cell)! : allowedAt(state as MachineState, cell);
  }

  function advance(state: AutomatonState, character: string): AutomatonState | null {
    const cell = cells[state.index];
    if (cell === undefined) return null;
    if (typeof cell === 'number') return advanceSlot(state as MachineState, cell, inventory.indexOf(character));
    return cell === character ? ({ ...(state as MachineState), index: state.index + 1 } satisfies MachineState) : null;
  }

  return {
    start,
    length: cells.length,
    lineCount: layout.lineCount,
    allowed,
    advance,
    advanceText(state, text) {
      let current: AutomatonState | null = state;
      for (const character of text) {
        current = advance(current, character);
        if (current === null) return null;
      }
      return current;
    },
    isComplete: (state) => state.index === cells.length,
    place(state): Place | null {
      const cell = cells[state.index];
      if (typeof cell !== 'number') return null;
      return { line: slots[cell]!.line, position: slots[cell]!.position };
    },
    rhymeGroups(state) {
      const groups = (state as MachineState).branches.reduce((bits, branch) => bits | branch.groups[0]!, 0);
      return Array.from({ length: GROUP_BITS }, (_, group) => group + 1).filter((id) => (groups >>> (id - 1)) & 1);
    },
  };
}

/** Tones that one of the boxes admits at an offset. */
function tonesAt(pattern: CompiledPattern, boxes: number, unit: number, offset: number): number {
  let tones = 0;
  for (let rest = boxes; rest !== 0; rest &= rest - 1) {
    tones |= pattern.units[unit]!.boxes[31 - Math.clz32(rest & -rest)]![offset]!;
  }
  return tones;
}

/** For each unit, the boxes (as bits) that the fixed characters leave; 0: the pattern cannot be written. */
export function openBoxesOf(layout: Layout, pattern: Pattern, fixed: Int32Array, sets: ToneSets): number[] {
  const open = pattern.units.map((unit) => (1 << unit.boxes.length) - 1);
  for (const [slot, cell] of layout.slots.entries()) {
    if (fixed[slot]! < 0) continue;
    const tones = sets.listed.tones[fixed[slot]!]!;
    for (const [box, bits] of pattern.units[cell.unit]!.boxes.entries()) {
      if ((bits[cell.offset]! & tones) === 0) open[cell.unit]! &= ~(1 << box);
    }
  }
  return open;
}

/** Fixed rhyme characters by set: no other rhyme may use them. */
export function fixedRhymes(pattern: Pattern, fixed: Int32Array): number[][] {
  const used: number[][] = Array.from({ length: pattern.setCount }, () => []);
  for (const [slot, rhyme] of pattern.rhymes.entries()) {
    const index = fixed[slot]!;
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
function borrowed(groups: number, neighbours: Uint32Array): number {
  let found = 0;
  for (let rest = groups; rest !== 0; rest &= rest - 1) found |= neighbours[31 - Math.clz32(rest & -rest)]!;
  return found;
}

function withItem<T>(items: readonly T[], at: number, item: T): readonly T[] {
  if (items[at] === item) return items;
  const copy = [...items];
  copy[at] = item;
  return copy;
}
