/**
 * Poems from files, folders or standard input, one at a time: JSON lines `{text, id?, title?, form?, tune?, book?}`, or
 * plain text with poems separated by blank lines, each with its title (and author) above it or not.
 */
import { createReadStream, type Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { CliError } from './errors.ts';

export interface PoemInput {
  readonly id?: string;
  readonly text: string;
  readonly title?: string;
  readonly form?: string;
  readonly tune?: string;
  readonly book?: string;
}

/** A poem with the place it was found at, for messages. */
export interface FoundPoem {
  readonly poem: PoemInput;
  readonly place: string;
}

/** A longer line is not a poem but a mistaken file; reading on would fill the memory. */
const MAX_LINE_LENGTH = 1 << 20;
/** Lines of one plain-text poem; the longest 排律 have a few hundred. */
const MAX_POEM_LINES = 2000;
const SUFFIXES = ['.txt', '.md', '.jsonl', '.ndjson', '.json'];

const FIELDS = ['id', 'title', 'form', 'tune', 'book'] as const;

function fromJson(line: string, place: string): PoemInput {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new CliError('input-bad', `${place}: expected a JSON object, got ${JSON.stringify(line.slice(0, 40))}`, {
      cause,
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CliError('input-bad', `${place}: expected a JSON object with "text"`);
  }
  const record = value as Record<string, unknown>;
  if (typeof record.text !== 'string') {
    throw new CliError(
      'input-bad',
      `${place}: "text": expected a poem, got ${JSON.stringify(record.text) ?? 'nothing'}`,
      {
        hint: 'A line is {"text": "…"} with id, title, form, tune, book if wanted.',
      },
    );
  }
  const poem: Record<string, string> = { text: record.text };
  for (const field of FIELDS) {
    const given = record[field];
    if (given === undefined || given === null) continue;
    if (typeof given !== 'string' && !(field === 'id' && typeof given === 'number')) {
      throw new CliError('input-bad', `${place}: "${field}": expected text, got ${JSON.stringify(given)}`);
    }
    poem[field] = String(given);
  }
  return poem as unknown as PoemInput;
}

/** A title and an author. */
const MAX_HEAD_LINES = 2;
const HAS_PAUSE = /[，。！？；、,.!?;]/u;

/** Lines above the poem that are its title and author: in 《》, or without a pause while the lines below have some. */
function splitTitle(lines: readonly string[]): { title: string | undefined; text: string } {
  let head = /^(#|《.*》)/u.test(lines[0] ?? '') && lines.length > 1 ? 1 : 0;
  let last = head;
  while (last < MAX_HEAD_LINES && last < lines.length - 1 && !HAS_PAUSE.test(lines[last]!)) last++;
  if (lines.slice(last).every((line) => HAS_PAUSE.test(line))) head = last;
  const title = lines
    .slice(0, head)
    .map((line) => line.replace(/^#+\s*/u, '').replace(/^《(.*)》$/u, '$1'))
    .join(' ');
  return { title: title === '' ? undefined : title, text: lines.slice(head).join('\n') };
}

async function* readLines(
  name: string,
  stream: NodeJS.ReadableStream,
): AsyncGenerator<{ line: string; number: number }> {
  let number = 0;
  // Strict UTF-8: a GBK file would otherwise pass as a poem of unknown characters.
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++;
    if (line.length > MAX_LINE_LENGTH)
      throw new CliError('input-bad', `${name}, line ${number}: longer than a poem can be`);
    if (line.includes('\uFFFD')) {
      throw new CliError('input-bad', `${name}, line ${number}: expected UTF-8 text`, {
        hint: 'Convert the file first, e.g. iconv -f GBK -t UTF-8.',
      });
    }
    yield { line: number === 1 ? line.replace(/^\uFEFF/u, '') : line, number };
  }
}

async function* readStream(name: string, stream: NodeJS.ReadableStream): AsyncGenerator<FoundPoem> {
  let isJson: boolean | undefined;
  let block: string[] = [];
  let start = 0;
  const flush = function* (): Generator<FoundPoem> {
    if (block.length === 0) return;
    const { title, text } = splitTitle(block);
    yield { poem: { text, ...(title === undefined ? {} : { title }) }, place: `${name}, line ${start}` };
    block = [];
  };
  for await (const { line, number } of readLines(name, stream)) {
    const trimmed = line.trim();
    if (trimmed !== '') isJson ??= trimmed.startsWith('{');
    if (isJson === true) {
      if (trimmed !== '')
        yield { poem: fromJson(trimmed, `${name}, line ${number}`), place: `${name}, line ${number}` };
    } else if (trimmed === '') {
      yield* flush();
    } else {
      if (block.length === 0) start = number;
      block.push(trimmed);
      if (block.length > MAX_POEM_LINES) {
        throw new CliError(
          'input-bad',
          `${name}, line ${start}: more than ${MAX_POEM_LINES} lines without a blank one`,
        );
      }
    }
  }
  yield* flush();
}

/** Files of a folder, sorted, folders inside it too. */
async function filesUnder(folder: string): Promise<string[]> {
  const entries: Dirent[] = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && SUFFIXES.includes(path.extname(entry.name).toLowerCase()))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}

async function expand(source: string): Promise<string[]> {
  if (source === '-') return ['-'];
  try {
    return (await stat(source)).isDirectory() ? await filesUnder(source) : [source];
  } catch (cause) {
    throw new CliError('input-not-found', `${source}: no such file or folder`, { cause });
  }
}

/**
 * Every poem of the sources, in order.
 * @throws CliError `input-not-found`, `input-bad`, and `no-poem` when there is none at all.
 */
export async function* readPoems(sources: readonly string[]): AsyncGenerator<FoundPoem> {
  let count = 0;
  for (const source of sources) {
    for (const file of await expand(source)) {
      const name = file === '-' ? 'stdin' : file;
      const stream = file === '-' ? process.stdin.setEncoding('utf8') : createReadStream(file, 'utf8');
      for await (const found of readStream(name, stream)) {
        count++;
        yield found;
      }
    }
  }
  if (count === 0) {
    throw new CliError(
      'no-poem',
      `${sources.map((source) => (source === '-' ? 'stdin' : source)).join(', ')}: no poem found`,
      {
        hint: 'Give a text file with poems separated by blank lines, or JSON lines with "text".',
      },
    );
  }
}
