/**
 * Reads the pulled package's JSON, one file at a time, into records of one shape. No cleaning: what comes out is what the
 * package says. Collections that are left out, and why: `quantangshi/error` (copies of main records),
 * `yudingquantangshi` (Tang again, with conversion errors and 7,614 poems that lost a line), `yuanqu` (arias with stage
 * text; no pattern book to check them with).
 */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { CorpusError } from '../errors.ts';
import type { Dynasty } from '../poem.ts';

/** Name of a collection as it stands in `Poem.source`. */
export type CollectionName = 'shi.tang' | 'shi.song' | 'ci.wudai' | 'ci.song';

export interface RawPoem {
  readonly id: string;
  readonly source: CollectionName;
  readonly dynasty: Dynasty;
  readonly author: string;
  /** Empty for ci, which have a tune instead. */
  readonly title: string;
  /** The package's `rhythmic`, in simplified script; null for shi. */
  readonly tune: string | null;
  readonly paragraphs: readonly string[];
  /** The package's own tags, e.g. 唐诗三百首, 送别. */
  readonly tags: readonly string[];
}

interface Collection {
  readonly name: CollectionName;
  readonly dynasty: Dynasty;
  readonly isSimplified: boolean;
  readonly folder: string;
  readonly file: RegExp;
}

/** In the order in which poems are read; among duplicates the first one read stays. */
export const COLLECTIONS: readonly Collection[] = [
  { name: 'shi.tang', dynasty: '唐', isSimplified: false, folder: 'quantangshi', file: /^poet\.tang\.(\d+)\.json$/ },
  { name: 'shi.song', dynasty: '宋', isSimplified: false, folder: 'quantangshi', file: /^poet\.song\.(\d+)\.json$/ },
  {
    name: 'ci.wudai',
    dynasty: '五代',
    isSimplified: true,
    folder: 'wudaishici/huajianji',
    file: /^huajianji-([1-9x])-juan\.json$/,
  },
  { name: 'ci.wudai', dynasty: '五代', isSimplified: true, folder: 'wudaishici/nantang', file: /^(poetrys)\.json$/ },
  { name: 'ci.song', dynasty: '宋', isSimplified: true, folder: 'songci', file: /^ci\.song\.(\d+)y?\.json$/ },
];

export function isSimplifiedCollection(name: CollectionName): boolean {
  return name.startsWith('ci.');
}

export interface RecordFile {
  readonly collection: Collection;
  /** Path inside the pulled folder. */
  readonly relativePath: string;
}

/** The files of the pulled folder that hold poems, in reading order (numbers numerically). */
export async function listRecordFiles(folder: string): Promise<RecordFile[]> {
  const files: RecordFile[] = [];
  for (const collection of COLLECTIONS) {
    const names = (await readdir(path.join(folder, collection.folder)).catch(() => []))
      .map((name) => ({ name, match: collection.file.exec(name) }))
      .filter((entry) => entry.match !== null)
      .sort((a, b) => orderOf(a.match![1]!) - orderOf(b.match![1]!) || (a.name < b.name ? -1 : 1));
    for (const { name } of names) files.push({ collection, relativePath: `${collection.folder}/${name}` });
  }
  return files;
}

// 'x' is the tenth volume of 花間集.
function orderOf(text: string): number {
  return text === 'x' ? 10 : Number.isNaN(Number(text)) ? 0 : Number(text);
}

/**
 * One file's records. The id is the package's own; a ci has none and gets `<file>:<index>`, e.g. `ci.song.0.json:5`.
 *
 * @throws CorpusError `corpus-damaged` when the file is missing or not the JSON it should be
 */
export async function readRecords(folder: string, file: RecordFile): Promise<RawPoem[]> {
  let entries: unknown;
  try {
    entries = JSON.parse(await readFile(path.join(folder, file.relativePath), 'utf8'));
  } catch (cause) {
    throw damaged(file, cause instanceof Error ? cause.message : 'unreadable', cause);
  }
  if (!Array.isArray(entries)) throw damaged(file, 'no list');
  const fileName = path.posix.basename(file.relativePath);
  return entries.map((entry: Record<string, unknown>, index) => {
    const paragraphs = entry.paragraphs;
    if (!Array.isArray(paragraphs)) throw damaged(file, `no paragraphs in entry ${index}`);
    return {
      id: typeof entry.id === 'string' ? entry.id : `${fileName}:${index}`,
      source: file.collection.name,
      dynasty: file.collection.dynasty,
      author: typeof entry.author === 'string' ? entry.author : '',
      title: typeof entry.title === 'string' && typeof entry.rhythmic !== 'string' ? entry.title : '',
      tune: typeof entry.rhythmic === 'string' ? entry.rhythmic : null,
      paragraphs: paragraphs as string[],
      tags: Array.isArray(entry.tags) ? (entry.tags as string[]) : [],
    };
  });
}

function damaged(file: RecordFile, got: string, cause?: unknown): CorpusError {
  return new CorpusError('corpus-damaged', `read records: expected poems in ${file.relativePath}, got ${got}`, {
    hint: 'Remove the folder and run `tuiqiao corpus pull` again.',
    cause,
  });
}

/** Composed glyphs `{上/下}` that have a character of their own, from the package's own list of 2,099. */
export async function readComposedGlyphs(folder: string): Promise<ReadonlyMap<string, string>> {
  const relativePath = 'quantangshi/表面结构字.json';
  const list: unknown = JSON.parse(await readFile(path.join(folder, relativePath), 'utf8'));
  const glyphs = new Map<string, string>();
  for (const [name, fonts] of Object.entries(list as Record<string, { font?: string }[]>)) {
    const font = fonts.length === 1 ? fonts[0]!.font : undefined;
    if (font) glyphs.set(name, font);
  }
  return glyphs;
}
