/**
 * The names under `dataset:`, resolved in this order: a built-in corpus, an entry of `dataset_info.json`, a file. Poems
 * of a corpus are turned into examples by the stage; rows of a file are examples already.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import {
  type DatasetLayout,
  type DatasetRow,
  detectDatasetLayout,
  kindOf,
  loadDatasetRows,
  type RowKind,
  readDatasetInfo,
} from '@tuiqiao/corpus';
import { findNearest, type RunControls } from '@tuiqiao/schema';
import { createRandom } from '@tuiqiao/tensor';
import { CORPUS_NAMES, isCorpusName } from './corpus-source.ts';
import { RecipesError } from './errors.ts';
import { hashFile, type ManifestData } from './run-manifest.ts';

/** A file of poems, as `corpus` writes them, is opened as a corpus. */
const POEM_FILE = /\.jsonl\.gz$/u;

export interface FileSource {
  readonly kind: 'file';
  /** As the recipe names it. */
  readonly name: string;
  readonly file: string;
  readonly layout?: DatasetLayout;
  /** Of the entry: take so many rows. */
  readonly numSamples?: number;
}

interface CorpusSource {
  readonly kind: 'corpus';
  readonly name: string;
}

export type DatasetSource = CorpusSource | FileSource;

/**
 * @throws RecipesError `dataset-not-found` with names that are near; CorpusError for a broken `dataset_info.json`
 */
export async function findDatasets(names: readonly string[], datasetDir: string): Promise<DatasetSource[]> {
  const needsInfo = names.some((name) => !isCorpusName(name));
  const info = needsInfo ? await readDatasetInfo(datasetDir) : null;
  return names.map((name): DatasetSource => {
    if (isCorpusName(name)) return { kind: 'corpus', name };
    if (info?.names.includes(name)) return { kind: 'file', ...info.entry(name) };
    if (existsSync(name)) return POEM_FILE.test(name) ? { kind: 'corpus', name } : { kind: 'file', name, file: name };
    throw notFound(name, datasetDir, info?.names ?? null);
  });
}

function notFound(name: string, datasetDir: string, known: readonly string[] | null): RecipesError {
  const nearest = findNearest(name, [...CORPUS_NAMES, ...(known ?? [])]);
  const isPath = /[\\/]|\.\w+$/u.test(name);
  const inFolder = isPath && existsSync(path.join(datasetDir, name)) ? path.join(datasetDir, name) : undefined;
  const meant = nearest ?? inFolder;
  const table = known === null ? `no dataset_info.json in ${datasetDir}` : `not in ${datasetDir}/dataset_info.json`;
  return new RecipesError(
    'dataset-not-found',
    `dataset: ${name}: no built-in corpus, ${table}, and no such file${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
    {
      hint: `Built in are ${CORPUS_NAMES.join(', ')}${known === null || known.length === 0 ? '' : `; dataset_info.json has ${listSome(known)}`}.`,
      zh: {
        message: `没有叫 ${name} 的数据：不是内置语料，不在 dataset_info.json 里，也不是文件${meant === undefined ? '' : `；是否想写 "${meant}"？`}`,
        hint: `内置的有 ${CORPUS_NAMES.join('、')}${known === null || known.length === 0 ? '' : `；dataset_info.json 里有 ${listSome(known)}`}。`,
      },
    },
  );
}

/** Names listed in a hint before it says "and so many more". */
const MAX_LISTED = 12;

function listSome(names: readonly string[]): string {
  const more = names.length - MAX_LISTED;
  return `${names.slice(0, MAX_LISTED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

export interface LoadedRows {
  readonly source: FileSource;
  readonly layout: DatasetLayout;
  readonly kind: RowKind;
  /** In a seeded order when some were left out, else in the file's. */
  readonly rows: readonly DatasetRow[];
  readonly manifestEntry: ManifestData;
  /** Sentences for the person who runs this. */
  readonly warnings: readonly string[];
}

/** The rows of a file, at most `maxSamples` (and the entry's `num_samples`) of them, chosen at random. */
export async function loadRows(
  source: FileSource,
  options: { readonly seed: number; readonly maxSamples?: number | undefined },
  controls: RunControls = {},
): Promise<LoadedRows> {
  const layout = source.layout ?? (await detectDatasetLayout(source.file));
  const all = await loadDatasetRows(source.file, {
    layout,
    ...(controls.signal === undefined ? {} : { signal: controls.signal }),
  });
  const limit = Math.min(options.maxSamples ?? Infinity, source.numSamples ?? Infinity);
  if (limit < all.length) createRandom(options.seed).fork(source.name).shuffle(all);
  const rows = all.slice(0, limit);
  const isShort = source.numSamples !== undefined && source.numSamples > all.length;
  return {
    source,
    layout,
    kind: kindOf(rows[0]!),
    rows,
    manifestEntry: {
      name: source.name,
      path: source.file,
      sha256: await hashFile(source.file),
      samples: rows.length,
    },
    warnings: isShort
      ? [
          `${source.name}: num_samples asks for ${source.numSamples} rows, the file has ${all.length}; each is used once`,
        ]
      : [],
  };
}

/**
 * Splits examples into training and validation: a share below 1, else a number. Which ones are held out follows from the
 * seed alone.
 *
 * @throws RecipesError `recipe-bad-value` when nothing would be left on one side
 */
export function holdOut<T>(
  items: readonly T[],
  valSize: number,
  name: string,
  seed: number,
): { training: readonly T[]; validation: readonly T[] } {
  if (valSize === 0) return { training: items, validation: [] };
  const count = valSize < 1 ? Math.max(1, Math.round(items.length * valSize)) : Math.floor(valSize);
  if (count >= items.length) {
    throw new RecipesError(
      'recipe-bad-value',
      `valSize: expected less than the ${items.length} rows of ${name}, got ${valSize}`,
      {
        hint: 'A value below 1 is a share, e.g. 0.05.',
      },
    );
  }
  const order = Int32Array.from({ length: items.length }, (_, i) => i);
  createRandom(seed).fork(`validation ${name}`).shuffle(order);
  const held = new Set(order.subarray(0, count));
  return {
    training: items.filter((_, i) => !held.has(i)),
    validation: items.filter((_, i) => held.has(i)),
  };
}

/** What a stage has to do with a validation set, said once for all stages. @throws RecipesError `recipe-bad-value` */
export function checkValidation({ evalDataset, valSize }: { evalDataset: readonly string[]; valSize: number }): void {
  if (evalDataset.length > 0 && valSize > 0) {
    throw new RecipesError('recipe-bad-value', 'recipe: expected evalDataset or valSize, got both', {
      hint: 'valSize holds examples of the dataset itself out; with evalDataset there is no need to.',
    });
  }
}
