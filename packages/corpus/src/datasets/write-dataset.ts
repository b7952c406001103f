/** Dataset files from rows: JSON lines or one JSON list, in any format, whole or not at all. */
import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { writeAlpaca } from './alpaca.ts';
import { cannotWrite } from './chat-turns.ts';
import { writeMessages, writeSharegpt } from './conversations.ts';
import { type DatasetFormat, type DatasetRow, isPreferenceFormat, kindOf, type RawRow } from './dataset-row.ts';
import { writePromptCompletion } from './prompt-completion.ts';

/** Columns a reader of the format would take for its own; extra columns may not have these names. */
const RESERVED: Readonly<Record<DatasetFormat, readonly string[]>> = {
  alpaca: ['instruction', 'input', 'output', 'system', 'history', 'tools', 'kto_tag'],
  'alpaca-preference': ['instruction', 'input', 'chosen', 'rejected', 'system', 'history', 'tools', 'kto_tag'],
  sharegpt: ['conversations', 'system', 'tools', 'kto_tag'],
  'sharegpt-preference': ['conversations', 'chosen', 'rejected', 'system', 'tools', 'kto_tag'],
  messages: ['messages', 'system', 'tools', 'kto_tag', 'rejected_response', 'rejected_messages'],
  'prompt-completion': ['prompt', 'completion', 'tools', 'label'],
  preference: ['prompt', 'chosen', 'rejected', 'tools'],
  text: ['text'],
};

/**
 * One row as the object of a file: id, the format's columns, then the extra ones.
 * @throws CorpusError `dataset-unsupported` when the format has no room for the row
 */
export function formatRow(row: DatasetRow, format: DatasetFormat): RawRow {
  const kind = kindOf(row);
  const wanted = format === 'text' ? 'text' : isPreferenceFormat(format) ? 'preference' : 'answer';
  // A prompt without an answer is a row of the formats whose other columns may be absent.
  const isPrompt = kind === 'prompt' && wanted === 'answer' && format !== 'alpaca';
  if (kind !== wanted && !isPrompt) throw cannotWrite(format, row.id, `expected ${wanted}, got ${kind}`);
  const taken = RESERVED[format].find((column) => column in row.extra);
  if (taken !== undefined) throw cannotWrite(format, row.id, `the extra column "${taken}" is one of the format's own`);
  return { id: row.id, ...formatColumns(row, format), ...row.extra };
}

function formatColumns(row: DatasetRow, format: DatasetFormat): RawRow {
  switch (format) {
    case 'alpaca':
    case 'alpaca-preference':
      return writeAlpaca(row);
    case 'sharegpt':
    case 'sharegpt-preference':
      return writeSharegpt(row);
    case 'messages':
      return writeMessages(row);
    case 'prompt-completion':
    case 'preference':
      return writePromptCompletion(row);
    case 'text':
      return { text: row.text };
    default:
      return format satisfies never;
  }
}

export interface WrittenDataset {
  readonly rows: number;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** Bytes gathered before they go to the disk. */
const FLUSH_CHARACTERS = 1 << 20;

/**
 * Writes `.json` as a list, anything else as JSON lines. Readers see the whole file or the one before.
 * @throws CorpusError `dataset-unsupported` for a row the format cannot hold; system errors of the disk as they are
 */
export async function writeDatasetFile(
  file: string,
  rows: Iterable<DatasetRow> | AsyncIterable<DatasetRow>,
  format: DatasetFormat,
): Promise<WrittenDataset> {
  const isList = path.extname(file) === '.json';
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.partial-${process.pid}`;
  const hash = createHash('sha256');
  const handle = await open(temporary, 'w');
  let count = 0;
  let sizeBytes = 0;
  let pending = isList ? '[' : '';
  const flush = async (): Promise<void> => {
    const bytes = Buffer.from(pending, 'utf8');
    pending = '';
    hash.update(bytes);
    sizeBytes += bytes.length;
    await handle.appendFile(bytes);
  };
  try {
    for await (const row of rows) {
      const text = JSON.stringify(formatRow(row, format));
      pending += isList ? `${count === 0 ? '\n' : ',\n'}  ${text}` : `${text}\n`;
      count++;
      if (pending.length > FLUSH_CHARACTERS) await flush();
    }
    if (isList) pending += '\n]\n';
    await flush();
    await handle.sync();
    await handle.close();
    await rename(temporary, file);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw error;
  }
  return { rows: count, sizeBytes, sha256: hash.digest('hex') };
}
