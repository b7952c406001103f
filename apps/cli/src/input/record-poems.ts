/** Poems of files with records: JSON lines, one JSON list, CSV and TSV. */
import { CliError } from '../errors.ts';
import { type PoemColumns, type PoemInput, toPoem } from './poem-record.ts';
import { MAX_LINE_LENGTH, type NumberedLine } from './read-lines.ts';

export interface FoundRecord {
  readonly poem: PoemInput;
  readonly place: string;
}

/** A JSON list is held in memory whole; beyond this it should be JSON lines. */
const MAX_JSON_LENGTH = 1 << 28;

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const shown = JSON.stringify(text.slice(0, 40));
    throw new CliError('input-bad', `${place}: expected a JSON object, got ${shown}`, {
      cause,
      hint: 'JSON lines have one object a line; for one document over several lines: --input-format json.',
      zh: {
        message: `${place}：应为 JSON 对象，读到的是 ${shown}`,
        hint: 'JSON 行一行一个对象；一个文档分多行的，用 --input-format json。',
      },
    });
  }
}

export async function* readJsonLines(
  name: string,
  lines: AsyncIterable<NumberedLine>,
  columns: PoemColumns,
): AsyncGenerator<FoundRecord> {
  for await (const { line, number } of lines) {
    const trimmed = line.trim();
    if (trimmed === '') continue;
    const place = `${name}, line ${number}`;
    const record = parseJson(trimmed, place);
    if (!isRecord(record)) {
      throw new CliError('input-bad', `${place}: expected a JSON object with "${columns.text}"`);
    }
    yield { poem: toPoem(record, columns, place), place };
  }
}

/** One object a line, under the name of a document: data sets are often saved so. */
function parseLines(text: string): unknown[] | null {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  try {
    return lines.length < 2 ? null : lines.map((line) => JSON.parse(line) as unknown);
  } catch {
    return null;
  }
}

/** One document: a list of objects, or one object, on as many lines as it likes. Objects one a line are read as well. */
export async function* readJsonDocument(
  name: string,
  pieces: AsyncIterable<string>,
  columns: PoemColumns,
): AsyncGenerator<FoundRecord> {
  let text = '';
  for await (const piece of pieces) {
    text += piece;
    if (text.length > MAX_JSON_LENGTH) {
      throw new CliError('input-bad', `${name}: expected a JSON list of less than 256 MiB`, {
        hint: 'Write one object a line (JSON lines).',
      });
    }
  }
  if (text.trim() === '') return;
  const document = parseLines(text) ?? parseJson(text, name);
  const records = Array.isArray(document) ? document : [document];
  for (const [index, record] of records.entries()) {
    const place = `${name}, entry ${index + 1}`;
    if (!isRecord(record)) {
      throw new CliError('input-bad', `${place}: expected a JSON object with "${columns.text}"`);
    }
    yield { poem: toPoem(record, columns, place), place };
  }
}

/** The first row names the columns; a poem may run over several lines inside its quotes. */
export async function* readCsv(
  name: string,
  pieces: AsyncIterable<string>,
  delimiter: ',' | '\t',
  columns: PoemColumns,
): AsyncGenerator<FoundRecord> {
  const { Readable } = await import('node:stream');
  const { CsvError, parse } = await import('csv-parse');
  const parser = parse({
    delimiter,
    columns: true,
    bom: true,
    info: true,
    skip_empty_lines: true,
    max_record_size: MAX_LINE_LENGTH,
    // Poems in TSV hold quotation marks that quote nothing.
    ...(delimiter === '\t' ? { quote: null } : {}),
  });
  const source = Readable.from(pieces);
  // `pipe` does not hand on what went wrong before it.
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  try {
    for await (const { record, info } of parser as AsyncIterable<{
      record: Record<string, string>;
      info: { lines: number };
    }>) {
      const place = `${name}, line ${info.lines}`;
      yield { poem: toPoem(record, columns, place), place };
    }
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    throw new CliError('input-bad', `${name}: expected CSV, got: ${cause.message}`, { cause });
  }
}
