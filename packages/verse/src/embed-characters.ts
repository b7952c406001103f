/** 嵌字: places for characters that must stand somewhere in a poem, drawn at random among those the form leaves them. */
import { createRandom, shuffle } from '@tuiqiao/corpus';
import { type FixedCharacter, PlanError, type PoemAutomaton } from '@tuiqiao/prosody';
import { VerseError } from './errors.ts';
import { compileRequest, type WritingRequest } from './request-plan.ts';
import type { TokenInventory } from './token-inventory.ts';

/**
 * The request with its embedded characters among the fixed ones. Another name gives other places, so that many poems of
 * one request do not all look alike.
 *
 * @param name of the poem among those of a seed
 * @throws VerseError `verse-request` when a character fits nowhere
 */
export function placeEmbedded(
  request: WritingRequest,
  tokens: TokenInventory,
  seed: number,
  name: string,
): WritingRequest {
  const { embedded = [], ...rest } = request;
  if (embedded.length === 0) return rest;
  const random = createRandom(seed, name);
  const free = placesOf(compileRequest(rest, tokens));
  let placed: WritingRequest = rest;
  for (const character of embedded) {
    const taken = new Set((placed.fixed ?? []).map(({ line, position }) => `${line} ${position}`));
    const open = free.filter(({ line, position }) => !taken.has(`${line} ${position}`));
    const found = shuffle(open, random)
      .map((place): WritingRequest => ({ ...placed, fixed: [...(placed.fixed ?? []), { ...place, character }] }))
      .find((candidate) => isPossible(candidate, tokens));
    if (found === undefined) {
      throw new VerseError('verse-request', `write: ${character} fits nowhere beside what else is asked for`, {
        hint: `leave out ${character}, or ask for fewer fixed characters`,
        zh: { message: `“${character}”放在哪里都与其他要求冲突`, hint: `不嵌“${character}”，或少指定几个字` },
      });
    }
    placed = found;
  }
  return placed;
}

function isPossible(request: WritingRequest, tokens: TokenInventory): boolean {
  try {
    compileRequest(request, tokens);
    return true;
  } catch (error) {
    if (error instanceof VerseError && error.cause instanceof PlanError) return false;
    throw error;
  }
}

/** Every place of the poem: the automaton walked along any poem it lets through. */
function placesOf(automaton: PoemAutomaton): Omit<FixedCharacter, 'character'>[] {
  const places: Omit<FixedCharacter, 'character'>[] = [];
  let state = automaton.start;
  while (!automaton.isComplete(state)) {
    const allowed = automaton.allowed(state);
    if (allowed.kind === 'end') break;
    if (allowed.kind === 'mark') {
      state = automaton.advance(state, allowed.mark)!;
      continue;
    }
    places.push(automaton.place(state)!);
    const word = allowed.bits.findIndex((bits) => bits !== 0);
    state = automaton.advanceIndex(state, word * 32 + 31 - Math.clz32(allowed.bits[word]! & -allowed.bits[word]!))!;
  }
  return places;
}
