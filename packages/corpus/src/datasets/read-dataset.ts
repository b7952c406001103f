/**
 * Dataset files, row by row: JSON lines as a stream, whatever their size; a JSON list read whole. Which of the two a file
 * is shows in its first character, not in its name: both are found under `.json`.
 */
import { createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { CorpusError } from '../errors.ts';
import { type DatasetLayout, detectLayout, readRow } from './dataset-layout.ts';
import { type DatasetRow, isRawRow, kindOf } from './dataset-row.ts';
import { malformed, type RowPlace, show } from './row-fields.ts';

/** A JSON list is parsed in one piece: beyond this the parsed objects would not fit beside a model. */
export const MAX_JSON_BYTES = 256 << 20;
/** JSON lines are streamed; a larger file is a mistake (a log, a dump) and would run for hours before failing. */
const MAX_JSONL_BYTES = 8 * 2 ** 30;
/** One example; a longer line is a JSON list written without line breaks, or not text at all. */
export const MAX_LINE_BYTES = 16 << 20;
/** Examples are held in memory as token ids: more than this do not fit. */
export const MAX_ROWS = 5_000_000;

const EXTENSIONS = ['.json', '.jsonl', '.ndjson'];

export interface ReadDatasetOptions {
  /** Absent: seen from the first row. */
  readonly layout?: DatasetLayout;
  /** Stop after this many rows. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/**
 * The rows of a file, in order. Every row must be of the same kind: a file that mixes answers and preferences is refused.
 * @throws CorpusError `dataset-missing`, `dataset-too-large`, `dataset-malformed`, `dataset-unsupported`, `dataset-empty`
 */
export async function* readDatasetRows(file: string, options: ReadDatasetOptions = {}): AsyncGenerator<DatasetRow> {
  const name = path.basename(file);
  await checkFile(file);
  let { layout } = options;
  let kind: ReturnType<typeof kindOf> | undefined;
  let rows = 0;
  for await (const { value, place } of readValues(file, name)) {
    options.signal?.throwIfAborted();
    if (rows === MAX_ROWS) throw new CorpusError('dataset-too-large', `${name}: expected at most ${MAX_ROWS} rows`);
    if (!isRawRow(value)) throw malformed(place, 'an object', show(value));
    layout ??= detectLayout(value, place);
    const row = readRow(value, place, layout);
    kind ??= kindOf(row);
    if (kindOf(row) !== kind)
      throw malformed(place, `the same kind of row as before (${kind})`, `one of ${kindOf(row)}`);
    yield row;
    rows++;
    if (rows === options.limit) return;
  }
  if (rows === 0) {
    throw emptyFile(name);
  }
}

/**
 * How a file is laid out, seen from its first row.
 * @throws as `readDatasetRows`
 */
export async function detectDatasetLayout(file: string): Promise<DatasetLayout> {
  await checkFile(file);
  const name = path.basename(file);
  for await (const { value, place } of readValues(file, name)) {
    if (!isRawRow(value)) throw malformed(place, 'an object', show(value));
    return detectLayout(value, place);
  }
  throw emptyFile(name);
}

/** All rows. */
export async function loadDatasetRows(file: string, options: ReadDatasetOptions = {}): Promise<DatasetRow[]> {
  const rows: DatasetRow[] = [];
  for await (const row of readDatasetRows(file, options)) rows.push(row);
  return rows;
}

async function checkFile(file: string): Promise<void> {
  const extension = path.extname(file).toLowerCase();
  if (!EXTENSIONS.includes(extension)) {
    throw new CorpusError(
      'dataset-unsupported',
      `${file}: expected a file of ${EXTENSIONS.join(', ')}, got ${extension === '' ? 'no extension' : extension}`,
      { hint: 'Convert it to JSON lines, one object a line.' },
    );
  }
  const found = await stat(file).catch((cause: unknown) => {
    throw new CorpusError('dataset-missing', `${file}: no such file`, { cause });
  });
  if (!found.isFile()) throw new CorpusError('dataset-missing', `${file}: expected a file, got a folder`);
}

interface Value {
  readonly value: unknown;
  readonly place: RowPlace;
}

async function* readValues(file: string, name: string): AsyncGenerator<Value> {
  const { size } = await stat(file);
  const isList = (await firstCharacter(file)) === '[';
  const bound = isList ? MAX_JSON_BYTES : MAX_JSONL_BYTES;
  if (size > bound) {
    throw new CorpusError('dataset-too-large', `${name}: expected at most ${bound} bytes, got ${size}`, {
      hint: isList ? 'Write it as JSON lines, one object a line: those are read as a stream.' : 'Split the file.',
    });
  }
  if (!isList) {
    yield* readJsonLines(file, name);
    return;
  }
  const text = decodeUtf8(await readFile(file), { file: name, row: 1 });
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    throw notJson(`${name}: expected a JSON list`, cause);
  }
  let row = 0;
  for (const value of list as unknown[]) yield { value, place: { file: name, row: ++row } };
}

/** The first character that is no white space (a byte order mark is none). */
async function firstCharacter(file: string): Promise<string> {
  const handle = await open(file);
  try {
    const bytes = Buffer.alloc(4096);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
    return (
      bytes
        .toString('utf8', 0, bytesRead)
        .replace(/^\uFEFF/u, '')
        .trimStart()[0] ?? ''
    );
  } finally {
    await handle.close();
  }
}

async function* readJsonLines(file: string, name: string): AsyncGenerator<Value> {
  let row = 0;
  let line = 0;
  for await (const bytes of readLines(file, name)) {
    const place = { file: name, row: row + 1, line: ++line };
    const text = decodeUtf8(bytes, place).trim();
    if (text === '') continue;
    row++;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw malformed(place, 'one JSON object a line', show(text), jsonReason(cause));
    }
    yield { value, place };
  }
}

/** Lines as bytes, without their ends; one longer than MAX_LINE_BYTES never comes into memory whole. */
async function* readLines(file: string, name: string): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let line = 1;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      const part = chunk.subarray(start, end);
      yield waiting.length === 0 ? part : Buffer.concat([...waiting, part]);
      waiting = [];
      waitingBytes = 0;
      start = end + 1;
      line++;
    }
    waiting.push(chunk.subarray(start));
    waitingBytes += chunk.length - start;
    if (waitingBytes > MAX_LINE_BYTES) {
      throw new CorpusError(
        'dataset-too-large',
        `${name}, line ${line}: expected at most ${MAX_LINE_BYTES} bytes a line`,
        {
          hint: 'JSON lines have one object a line; is this one JSON object?',
        },
      );
    }
  }
  if (waitingBytes > 0) yield Buffer.concat(waiting);
}

function decodeUtf8(bytes: Buffer, place: RowPlace): string {
  try {
    // Drops a byte order mark.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw malformed(place, 'UTF-8 text', 'other bytes', 'Convert the file to UTF-8 (GBK and UTF-16 are not read).');
  }
}

function emptyFile(name: string): CorpusError {
  return new CorpusError('dataset-empty', `${name}: expected at least one row, got an empty file`);
}

function jsonReason(cause: unknown): string {
  return cause instanceof Error ? `JSON: ${cause.message}` : 'Not JSON.';
}

function notJson(sentence: string, cause: unknown): CorpusError {
  return new CorpusError('dataset-malformed', `${sentence}, got a broken one`, { hint: jsonReason(cause), cause });
}
