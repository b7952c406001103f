/** The text of a ci as the judges of tone and rhyme take it. */
import type { Book } from '../book-types.ts';
import type { PoemLine } from '../text.ts';
import type { FlatText } from './choose-variant.ts';
import type { CiIssueKind } from './ci-wording.ts';

/** Where the characters of a text stand, and which slot of the variant each fills. */
export interface SetText {
  readonly lines: readonly PoemLine[];
  readonly flat: FlatText;
  /** Text position of each flat character. */
  readonly places: readonly { readonly line: number; readonly position: number }[];
  readonly known: Uint8Array;
}

/** What is wrong, or worth saying, before it is put into words. */
export interface CiIssue {
  readonly kind: CiIssueKind;
  /** From 0. */
  readonly line: number;
  /** -1: the whole line. */
  readonly position: number;
  readonly wanted?: number;
  readonly group?: number;
  readonly count?: number;
  readonly expected?: number;
  /** Rhymes in order, each with its tone (1 平, 2 仄) and its lines, from 0. */
  readonly rhymes?: readonly { readonly tone: number; readonly lines: readonly number[] }[];
}

/** Sets a text out as one row of characters, with the tones that the book gives each. */
export function setText(lines: readonly PoemLine[], book: Book): SetText {
  const places: { line: number; position: number }[] = [];
  const chars: string[] = [];
  for (const [index, line] of lines.entries()) {
    for (let position = 0; position < line.chars.length; position++) {
      places.push({ line: index, position });
      chars.push(line.chars[position]!);
    }
  }
  const known = new Uint8Array(chars.length);
  for (let index = 0; index < chars.length; index++) known[index] = book.toneMask(chars[index]!);
  const breaks: number[] = [];
  for (const line of lines) breaks.push((breaks.at(-1) ?? 0) + line.chars.length);
  return { lines, places, known, flat: { chars, breaks, masks: known.map((mask) => mask || 3) } };
}
