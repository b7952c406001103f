/**
 * Stage `prepare`: poems → dataset files. One file for each part of the corpus's own split (by near-duplicate cluster, so
 * that no poem of one part has a variant in another), a `dataset_info.json` that LLaMA-Factory and we can read, and a
 * manifest with counts and hashes. The same options give the same bytes.
 */
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import {
  CharacterPool,
  controlMessage,
  controlPrompt,
  createRandomNegative,
  DATASET_INFO_FILE,
  type DatasetRow,
  datasetInfoEntry,
  instructionPrompt,
  isPreferenceFormat,
  isSpoilable,
  type Poem,
  poemColumns,
  readDatasetInfo,
  toSimplified,
  type WrittenDataset,
  writeDatasetFile,
} from '@tuiqiao/corpus';
import type { PrepareRecipe, RunControls } from '@tuiqiao/schema';
import { createRandom } from '@tuiqiao/tensor';
import writeFileAtomic from 'write-file-atomic';
import { openCorpus } from './corpus-source.ts';
import { explainDiskError, RecipesError } from './errors.ts';
import { isModel } from './examples.ts';
import { plainRequest } from './poet/requests.ts';
import { describeVersions, type ManifestData } from './run-manifest.ts';

const SPLITS = ['train', 'validation', 'test'] as const;
type Split = (typeof SPLITS)[number];

/** One file as the manifest has it. */
export interface PreparedFile extends WrittenDataset {
  /** Its name in dataset_info.json. */
  readonly name: string;
  readonly file: string;
  /** Near-duplicate clusters its poems come from. */
  readonly clusters: number;
  /** Rows of each form; a ci counts under 词. */
  readonly byForm: Readonly<Record<string, number>>;
  /** Preference formats: rows whose rejected poem breaks the rule. */
  readonly byBrokenRule?: Readonly<Record<string, number>>;
}

export interface PrepareManifest {
  readonly stage: 'prepare';
  readonly name: string;
  readonly options: Omit<PrepareRecipe, 'stage' | 'outputDir' | 'overwriteOutputDir'>;
  readonly versions: Readonly<Record<string, string>>;
  readonly sources: readonly ManifestData[];
  /** Chosen poems that gave no row: none of their places can break one rule alone. */
  readonly withoutNegative?: number;
  readonly files: Readonly<Partial<Record<Split, PreparedFile>>>;
}

export interface PrepareResult {
  readonly outputDir: string;
  readonly manifest: PrepareManifest;
}

const MANIFEST_FILE = 'manifest.json';
/** Poems between two progress events. */
const PROGRESS_INTERVAL = 100;
/** Training poems whose characters replace others in rejected poems: enough for their frequencies. */
const POOL_POEMS = 20_000;

interface ChosenPoem {
  readonly poem: Poem;
  /** Clusters are numbered by corpus. */
  readonly cluster: string;
}

/**
 * @throws RecipesError `dataset-not-found`, `dataset-empty`, `run-folder-not-empty`, `recipe-bad-value`, `disk-full`,
 *   `disk-not-writable`
 */
