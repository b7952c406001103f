/**
 * `dataset_info.json`, LLaMA-Factory's table of datasets: a name, its file, and how the file is laid out. An entry is
 * judged when it is asked for, so that one for another program's data does not stand in the way.
 */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { findNearest } from '@tuiqiao/schema';
import { CorpusError } from '../errors.ts';
import type { DatasetColumns, DatasetTags } from './dataset-columns.ts';
import { type DatasetLayout, usualLayout } from './dataset-layout.ts';
import { type DatasetFormat, isRawRow, type RawRow } from './dataset-row.ts';
import { isEmptyValue, show } from './row-fields.ts';

export const DATASET_INFO_FILE = 'dataset_info.json';
/** LLaMA-Factory's own, with some hundred entries, has 20 KB. */
const MAX_INFO_BYTES = 4 << 20;

/** A dataset as its entry describes it. */
export interface DatasetEntry {
  readonly name: string;
  readonly file: string;
  /** Absent: seen from the first row. */
  readonly layout?: DatasetLayout;
  /** Take so many rows at random. */
  readonly numSamples?: number;
}

export interface DatasetInfo {
  /** Path of the table. */
  readonly file: string;
  readonly names: readonly string[];
  /** @throws CorpusError `dataset-info-malformed`, `dataset-unsupported` for what the entry says */
  entry(name: string): DatasetEntry;
}

const COLUMN_FIELDS: Readonly<Record<string, keyof DatasetColumns>> = {
  prompt: 'prompt',
  query: 'query',
  response: 'response',
  history: 'history',
  system: 'system',
  tools: 'tools',
  messages: 'messages',
  chosen: 'chosen',
  rejected: 'rejected',
  kto_tag: 'ktoTag',
};
const TAG_FIELDS: Readonly<Record<string, keyof DatasetTags>> = {
  role_tag: 'role',
  content_tag: 'content',
  user_tag: 'user',
  assistant_tag: 'assistant',
  observation_tag: 'observation',
  function_tag: 'functionCall',
  system_tag: 'system',
};
const FORMATTINGS = ['alpaca', 'sharegpt', 'openai'];
/** What `columns` leaves out is not in the file: LLaMA-Factory's reading. */
const NO_COLUMNS = { query: null, history: null, system: null, tools: null, ktoTag: null } as const;
/** Fields that mean nothing to a file beside the table, and what to do instead; null and '' pass. */
const REFUSED_FIELDS: Readonly<Record<string, string>> = {
  subset: 'a file has no subsets',
  folder: 'files are named by file_name',
};
/** Where LLaMA-Factory would fetch from; harmless beside a file_name. */
const REMOTE_FIELDS = ['hf_hub_url', 'ms_hub_url', 'om_hub_url', 'script_url', 'cloud_file_name'];
const KNOWN_FIELDS = [
  'file_name',
  'formatting',
  'ranking',
  'columns',
  'tags',
  'num_samples',
  'split',
  'revision',
  ...Object.keys(REFUSED_FIELDS),
  ...REMOTE_FIELDS,
];

/**
 * The table of a folder, or null when it has none.
 * @throws CorpusError `dataset-info-malformed`
 */
export async function readDatasetInfo(folder: string): Promise<DatasetInfo | null> {
  const file = path.join(folder, DATASET_INFO_FILE);
  const found = await stat(file).catch(() => null);
  if (found === null) return null;
  if (found.size > MAX_INFO_BYTES) throw broken(file, `at most ${MAX_INFO_BYTES} bytes`, `${found.size}`);
  let table: unknown;
  try {
    table = JSON.parse((await readFile(file, 'utf8')).replace(/^\uFEFF/u, ''));
  } catch (cause) {
    throw broken(file, 'JSON', cause instanceof Error ? cause.message : 'other text', cause);
  }
  if (!isRawRow(table)) throw broken(file, 'a map from names to datasets', show(table));
  return {
    file,
    names: Object.keys(table),
    entry: (name) => readEntry(file, name, table[name]),
  };
}

function readEntry(file: string, name: string, value: unknown): DatasetEntry {
  const where = `${file}: ${name}`;
  if (!isRawRow(value)) throw broken(where, 'a map such as {"file_name": "poems.jsonl"}', show(value));
  refuseUnknown(where, Object.keys(value), KNOWN_FIELDS);
  for (const [field, reason] of Object.entries(REFUSED_FIELDS)) {
    if (!isEmptyValue(value[field])) throw refused(where, `${field} ${show(value[field])} cannot be used: ${reason}`);
  }
  // "train" is the default of every loader: it says nothing about a file.
  if (!isEmptyValue(value.split) && value.split !== 'train') {
    throw refused(
      where,
      `split ${show(value.split)} cannot be used: a file has no splits`,
      'Give each split a name and a file of its own.',
    );
  }
  const { file_name: fileName, num_samples: numSamples } = value;
  if (typeof fileName !== 'string' || fileName === '') {
    const remote = REMOTE_FIELDS.find((field) => !isEmptyValue(value[field]));
    if (remote === undefined) throw broken(where, 'a file_name', show(fileName));
    throw refused(where, `${remote} names data that is not on this machine`, 'Download it and give its file_name.');
  }
  if (!isEmptyValue(numSamples) && !(Number.isInteger(numSamples) && (numSamples as number) > 0)) {
    throw broken(where, 'num_samples to be a whole number from 1', show(numSamples));
  }
  const layout = readLayout(where, value);
  return {
    name,
    file: path.resolve(path.dirname(file), fileName),
    ...(layout === undefined ? {} : { layout }),
    ...(isEmptyValue(numSamples) ? {} : { numSamples: numSamples as number }),
  };
}

