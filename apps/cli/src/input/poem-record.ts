/** One row of CSV or one JSON object as a poem: the columns a person named, checked and turned into text. */
import { findNearest } from '@tuiqiao/schema';
import { CliError } from '../errors.ts';

export interface PoemInput {
  readonly id?: string;
  readonly text: string;
  readonly title?: string;
  readonly form?: string;
  readonly tune?: string;
  readonly book?: string;
}

const FIELDS = ['id', 'title', 'form', 'tune', 'book'] as const;

/** Which column or field each part of a poem stands in. */
export type PoemColumns = Readonly<Record<(typeof FIELDS)[number] | 'text', string>>;

type PoemColumnNames = Readonly<Record<keyof PoemColumns, readonly string[]>>;

export const DEFAULT_COLUMNS: PoemColumns = {
  text: 'text',
  id: 'id',
  title: 'title',
  form: 'form',
  tune: 'tune',
  book: 'book',
};

/** What tables call them in Chinese, in either script; understood where nobody named another column. */
const CHINESE_COLUMNS: PoemColumnNames = {
  text: ['正文', '诗文', '詩文', '作品', '内容', '內容'],
  id: ['编号', '編號', '序号', '序號', '学号', '學號'],
  title: ['题目', '題目', '标题', '標題', '诗题', '詩題'],
  form: ['体裁', '體裁', '诗体', '詩體'],
  tune: ['词牌', '詞牌'],
  book: [],
};

/** The column of a part: the one that was named, or the usual one in either language. */
function columnOf(record: Readonly<Record<string, unknown>>, columns: PoemColumns, field: keyof PoemColumns): string {
  const name = columns[field];
  if (record[name] !== undefined || name !== DEFAULT_COLUMNS[field]) return name;
  return CHINESE_COLUMNS[field].find((other) => record[other] !== undefined) ?? name;
}

/** Names listed in a message. */
const MAX_NAMES = 12;
/** Longest value quoted in a message. */
const MAX_SHOWN = 60;

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

function missingColumn(column: string, names: readonly string[], place: string): CliError {
  const nearest = findNearest(column, names);
  const listed = names.slice(0, MAX_NAMES).join(', ') + (names.length > MAX_NAMES ? ', …' : '');
  return new CliError(
    'input-bad',
    `${place}: expected "${column}" with the poem, got ${listed === '' ? 'nothing' : listed}${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`,
    {
      hint: 'Name the column: --text-column NAME.',
      zh: {
        message: `${place}：应有“${column}”一栏，现有 ${listed === '' ? '无' : listed}`,
        hint: '用 --text-column 指明哪一栏是诗文。',
      },
    },
  );
}

/** Lines as text: the records of some collections hold a list of them. */
function joinText(value: unknown): unknown {
  return Array.isArray(value) && value.length > 0 && value.every((line) => typeof line === 'string')
    ? value.join('\n')
    : value;
}

/** @throws CliError `input-bad` where the poem is missing or a part is no text. */
export function toPoem(record: Readonly<Record<string, unknown>>, columns: PoemColumns, place: string): PoemInput {
  const text = joinText(record[columnOf(record, columns, 'text')]);
  if (text === undefined) throw missingColumn(columns.text, Object.keys(record), place);
  if (typeof text !== 'string') {
    throw new CliError('input-bad', `${place}: "${columns.text}": expected a poem, got ${show(text)}`, {
      hint: 'A line is {"text": "…"} with id, title, form, tune, book if wanted.',
    });
  }
  const poem: Record<string, string> = { text };
  for (const field of FIELDS) {
    const name = columnOf(record, columns, field);
    const given = record[name];
    if (given === undefined || given === null || given === '') {
      // A column that was named on purpose should be there; the usual ones may be left out.
      if (given === undefined && columns[field] !== DEFAULT_COLUMNS[field]) {
        throw new CliError('input-bad', `${place}: expected a column "${name}", got ${Object.keys(record).join(', ')}`);
      }
      continue;
    }
    if (typeof given !== 'string' && !(field === 'id' && typeof given === 'number')) {
      throw new CliError('input-bad', `${place}: "${name}": expected text, got ${show(given)}`);
    }
    poem[field] = String(given);
  }
  return poem as unknown as PoemInput;
}