export async function runPrepare(recipe: PrepareRecipe, controls: RunControls = {}): Promise<PrepareResult> {
  const { outputDir } = recipe;
  const name = path.basename(path.resolve(outputDir));
  if (recipe.script === 'simplified' && recipe.promptStyle === 'control') {
    throw new RecipesError(
      'recipe-bad-value',
      'prepare: expected script: traditional with promptStyle: control, got simplified',
      {
        hint: 'The vocabulary of the base model is traditional characters; take promptStyle: instruction for other models.',
      },
    );
  }
  checkFolder(recipe, name);
  const { chosen, sources } = await choosePoems(recipe, controls);
  const count = chosen.length;
  controls.onEvent?.({
    type: 'run-start',
    name,
    stage: 'prepare',
    time: new Date().toISOString(),
    totalSteps: count,
    notes: [
      `${count.toLocaleString('en')} poems of ${recipe.dataset.join(', ')} as ${recipe.format}, asked for by ${recipe.promptStyle}.`,
    ],
  });

  const toRow = rowMaker(recipe, chosen);
  let done = 0;
  let withoutNegative = 0;
  const files: Partial<Record<Split, PreparedFile>> = {};
  try {
    await removeFiles(outputDir, name);
    for (const split of SPLITS) {
      const own = chosen.filter(({ poem }) => poem.labels.split === split);
      const byForm = new Counter();
      const byBrokenRule = new Counter();
      const clusters = new Set<string>();
      const rows = function* (): Generator<DatasetRow> {
        for (const { poem, cluster } of own) {
          controls.signal?.throwIfAborted();
          if (++done % PROGRESS_INTERVAL === 0 || done === count) {
            controls.onEvent?.({ type: 'progress', label: 'prepare', done, total: count, unit: 'poems' });
          }
          const row = toRow(poem);
          if (row === null) {
            withoutNegative++;
            continue;
          }
          byForm.add(poem.labels.form ?? '古');
          clusters.add(cluster);
          if (typeof row.extra.broken_rule === 'string') byBrokenRule.add(row.extra.broken_rule);
          yield row;
        }
      };
      const file = `${name}-${split}.${recipe.fileType}`;
      const written = await writeDatasetFile(path.join(outputDir, file), rows(), recipe.format);
      if (written.rows === 0) {
        // A file without rows is refused by every reader.
        await rm(path.join(outputDir, file));
        const message = `${split}: no poem of this part; no file was written for it`;
        controls.onEvent?.({ type: 'run-warning', code: 'dataset-empty', message });
        continue;
      }
      files[split] = {
        name: `${name}-${split}`,
        file,
        ...written,
        clusters: clusters.size,
        byForm: byForm.counts(),
        ...(isPreferenceFormat(recipe.format) ? { byBrokenRule: byBrokenRule.counts() } : {}),
      };
    }
    const manifest = describe(recipe, name, sources, files, withoutNegative);
    await writeInfo(recipe, name, files);
    await writeFileAtomic(path.join(outputDir, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
    controls.onEvent?.({ type: 'run-end', name, outcome: 'done', outputDir, metrics: {} });
    return { outputDir, manifest };
  } catch (error) {
    // Data without its manifest would be taken for whole.
    await removeFiles(outputDir, name).catch(() => undefined);
    throw explainDiskError(error, `writing ${outputDir}`);
  }
}

function dataFilesOf(folder: string, name: string): string[] {
  return SPLITS.flatMap((split) => ['jsonl', 'json'].map((type) => path.join(folder, `${name}-${split}.${type}`)));
}

function checkFolder({ outputDir, overwriteOutputDir }: PrepareRecipe, name: string): void {
  const found = [path.join(outputDir, MANIFEST_FILE), ...dataFilesOf(outputDir, name)].find((file) => existsSync(file));
  if (found === undefined || overwriteOutputDir) return;
  throw new RecipesError('run-folder-not-empty', `${outputDir}: holds ${path.basename(found)} of an earlier run`, {
    hint: 'Replace it with --overwrite-output-dir, or choose another --output-dir.',
  });
}

async function removeFiles(folder: string, name: string): Promise<void> {
  for (const file of [path.join(folder, MANIFEST_FILE), ...dataFilesOf(folder, name)]) await rm(file, { force: true });
}

/** The poems of all corpora that the recipe asks for, each once, in a seeded order. */
async function choosePoems(
  recipe: PrepareRecipe,
  controls: RunControls,
): Promise<{ chosen: ChosenPoem[]; sources: ManifestData[] }> {
  const chosen: ChosenPoem[] = [];
  const sources: ManifestData[] = [];
  const seen = new Set<string>();
  for (const name of recipe.dataset) {
    const corpus = await openCorpus(name, controls);
    sources.push(corpus.manifestEntry);
    for (const poem of corpus.poems) {
      if (seen.has(poem.id) || !isWanted(poem, recipe)) continue;
      seen.add(poem.id);
      chosen.push({ poem, cluster: `${name}:${poem.labels.cluster}` });
    }
  }
  for (const [kind, names] of [
    ['form', recipe.forms],
    ['tune', recipe.tunes],
  ] as const) {
    const missing = names.find((name) => !chosen.some(({ poem }) => poem.labels[kind] === name));
    if (missing !== undefined) {
      throw new RecipesError(
        'dataset-empty',
        `prepare: no poem of ${kind} ${missing} in ${recipe.dataset.join(', ')}`,
        {
          hint:
            kind === 'form'
              ? 'Forms are 五绝 七绝 五律 七律 五排 七排 古 词.'
              : 'Tunes are written in simplified characters, e.g. 浣溪沙.',
        },
      );
    }
  }
  createRandom(recipe.seed).fork('poems').shuffle(chosen);
  if (recipe.maxSamples !== undefined) chosen.length = Math.min(chosen.length, recipe.maxSamples);
  if (chosen.length === 0) {
    throw new RecipesError('dataset-empty', `prepare: no poem of ${recipe.dataset.join(', ')} is left`, {
      hint: 'Only poems that keep every rule are used; see flawlessOnly.',
    });
  }
  return { chosen, sources };
}

function isWanted(poem: Poem, { forms, tunes, flawlessOnly, format }: PrepareRecipe): boolean {
  const { form, tune } = poem.labels;
  if (flawlessOnly && !isModel(poem)) return false;
  if (isPreferenceFormat(format) && !isSpoilable(poem)) return false;
  if (forms.length === 0 && tunes.length === 0) return true;
  return (form !== null && forms.includes(form)) || (tune !== null && tunes.includes(tune));
}

/** Poem → row; null for a preference format when no rule of the poem can be broken alone. */
function rowMaker(recipe: PrepareRecipe, chosen: readonly ChosenPoem[]): (poem: Poem) => DatasetRow | null {
  const { format, promptStyle, seed } = recipe;
  const write = recipe.script === 'simplified' ? toSimplified : (text: string) => text;
  const ask = promptStyle === 'control' ? controlMessage : instructionPrompt;
  const training = chosen.filter(({ poem }) => poem.labels.split === 'train').slice(0, POOL_POEMS);
  const pool = isPreferenceFormat(format) ? new CharacterPool(training.map(({ poem }) => poem.text)) : null;
  const columns = (poem: Poem) =>
    Object.fromEntries(
      Object.entries(poemColumns(poem)).map(([name, value]) => [name, value === null ? null : write(value)]),
    );
  return (poem) => {
    const request = plainRequest(poem);
    const text = write(poem.text);
    if (format === 'text') {
      const before = promptStyle === 'control' ? controlPrompt(request) : poem.title === '' ? '' : `${poem.title}\n`;
      return { id: poem.id, messages: [], text: write(before) + text, extra: columns(poem) };
    }
    const messages = [{ role: 'user', content: write(ask(request)) }] as const;
    if (pool === null) return { id: poem.id, messages, completion: text, extra: columns(poem) };
    const negative = createRandomNegative(poem, { seed, pool });
    if (negative === null) return null;
    const extra = { ...columns(poem), broken_rule: negative.rule };
    return { id: poem.id, messages, chosen: text, rejected: write(negative.text), extra };
  };
}

function describe(
  recipe: PrepareRecipe,
  name: string,
  sources: readonly ManifestData[],
  files: PrepareManifest['files'],
  withoutNegative: number,
): PrepareManifest {
  const { stage, outputDir: _outputDir, overwriteOutputDir: _overwrite, ...options } = recipe;
  return {
    stage,
    name,
    options,
    versions: describeVersions(),
    sources,
    ...(isPreferenceFormat(recipe.format) ? { withoutNegative } : {}),
    files,
  };
}

/** Adds our datasets to the folder's table; other entries stay. */
async function writeInfo(
  { outputDir, format }: PrepareRecipe,
  name: string,
  files: PrepareManifest['files'],
): Promise<void> {
  const file = path.join(outputDir, DATASET_INFO_FILE);
  // Judges the table that is there, so that a broken one is not overwritten.
  const isThere = (await readDatasetInfo(outputDir)) !== null;
  const table = isThere
    ? (JSON.parse((await readFile(file, 'utf8')).replace(/^\uFEFF/u, '')) as Record<string, unknown>)
    : {};
  for (const split of SPLITS) {
    delete table[`${name}-${split}`];
    const written = files[split];
    if (written !== undefined) table[written.name] = datasetInfoEntry(written.file, format);
  }
  await writeFileAtomic(file, `${JSON.stringify(table, null, 2)}\n`);
}

/** Counts by name, commonest first. */
class Counter {
  private readonly found = new Map<string, number>();

  add(name: string): void {
    this.found.set(name, (this.found.get(name) ?? 0) + 1);
  }

  counts(): Record<string, number> {
    return Object.fromEntries([...this.found].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)));
  }
}
