/** 《水墨唐诗》 of the pulled package: 176 Tang poems, each with a paraphrase in modern prose. Simplified, as it stands there. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { CorpusError } from '../errors.ts';

/** Path inside the pulled folder. */
export const PARAPHRASE_FILE = 'shuimotangshi/shuimotangshi.json';

export interface Paraphrase {
  readonly author: string;
  readonly title: string;
  readonly paragraphs: readonly string[];
  /** The poem in modern prose. */
  readonly paraphrase: string;
}

/**
 * Entries without text or paraphrase are left out; null when an earlier version pulled the folder, without this file.
 *
 * @throws CorpusError `corpus-damaged` when the file is not the JSON it should be
 */
export async function readParaphrases(folder: string): Promise<Paraphrase[] | null> {
  let entries: unknown;
  try {
    entries = JSON.parse(await readFile(path.join(folder, PARAPHRASE_FILE), 'utf8'));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw damaged(cause);
  }
  if (!Array.isArray(entries)) throw damaged();
  return entries.flatMap((entry: Record<string, unknown>): Paraphrase[] => {
    const { author, title, paragraphs, prologue } = entry;
    if (typeof prologue !== 'string' || prologue === '' || !Array.isArray(paragraphs) || paragraphs.length === 0)
      return [];
    return [{ author: String(author), title: String(title), paragraphs: paragraphs.map(String), paraphrase: prologue }];
  });
}

function damaged(cause?: unknown): CorpusError {
  return new CorpusError('corpus-damaged', `read paraphrases: expected a list of poems in ${PARAPHRASE_FILE}`, {
    hint: 'Remove the folder and run `tuiqiao corpus pull` again.',
    cause,
  });
}
