/** Random walks through the automaton, for its tests. */
import { compilePlan } from './compile-plan.ts';
import type { FormPlan } from './plan.ts';
import type { AutomatonState, PoemAutomaton } from './poem-automaton.ts';

/** Inventory numbers in a bit set. */
export function indexesOf(bits: Uint32Array): number[] {
  const indexes: number[] = [];
  for (const [word, value] of bits.entries()) {
    for (let bit = 0; bit < 32; bit++) if ((value >>> bit) & 1) indexes.push(word * 32 + bit);
  }
  return indexes;
}

/** Writes a poem by choosing with the numbers; throws when it paints itself in a corner. */
export function walk(
  plan: FormPlan,
  choose: () => number,
  visit?: (machine: PoemAutomaton, state: AutomatonState) => void,
): string {
  const machine = compilePlan(plan);
  let state = machine.start;
  let text = '';
  while (!machine.isComplete(state)) {
    visit?.(machine, state);
    const next = machine.allowed(state);
    let character: string;
    if (next.kind === 'mark') character = next.mark;
    else if (next.kind === 'characters') {
      const indexes = indexesOf(next.bits);
      if (indexes.length === 0) throw new Error(`a corner after ${text}`);
      character = plan.inventory.characters[indexes[Math.floor(choose() * indexes.length)]!]!;
    } else throw new Error(`an early end after ${text}`);
    const after = machine.advance(state, character);
    if (after === null) throw new Error(`${character} was allowed after ${text}`);
    state = after;
    text += character;
  }
  if (machine.allowed(state).kind !== 'end') throw new Error(`something after the end of ${text}`);
  return text;
}

/** A small seeded generator (mulberry32): numbers in [0, 1). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
