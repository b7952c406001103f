/** One poem's constraint while it is being written: the automaton's state, told token by token. */
import type { AllowedSet, AutomatonState, PoemAutomaton } from '@tuiqiao/prosody';
import { VerseError } from './errors.ts';
import type { TokenInventory } from './token-inventory.ts';

const STANZA_BREAK = '\n';

export interface PoemConstraint {
  /** Bit set over token ids of what may follow `generatedIds`, which only ever grows between calls. */
  mask(generatedIds: readonly number[]): Uint32Array;
}

export function createPoemConstraint(automaton: PoemAutomaton, tokens: TokenInventory): PoemConstraint {
  let state: AutomatonState = automaton.start;
  let consumed = 0;
  const markMasks = new Map<string, Uint32Array>();
  const endMask = tokens.maskOf([tokens.endId]);

  const markMask = (mark: string): Uint32Array => {
    let mask = markMasks.get(mark);
    if (mask === undefined) {
      mask = tokens.maskOf([tokens.markId(mark)]);
      markMasks.set(mark, mask);
    }
    return mask;
  };

  /** A vocabulary made from texts without stanza breaks cannot write one: `withStanzaBreaks` puts it in afterwards. */
  const skipStanzaBreaks = (): AllowedSet => {
    let allowed = automaton.allowed(state);
    while (allowed.kind === 'mark' && allowed.mark === STANZA_BREAK && !tokens.hasMark(STANZA_BREAK)) {
      state = automaton.advance(state, STANZA_BREAK)!;
      allowed = automaton.allowed(state);
    }
    return allowed;
  };

  return {
    mask: (generatedIds) => {
      for (; consumed < generatedIds.length; consumed++) {
        const id = generatedIds[consumed]!;
        if (id === tokens.endId) continue;
        const next = automaton.advance(state, tokens.inventory.characters[id]!);
        if (next === null) {
          throw new VerseError(
            'verse-vocabulary',
            `constrained writing: token ${id} was drawn although the constraint does not allow it`,
          );
        }
        state = next;
      }
      const allowed = skipStanzaBreaks();
      switch (allowed.kind) {
        case 'characters':
          return allowed.bits;
        case 'mark':
          return markMask(allowed.mark);
        case 'end':
          return endMask;
        default:
          return allowed satisfies never;
      }
    },
  };
}

/** A complete text with the stanza breaks of its form, where the model could not write them; others come back as they are. */
export function withStanzaBreaks(text: string, automaton: PoemAutomaton): string {
  let state = automaton.start;
  let laidOut = '';
  for (const character of text) {
    const allowed = automaton.allowed(state);
    if (allowed.kind === 'mark' && allowed.mark === STANZA_BREAK && character !== STANZA_BREAK) {
      state = automaton.advance(state, STANZA_BREAK)!;
      laidOut += STANZA_BREAK;
    }
    const next = automaton.advance(state, character);
    if (next === null) return text;
    state = next;
    laidOut += character;
  }
  return laidOut;
}
