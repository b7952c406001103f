/**
 * The machine "which characters may come next". It knows no tokenizer and no model: characters in, the exact set of
 * characters that can follow out, so that whatever it lets through to the end passes the strict verdict.
 */

/**
 * What may come next. A `characters` set is a bit set over the inventory: character `i` is allowed when
 * `bits[i >>> 5] & (1 << (i & 31))`; the array is shared and must not be written to. `mark` is forced punctuation
 * (，。、 or a line feed between stanzas). `end`: the poem is complete, nothing follows.
 */
export type AllowedSet =
  | { readonly kind: 'characters'; readonly bits: Uint32Array; readonly isRhyme: boolean }
  | { readonly kind: 'mark'; readonly mark: string }
  | { readonly kind: 'end' };

/** Where the next character stands, both from 1. */
export interface Place {
  readonly line: number;
  readonly position: number;
}

/** Immutable; one state may be advanced many times (beams, batches, retries). */
export interface AutomatonState {
  /** Characters and marks written so far. */
  readonly index: number;
}

/**
 * What follows a character of one kind, found once for all characters of the kind: a vocabulary of a hundred thousand
 * tokens is tried in well under a millisecond that way. It does not remember the characters it passes: where none may
 * be repeated (`forbidsRepeats`), whoever looks ahead must leave out those it passed itself.
 */
export interface LookAhead {
  /** Characters of one kind lead to one state; null: this character must be tried by itself, with `advance`. */
  kindOf(character: number): number | null;
  /** The state after a character of a kind, the character not remembered; null when it is not allowed. */
  after(character: number): AutomatonState | null;
}

export interface PoemAutomaton {
  readonly start: AutomatonState;
  /** Number of characters and marks of the complete poem. */
  readonly length: number;
  /** No character may come twice, but those fixed. */
  readonly forbidsRepeats: boolean;
  /** … except directly after itself inside a line. */
  readonly allowsDoubling: boolean;
  /** Number of lines; a ci line ends at 韵, 句 or 读. */
  readonly lineCount: number;
  allowed(state: AutomatonState): AllowedSet;
  /** The state after one character or mark; null when it is not allowed. */
  advance(state: AutomatonState, character: string): AutomatonState | null;
  /** The state after every character of a text (e.g. a prefix already written, or a token of several characters); null when one is not allowed. */
  advanceText(state: AutomatonState, text: string): AutomatonState | null;
  isComplete(state: AutomatonState): boolean;
  /** For writers whose steps hold several characters; see `LookAhead`. */
  lookAhead(state: AutomatonState, characters: number): LookAhead;
  /** `advance` by the character's number in the inventory. */
  advanceIndex(state: AutomatonState, character: number): AutomatonState | null;
  /** Where the next character stands; null at a mark or at the end. */
  place(state: AutomatonState): Place | null;
  /** Rhyme groups of the book that are still possible for the first rhyme, ascending. */
  rhymeGroups(state: AutomatonState): readonly number[];
}
