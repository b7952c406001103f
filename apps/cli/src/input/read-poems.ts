/** Poems from files, folders or standard input, one at a time, whatever the files are made of. */
import { createReadStream, type Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { InputFormat } from '@tuiqiao/schema';
import { CliError } from '../errors.ts';
import { readPlainPoems } from './plain-poems.ts';
import { DEFAULT_COLUMNS, type PoemColumns, type PoemInput } from './poem-record.ts';
import { decodeStream, splitLines } from './read-lines.ts';
import { readCsv, readJsonDocument, readJsonLines } from './record-poems.ts';

/** A poem with the place it was found at, for messages. */
export interface FoundPoem {
  readonly poem: PoemInput;
  readonly place: string;
}

export interface ReadOptions {
  readonly format: InputFormat;
  readonly encoding: string;
  readonly columns: PoemColumns;
}

export const DEFAULT_READ_OPTIONS: ReadOptions = { format: 'auto', encoding: 'utf-8', columns: DEFAULT_COLUMNS };

const FORMATS_BY_SUFFIX: Readonly<Record<string, InputFormat>> = {
  '.txt': 'text',
  '.md': 'text',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.json': 'auto',
  '.csv': 'csv',
  '.tsv': 'tsv',
};

/** The same pieces, with what the first of them begins with (after a byte order mark and blanks) known. */
async function peek(pieces: AsyncGenerator<string>): Promise<{ first: string; pieces: AsyncGenerator<string> }> {
  let head = '';
  let isDone = false;
  while (head.trim() === '' && !isDone) {
    const next = await pieces.next();
    if (next.done === true) isDone = true;
    else head += next.value;
  }
  const again = async function* (): AsyncGenerator<string> {
    if (head !== '') yield head;
    yield* pieces;
  };
  return { first: head.trimStart().charAt(0), pieces: again() };
}

/** By its name, and where that leaves it open by its first character. */
function chooseFormat(name: string, first: string, wanted: InputFormat): InputFormat {
  if (wanted !== 'auto') return wanted;
  const suffix = path.extname(name).toLowerCase();
  const bySuffix = FORMATS_BY_SUFFIX[suffix];
  if (bySuffix === 'csv' || bySuffix === 'tsv' || bySuffix === 'jsonl') return bySuffix;
  if (suffix === '.json' && (first === '[' || first === '{')) return 'json';
  return first === '{' ? 'jsonl' : 'text';
}

async function* readStream(
  name: string,
  stream: AsyncIterable<Uint8Array | string>,
  options: ReadOptions,
): AsyncGenerator<FoundPoem> {
  const { first, pieces } = await peek(decodeStream(name, stream, options.encoding));
  const format = chooseFormat(name, first, options.format);
  switch (format) {
    case 'csv':
    case 'tsv':
      yield* readCsv(name, pieces, format === 'csv' ? ',' : '\t', options.columns);
      return;
    case 'json':
      yield* readJsonDocument(name, pieces, options.columns);
      return;
    case 'jsonl':
      yield* readJsonLines(name, splitLines(name, pieces), options.columns);
      return;
    case 'auto':
    case 'text':
      yield* readPlainPoems(name, splitLines(name, pieces));
      return;
    default:
      format satisfies never;
  }
}

/** Files of a folder, sorted, folders inside it too. */
async function filesUnder(folder: string): Promise<string[]> {
  const entries: Dirent[] = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && path.extname(entry.name).toLowerCase() in FORMATS_BY_SUFFIX)
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}

async function expand(source: string): Promise<string[]> {
  if (source === '-') return ['-'];
  try {
    return (await stat(source)).isDirectory() ? await filesUnder(source) : [source];
  } catch (cause) {
    throw new CliError('input-not-found', `${source}: no such file or folder`, {
      cause,
      zh: { message: `${source}：没有这个文件或文件夹` },
    });
  }
}

/**
 * Every poem of the sources, in order.
 * @throws CliError `input-not-found`, `input-bad`, and `no-poem` when there is none at all.
 */
export async function* readPoems(
  sources: readonly string[],
  options: ReadOptions = DEFAULT_READ_OPTIONS,
): AsyncGenerator<FoundPoem> {
  let count = 0;
  for (const source of sources) {
    for (const file of await expand(source)) {
      const name = file === '-' ? 'stdin' : file;
      const stream = file === '-' ? process.stdin : createReadStream(file);
      for await (const found of readStream(name, stream, options)) {
        count++;
        yield found;
      }
    }
  }
  if (count === 0) {
    const names = sources.map((source) => (source === '-' ? 'stdin' : source));
    throw new CliError('no-poem', `${names.join(', ')}: no poem found`, {
      hint: 'Give text with poems separated by blank lines, JSON lines with "text", or CSV with a column "text".',
      zh: {
        message: `${names.join('、')} 里没有诗`,
        hint: '可给以空行分开的诗、带 "text" 的 JSON 行，或有 "text" 一列的 CSV。',
      },
    });
  }
}
