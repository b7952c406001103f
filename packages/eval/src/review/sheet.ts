/** Sheets as CSV: an empty one to be filled in any spreadsheet, and filled ones read back. */
import { parse } from 'csv-parse/sync';
import { CRITERIA, type Criterion, type Preference, type ReviewItem, type Side, type Vote } from './review.ts';

const SIDES: readonly Side[] = ['left', 'right'];
const scoreColumn = (side: Side, criterion: Criterion): string => `${side}_${criterion}`;
const SCORE_COLUMNS = SIDES.flatMap((side) => CRITERIA.map((criterion) => scoreColumn(side, criterion)));
const COLUMNS = ['id', 'form', 'title', 'left', 'right', ...SCORE_COLUMNS, 'preference', 'reader'];

/** A sheet of a few thousand poems has about a megabyte. */
export const MAX_SHEET_CHARACTERS = 20_000_000;
const MAX_SCORE = 5;

/** What people write for a preference. */
const PREFERENCES: Readonly<Record<string, Preference>> = {
  left: 'left',
  l: 'left',
  左: 'left',
  right: 'right',
  r: 'right',
  右: 'right',
  tie: 'tie',
  '=': 'tie',
  平: 'tie',
  平手: 'tie',
};

/** A sheet that is not one, or a cell that cannot be meant; the message names row and column. */
export class SheetError extends Error {}

/** Text that a spreadsheet would take for a formula gets an apostrophe in front, as OWASP advises. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/u.test(text) ? `'${text}` : text;
  return /[",\n\r]/u.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Empty scores, an empty preference; with the mark that makes spreadsheets read UTF-8. */
export function writeSheet(items: readonly ReviewItem[], reader = ''): string {
  const rows = items.map(({ id, form, title, left, right }) => [
    id,
    form,
    title ?? '',
    left,
    right,
    ...SCORE_COLUMNS.map(() => ''),
    '',
    reader,
  ]);
  return `\uFEFF${[COLUMNS, ...rows].map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;
}

/**
 * Votes of a filled sheet; rows without a preference are not votes.
 *
 * @param name stands for the reader where the sheet names none, e.g. the file's name
 * @throws SheetError when columns are missing or a cell cannot be meant
 */
export function readSheet(text: string, name: string): Vote[] {
  if (text.length > MAX_SHEET_CHARACTERS) {
    throw new SheetError(`${name}: expected at most ${MAX_SHEET_CHARACTERS} characters, got ${text.length}`);
  }
  let rows: Record<string, string>[];
  try {
    rows = parse(text, {
      bom: true,
      columns: (header: string[]) => header.map((title) => title.trim().toLowerCase()),
      skip_empty_lines: true,
      trim: true,
      relax_column_count: true,
      delimiter: [',', ';', '\t'],
    });
  } catch (error) {
    throw new SheetError(`${name}: expected CSV, got ${error instanceof Error ? error.message : String(error)}`);
  }
  const [first] = rows;
  for (const column of ['id', 'preference']) {
    if (first !== undefined && !(column in first))
      throw new SheetError(`${name}: expected a column ${column}, got none`);
  }
  return rows.flatMap((row, i): Vote[] => {
    const place = `${name}, row ${i + 2}`;
    const preference = readPreference(row.preference ?? '', place);
    if (preference === null) return [];
    return [{ reader: row.reader || name, id: row.id ?? '', preference, scores: readScores(row, place) }];
  });
}

function readPreference(text: string, place: string): Preference | null {
  if (text === '') return null;
  const preference = PREFERENCES[text.toLowerCase()];
  if (preference === undefined) {
    throw new SheetError(`${place}: expected left, right or tie (左 右 平) as preference, got ${text}`);
  }
  return preference;
}

function readScores(row: Readonly<Record<string, string>>, place: string): Vote['scores'] {
  const scores: Partial<Record<Criterion, Partial<Record<Side, number>>>> = {};
  for (const side of SIDES) {
    for (const criterion of CRITERIA) {
      const column = scoreColumn(side, criterion);
      const text = row[column] ?? '';
      if (text === '') continue;
      const score = Number(text);
      if (!(score >= 1 && score <= MAX_SCORE)) {
        throw new SheetError(`${place}: expected ${column} from 1 to ${MAX_SCORE}, got ${text}`);
      }
      scores[criterion] = { ...scores[criterion], [side]: score };
    }
  }
  return scores;
}
