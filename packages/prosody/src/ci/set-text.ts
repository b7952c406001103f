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

/** A text as one row of characters with the tones that the book gives each, and what stands where. */
export function setText(lines: readonly PoemLine[], book: Book): SetText {
  const places: { line: number; position: number }[] = [];
  for (let line = 0; line < lines.length; line++) {
    for (let position = 0; position < lines[line]!.chars.length; position++) places.push({ line, position });
  }
  const flat = flattenText(lines, book);
  return { lines, places, known: Uint8Array.from(flat.chars, book.toneMask), flat };
}

/** A text as one row of characters. */
export function flattenText(lines: readonly { readonly chars: readonly string[] }[], book: Book): FlatText {
  const chars = lines.flatMap((line) => line.chars);
  return { chars, breaks: breaksOfLines(lines), masks: Uint8Array.from(chars, (char) => book.toneMask(char) || 3) };
}

/** Characters before each line end. */
export function breaksOfLines(lines: readonly { readonly chars: readonly string[] }[]): number[] {
  let end = 0;
  return lines.map(({ chars }) => {
    end += chars.length;
    return end;
  });
}
