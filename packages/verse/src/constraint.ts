/** One poem's constraint while it is being written: the automaton's state, told token by token. */
import type { AutomatonState, PoemAutomaton } from '@tuiqiao/prosody';
import { VerseError } from './errors.ts';
import type { TokenInventory } from './token-inventory.ts';
import type { TextPosition } from './tokens/token-mask.ts';

const STANZA_BREAK = '\n';
/** 读: a pause inside a line of ci. */
const PAUSE = '、';
const MARKS = new Set(['，', '。', PAUSE, STANZA_BREAK]);

export interface PoemConstraint {
  /** Bit set over token ids of what may follow `generatedIds`, which only ever grows between calls. */
  mask(generatedIds: readonly number[]): Uint32Array;
  /** True when a token would complete a line that must not be written; `generatedIds` as at the last `mask`. */
  rejects(id: number): boolean;
  /** The lines written so far, the last one perhaps incomplete, without their marks. */
  readonly lines: readonly string[];
  /** Whether the next character may be a rhyme; asked after `mask`. */
  readonly isRhymeNext: boolean;
}

export interface PoemConstraintOptions {
  /** Whether a complete line stands where it must not be copied from. */
  readonly isForbiddenLine?: (line: string) => boolean;
  /** Whether a line as far as it is written ends in a run of characters that must not be copied. */
  readonly isForbiddenRun?: (line: string) => boolean;
  /** Told of every line when its last character is written. */
  readonly onLine?: (line: string, number: number) => void;
}

export function createPoemConstraint(
  automaton: PoemAutomaton,
  tokens: TokenInventory,
  { isForbiddenLine, isForbiddenRun, onLine }: PoemConstraintOptions = {},
): PoemConstraint {
  const guards = isForbiddenRun !== undefined || isForbiddenLine !== undefined;
  let position: TextPosition = { state: automaton.start, pending: '' };
  let consumed = 0;
  const lines: string[] = [''];
  /** The line as a corpus has it: a pause inside a line of ci does not end it. */
  let copied = '';
  const take = (character: string): void => {
    if (!MARKS.has(character)) copied += character;
    else if (character !== PAUSE) copied = '';
    if (!MARKS.has(character)) {
      lines[lines.length - 1] = lines.at(-1)! + character;
      return;
    }
    if (lines.at(-1) === '') return;
    onLine?.(lines.at(-1)!, lines.length);
    lines.push('');
  };

  /** A vocabulary made from texts without stanza breaks cannot write one: `withStanzaBreaks` puts it in afterwards. */
  const skipStanzaBreaks = (): void => {
    if (tokens.hasMark(STANZA_BREAK)) return;
    let state: AutomatonState | null = position.state;
    for (;;) {
      const allowed = automaton.allowed(state);
      if (allowed.kind !== 'mark' || allowed.mark !== STANZA_BREAK) break;
      state = automaton.advance(state, STANZA_BREAK)!;
      position = { state, pending: '' };
    }
  };

  return {
    lines,
    get isRhymeNext() {
      const allowed = automaton.allowed(position.state);
      return position.pending === '' && allowed.kind === 'characters' && allowed.isRhyme;
    },
    mask: (generatedIds) => {
      for (; consumed < generatedIds.length; consumed++) {
        const id = generatedIds[consumed]!;
        skipStanzaBreaks();
        const next = tokens.advance(automaton, position, id, take);
        if (next === null) {
          throw new VerseError(
            'verse-vocabulary',
            `constrained writing: token ${id} was drawn although the constraint does not allow it`,
          );
        }
        position = next;
      }
      skipStanzaBreaks();
      return tokens.maskAt(automaton, position);
    },
    rejects: (id) => {
      if (!guards || id === tokens.endId) return false;
      let line = copied;
      let isCopy = false;
      const next = tokens.advance(automaton, position, id, (character) => {
        if (character === PAUSE) return;
        if (!MARKS.has(character)) {
          line += character;
          isCopy ||= isForbiddenRun?.(line) ?? false;
        } else {
          isCopy ||= isForbiddenLine?.(line) ?? false;
          line = '';
        }
      });
      if (next === null || next.pending !== '' || line === copied || line === '') return isCopy;
      // A line is known as soon as its last character is: in most vocabularies its mark is a token of its own.
      const following = automaton.allowed(next.state);
      return isCopy || (following.kind === 'mark' && following.mark !== PAUSE && (isForbiddenLine?.(line) ?? false));
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