function readLayout(where: string, value: RawRow): DatasetLayout | undefined {
  const { formatting, ranking, columns, tags } = value;
  if (!isEmptyValue(formatting) && !FORMATTINGS.includes(formatting as string)) {
    const nearest = findNearest(String(formatting), FORMATTINGS);
    throw broken(
      where,
      `formatting to be one of ${FORMATTINGS.join(', ')}`,
      `${show(formatting)}${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`,
    );
  }
  if (!isEmptyValue(ranking) && typeof ranking !== 'boolean')
    throw broken(where, 'ranking to be true or false', show(ranking));
  const isBare = [formatting, ranking, columns, tags].every(isEmptyValue);
  if (isBare) return undefined;
  const mapped = readNames(`${where}: columns`, columns, COLUMN_FIELDS);
  const mappedTags = readNames(`${where}: tags`, tags, TAG_FIELDS);
  // How LLaMA-Factory's pretraining data is described: the only column is the text.
  const isText =
    (isEmptyValue(formatting) || formatting === 'alpaca') &&
    ranking !== true &&
    Object.keys(mapped).join() === 'prompt';
  if (isText) return { ...usualLayout('text'), textColumn: mapped.prompt! };
  const format = formatOf(formatting, ranking === true);
  const usual = { ...usualLayout(formatting === 'openai' ? 'messages' : format), format };
  return {
    ...usual,
    columns: isEmptyValue(columns) ? usual.columns : { ...usual.columns, ...NO_COLUMNS, ...mapped },
    tags: { ...usual.tags, ...mappedTags },
  };
}

function formatOf(formatting: unknown, isRanking: boolean): DatasetFormat {
  if (formatting === 'openai') return isRanking ? 'sharegpt-preference' : 'messages';
  if (formatting === 'sharegpt') return isRanking ? 'sharegpt-preference' : 'sharegpt';
  return isRanking ? 'alpaca-preference' : 'alpaca';
}

function readNames<Field extends string>(
  where: string,
  value: unknown,
  fields: Readonly<Record<string, Field>>,
): Partial<Record<Field, string>> {
  if (isEmptyValue(value)) return {};
  if (!isRawRow(value)) throw broken(where, 'a map of column names', show(value));
  refuseUnknown(where, Object.keys(value), Object.keys(fields));
  const names: Partial<Record<Field, string>> = {};
  for (const [name, column] of Object.entries(value)) {
    if (column === null) continue;
    if (typeof column !== 'string') throw broken(where, `${name} to name a column`, show(column));
    names[fields[name]!] = column;
  }
  return names;
}

function refuseUnknown(where: string, names: readonly string[], known: readonly string[]): void {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const nearest = findNearest(unknown, known);
  throw refused(
    where,
    `"${unknown}" is not understood${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`,
    `Known are ${known.join(', ')}.`,
  );
}

function broken(where: string, expected: string, got: string, cause?: unknown): CorpusError {
  return new CorpusError('dataset-info-malformed', `${where}: expected ${expected}, got ${got}`, { cause });
}

function refused(where: string, what: string, hint?: string): CorpusError {
  return new CorpusError('dataset-unsupported', `${where}: ${what}`, hint === undefined ? {} : { hint });
}

/**
 * The entry by which LLaMA-Factory (and we) read a file of plain prompts: without system messages and history, whose
 * columns not every row has.
 *
 * @param fileName beside the table
 */
export function datasetInfoEntry(fileName: string, format: DatasetFormat): RawRow {
  const preference = { chosen: 'chosen', rejected: 'rejected' };
  switch (format) {
    case 'alpaca':
      return { file_name: fileName, columns: { prompt: 'instruction', query: 'input', response: 'output' } };
    case 'alpaca-preference':
      return { file_name: fileName, ranking: true, columns: { prompt: 'instruction', query: 'input', ...preference } };
    case 'sharegpt':
      return { file_name: fileName, formatting: 'sharegpt', columns: { messages: 'conversations' } };
    case 'sharegpt-preference':
      return {
        file_name: fileName,
        formatting: 'sharegpt',
        ranking: true,
        columns: { messages: 'conversations', ...preference },
      };
    case 'messages':
      return {
        file_name: fileName,
        formatting: 'sharegpt',
        columns: { messages: 'messages' },
        tags: {
          role_tag: 'role',
          content_tag: 'content',
          user_tag: 'user',
          assistant_tag: 'assistant',
          system_tag: 'system',
        },
      };
    case 'prompt-completion':
      return { file_name: fileName, columns: { prompt: 'prompt', response: 'completion' } };
    case 'preference':
      return { file_name: fileName, ranking: true, columns: { prompt: 'prompt', ...preference } };
    case 'text':
      return { file_name: fileName, columns: { prompt: 'text' } };
    default:
      return format satisfies never;
  }
}
