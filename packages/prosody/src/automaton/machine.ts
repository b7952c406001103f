/**
 * The automaton itself: it follows every pattern that the plan leaves open at once, each with its legal boxes of tones
 * and the rhyme groups still possible. A character is allowed when some pattern survives it and can still be completed.
 */
import type { CharacterInventory } from './inventory.ts';
import type { Layout, RhymeSlot } from './layout.ts';
import {
  borrowed,
  type CompiledPattern,
  compilePattern,
  type FixedSlots,
  fixedRhymes,
  tonesAt,
  withItem,
} from './pattern-facts.ts';
import type { AllowedSet, AutomatonState, LookAhead, Place, PoemAutomaton } from './poem-automaton.ts';
import { suppliedGroups } from './rhyme-supply.ts';
import { GROUP_BITS, groupsOf, type ToneSets } from './tone-sets.ts';

/** What the compiler hands over, checked and with impossible patterns already taken out. */
export interface MachineParts {
  readonly layout: Layout;
  readonly sets: ToneSets;
  readonly inventory: CharacterInventory;
  readonly fixed: FixedSlots;
  /** Groups of the book from which the first line may borrow, by group − 1, as bits. */
  readonly neighbours: Uint32Array;
  /** Rhyme groups of each set that the plan leaves open, by pattern. */
  readonly initialGroups: readonly (readonly number[])[];
  readonly noRepeatedCharacters: boolean;
  readonly allowsDoubling: boolean;
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
  /** The character written last, if it may be doubled; −1 otherwise. */
  readonly previous: number;
}

const END: AllowedSet = { kind: 'end' };

/** @returns the automaton over parts that `compilePlan` has checked */
export function createMachine(parts: MachineParts): PoemAutomaton {
  const { layout, sets, inventory, noRepeatedCharacters, allowsDoubling } = parts;
  const { cells, slots } = layout;
  const { indexes: fixed, exempt } = parts.fixed;
  const isFixed = (slot: number) => fixed[slot]! >= 0;
  const patterns: CompiledPattern[] = layout.patterns.map((pattern) =>
    compilePattern(layout, pattern, parts.fixed, sets, noRepeatedCharacters),
  );
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
      used: fixedRhymes(pattern, parts.fixed),
      last: new Array<number>(pattern.setCount).fill(-1),
    })),
    written: noRepeatedCharacters ? [...new Set(fixed)].filter((index) => index >= 0) : [],
    previous: -1,
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

  /** @param remembers whether the character is added to those that may not come again */
  function advanceSlot(state: MachineState, slot: number, character: number, remembers = true): MachineState | null {
    if (character < 0) return null;
    const isAgain = state.written.includes(character);
    if (isFixed(slot) ? fixed[slot] !== character : isAgain && state.previous !== character) return null;
    const isNew = noRepeatedCharacters && remembers && !isAgain && !isFixed(slot);
    const written = isNew ? [...state.written, character] : state.written;
    const branches: Branch[] = [];
    for (const branch of state.branches) {
      const next = advanceBranch(branch, slot, character, written);
      if (next !== null) branches.push(next);
    }
    if (branches.length === 0) return null;
    const previous = remembers && mayDouble(slot) && state.previous !== character ? character : -1;
    return { index: state.index + 1, branches, written, previous } satisfies MachineState;
  }

  /** Whether what stands in the slot may come again in the next one: inside a line, and only there. */
  function mayDouble(slot: number): boolean {
    return allowsDoubling && slot + 1 < slots.length && slots[slot + 1]!.line === slots[slot]!.line;
  }

  function advanceBranch(branch: Branch, slot: number, character: number, written: readonly number[]): Branch | null {
    const pattern = patterns[branch.pattern]!;
    if (exempt[slot]) return { ...branch, boxes: boxesBefore(branch, slot) };
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
    const isEcho = slot === pattern.echoSlot && groupsOf(own, character, 1) !== 0 && !used[0]!.includes(character);
    if (isEcho) used = withItem(used, 0, [...used[0]!, character]);
    if (rhyme || isEcho || noRepeatedCharacters) {
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
    const isEcho = state.branches.some(({ pattern }) => patterns[pattern]!.echoSlot === slot);
    if (!hasRhyme && !isEcho && !noRepeatedCharacters) return plainSets[plainTones]!;
    const bits = sets.byTone[plainTones]!.slice();
    for (const branch of state.branches) {
      const rhyme = patterns[branch.pattern]!.rhymes[slot];
      if (rhyme) addRhymes(bits, branch, slot, rhyme);
    }
    for (const index of state.written) {
      if (index !== state.previous) bits[index >>> 5]! &= ~(1 << (index & 31));
    }
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
    const tight = tightCharacters(state, slot, 1);
    if (tight === undefined) return;
    for (let word = 0; word < bits.length; word++) {
      for (let rest = bits[word]! & tight[word]!; rest !== 0; rest &= rest - 1) {
        const bit = 31 - Math.clz32(rest & -rest);
        if (advanceSlot(state, slot, word * 32 + bit) === null) bits[word]! &= ~(1 << bit);
      }
    }
  }

  /** Characters of the groups that cannot spare so many; undefined when there are none. */
  function tightCharacters(state: MachineState, slot: number, spare: number): Uint32Array | undefined {
    let tight: Uint32Array | undefined;
    for (const branch of state.branches) {
      const pattern = patterns[branch.pattern]!;
      const rhyme = pattern.rhymes[slot];
      const canTakeRhyme = rhyme?.mayBorrow || slot === pattern.echoSlot;
      if (!noRepeatedCharacters && !pattern.hasTwoTones && !canTakeRhyme) continue;
      for (const [set, need] of pattern.needs[slot + 1]!.entries()) {
        const used = noRepeatedCharacters ? state.written : branch.used[set]!;
        const groups = branch.groups[set]!;
        const short = groups & ~suppliedGroups(sets, groups, need, used, spare);
        if (short === 0) continue;
        tight ??= new Uint32Array(inventory.words);
        const pool = rhymeBits(short >>> 0, 3);
        for (let word = 0; word < tight.length; word++) tight[word]! |= pool[word]!;
      }
    }
    return tight;
  }

  function lookAhead(state: AutomatonState, characters: number): LookAhead {
    const cell = cells[state.index];
    const slot = typeof cell === 'number' ? cell : -1;
    const isPlain =
      slot >= 0 &&
      !isFixed(slot) &&
      (state as MachineState).branches.every(
        ({ pattern }) => !patterns[pattern]!.rhymes[slot] && patterns[pattern]!.echoSlot !== slot,
      );
    const tight = isPlain ? tightCharacters(state as MachineState, slot, characters) : undefined;
    return {
      kindOf: (index) =>
        !isPlain || (tight && (tight[index >>> 5]! >>> (index & 31)) & 1) ? null : sets.tones[index]!,
      after: (index) => (slot < 0 ? null : advanceSlot(state as MachineState, slot, index, false)),
    };
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
    if (cell !== character) return null;
    const after: MachineState = { ...(state as MachineState), index: state.index + 1, previous: -1 };
    return after;
  }

  return {
    start,
    forbidsRepeats: noRepeatedCharacters,
    allowsDoubling,
    lookAhead,
    length: cells.length,
    lineCount: layout.lineCount,
    allowed,
    advance,
    advanceIndex(state, character) {
      const cell = cells[state.index];
      return typeof cell === 'number' ? advanceSlot(state as MachineState, cell, character) : null;
    },
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
