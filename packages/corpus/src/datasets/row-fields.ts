/** Reading one row: every refusal names the file, the row, the column, what was expected and what was there. */
import { CorpusError } from '../errors.ts';
import type { RawRow } from './dataset-row.ts';

/** Longest piece of a bad value quoted in a message. */
const MAX_SHOWN = 40;
/** A poem, a story, a long chat turn fit; a book in one field is a broken file. */
const MAX_FIELD_CHARACTERS = 1_000_000;
/** Turns of one conversation: published chat data stays far below. */
export const MAX_MESSAGES = 512;

/** Where a row stands, for messages: `poems.jsonl, row 3`. */
export interface RowPlace {
  readonly file: string;
  readonly row: number;
  /** Differs from the row where a file has blank lines. */
  readonly line?: number;
}

function describePlace({ file, row, line }: RowPlace): string {
  return line === undefined || line === row ? `${file}, row ${row}` : `${file}, row ${row} (line ${line})`;
}

export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

export function malformed(place: RowPlace, expected: string, got: string, hint?: string): CorpusError {
  return new CorpusError(
    'dataset-malformed',
    `${describePlace(place)}: expected ${expected}, got ${got}`,
    hint === undefined ? {} : { hint },
  );
}

export function unsupported(place: RowPlace, what: string, hint?: string): CorpusError {
  return new CorpusError('dataset-unsupported', `${describePlace(place)}: ${what}`, hint === undefined ? {} : { hint });
}

/** A column that must hold text. */
export function readText(raw: RawRow, column: string, place: RowPlace): string {
  const value = raw[column];
  if (typeof value !== 'string') throw malformed(place, `text in column "${column}"`, show(value));
  if (value.length > MAX_FIELD_CHARACTERS) {
    throw malformed(place, `at most ${MAX_FIELD_CHARACTERS} characters in column "${column}"`, `${value.length}`);
  }
  return value;
}

/** A column that may be absent, null or empty; '' then. */
export function readOptionalText(raw: RawRow, column: string | null, place: RowPlace): string {
  return column === null || raw[column] === undefined || raw[column] === null ? '' : readText(raw, column, place);
}

/** Text that must say something: an empty prompt or answer teaches nothing. */
export function readFilledText(raw: RawRow, column: string, place: RowPlace): string {
  const text = readText(raw, column, place);
  if (text.trim() === '') throw malformed(place, `text in column "${column}"`, 'an empty one');
  return text;
}

/** The row's own id, or one made of file and row. */
export function readId(raw: RawRow, place: RowPlace): string {
  const { id } = raw;
  return typeof id === 'string' || typeof id === 'number' ? String(id) : `${place.file}:${place.row}`;
}

/** All columns but the named ones. */
export function extraColumns(raw: RawRow, used: readonly (string | null)[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(raw).filter(([name]) => name !== 'id' && !used.includes(name)));
}

/** True for null, '', [] and {}: a column that is there and says nothing. */
export function isEmptyValue(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** Tool descriptions change the prompt in a way that only a tool-calling template can say. */
export function refuseTools(raw: RawRow, column: string | null, place: RowPlace): void {
  if (column !== null && !isEmptyValue(raw[column])) {
    throw unsupported(
      place,
      `column "${column}" describes tools, and tool calls are not trained`,
      'Leave the column empty or remove it.',
    );
  }
}

/** KTO: one answer with a verdict instead of two answers. */
export function refuseKto(raw: RawRow, column: string | null, place: RowPlace): void {
  if (column !== null && typeof raw[column] === 'boolean') {
    throw unsupported(
      place,
      `column "${column}" makes this a KTO row (one answer, good or bad), which is not trained in this version`,
      'Give pairs instead: prompt, chosen, rejected.',
    );
  }
}
