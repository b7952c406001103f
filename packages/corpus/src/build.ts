/**
 * Pulled package → cleaned, de-duplicated, labelled and split poems with their manifest, in
 * `<cache>/corpus-<version>/`. The folder appears complete or not at all.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { findTune } from '@tuiqiao/prosody';
import type { RunControls } from '@tuiqiao/schema';
import writeFileAtomic from 'write-file-atomic';
import { defaultCacheFolder } from './cache-folder.ts';
import { CLEANING_RULES, type CleanedPoem, cleanPoem } from './clean/clean-poem.ts';
import { foldText } from './clean/fold-variants.ts';
import { splitLines } from './clean/lines.ts';
import { toSimplified } from './clean/to-simplified.ts';
import { toTraditional } from './clean/to-traditional.ts';
import { findDuplicates } from './dedupe/near-duplicates.ts';
import { CorpusError } from './errors.ts';
import { labelAll } from './label/label-all.ts';
import { breakStanzas, type VerseLabels } from './label/label-poem.ts';
import { themeOfTitle } from './label/theme.ts';
import { CORPUS_VERSION, type CorpusManifest, type CorpusRule } from './manifest.ts';
import type { Poem } from './poem.ts';
import { loadPoems, readPoems, writePoemFile } from './poem-file.ts';
import { PACKAGE_NAME } from './sources/package-pin.ts';
import { findPulled } from './sources/pull.ts';
import { type CollectionName, listRecordFiles, readComposedGlyphs, readRecords } from './sources/read-records.ts';
import { smallestIds, splitOfCluster } from './split.ts';

export interface BuildOptions extends RunControls {
  readonly cacheDir?: string;
}

const POEM_FILE = 'poems.jsonl.gz';
const MANIFEST_FILE = 'manifest.json';

export function corpusFolder(cacheDir: string = defaultCacheFolder()): string {
  return path.join(cacheDir, `corpus-${CORPUS_VERSION}`);
}

/** Path of the built poems, built or not. */
export function corpusFile(cacheDir: string = defaultCacheFolder()): string {
  return path.join(corpusFolder(cacheDir), POEM_FILE);
}

/** The manifest of the built corpus, or null when this version is not built. */
export async function findCorpus(cacheDir: string = defaultCacheFolder()): Promise<CorpusManifest | null> {
  const file = path.join(corpusFolder(cacheDir), MANIFEST_FILE);
  if (!existsSync(file)) return null;
  return JSON.parse(await readFile(file, 'utf8')) as CorpusManifest;
}

/** The built corpus, one poem at a time. @throws CorpusError `corpus-missing` */
export function readCorpus(cacheDir: string = defaultCacheFolder()): AsyncIterable<Poem> {
  return readPoems(corpusFile(cacheDir));
}

/** The built corpus whole, about 333 thousand poems. @throws CorpusError `corpus-missing` */
export function loadCorpus(cacheDir: string = defaultCacheFolder()): Promise<Poem[]> {
  return loadPoems(corpusFile(cacheDir));
}

/**
 * Builds the corpus from the pulled package. Emits `progress` events: `corpus-clean` and `corpus-label` in poems.
 *
 * @throws CorpusError `corpus-missing` when the package was not pulled, `corpus-damaged`, `disk`, `aborted`
 */
export async function buildCorpus(options: BuildOptions = {}): Promise<CorpusManifest> {
  const startedAt = performance.now();
  const cacheDir = options.cacheDir ?? defaultCacheFolder();
  const pulled = await findPulled(cacheDir);
  if (!pulled)
    throw new CorpusError('corpus-missing', `build corpus: expected the pulled package in ${cacheDir}, got none`, {
      hint: 'Run `tuiqiao corpus pull`.',
    });
  const counter = new RuleCounter();
  const cleaned = await cleanAll(pulled.folder, counter, options);
  const lines = cleaned.map((poem) => splitLines(poem.text));
  const duplicates = findDuplicates(lines);
  const ids = cleaned.map((poem) => poem.raw.id);
  const smallest = smallestIds(ids, duplicates.cluster);

  const splits = { train: 0, validation: 0, test: 0 };
  const forms: Record<string, { poems: number; flawless: number }> = {};
  const kept: Partial<Record<CollectionName, number>> = {};
  const clusters = new Set<number>();
  const textHash = createHash('sha256');

  async function* label(): AsyncGenerator<Poem> {
    const requests = cleaned.map(({ raw, text }) => ({ text, tune: raw.tune }));
    let i = 0;
    for await (const batch of labelAll(requests, options.signal)) {
      options.onEvent?.({ type: 'progress', label: 'corpus-label', done: i, total: cleaned.length, unit: 'poems' });
      for (const verse of batch) {
        const poem = finish(i++, verse);
        if (!poem) continue;
        textHash.update(`${poem.id}\t${poem.text}\t${poem.labels.split}\n`);
        yield poem;
      }
    }
  }

  function finish(i: number, { stanzaEnds = [], ...verse }: VerseLabels): Poem | null {
    const { raw, title, author, text } = cleaned[i]!;
    if (duplicates.isNearDuplicate[i]) counter.add('near-duplicates', raw.source, false);
    if (duplicates.isExactCopy[i]) {
      counter.add('exact-duplicates', raw.source, true);
      return null;
    }
    const cluster = duplicates.cluster[i]!;
    const split = splitOfCluster(smallest.get(cluster)!);
    clusters.add(cluster);
    splits[split]++;
    kept[raw.source] = (kept[raw.source] ?? 0) + 1;
    const formName = verse.form ?? 'none';
    const form = forms[formName] ?? { poems: 0, flawless: 0 };
    forms[formName] = { poems: form.poems + 1, flawless: form.flawless + (verse.isFlawless ? 1 : 0) };
    const theme = raw.tune === null ? themeOfTitle(title) : null;
    return {
      id: raw.id,
      source: raw.source,
      dynasty: raw.dynasty,
      author,
      title,
      text: breakStanzas(text, stanzaEnds),
      labels: { ...verse, theme, cluster, split },
    };
  }

  const folder = corpusFolder(cacheDir);
  const written = await writePoemFile(path.join(folder, POEM_FILE), label());
  const manifest: CorpusManifest = {
    version: CORPUS_VERSION,
    builtAt: new Date().toISOString(),
    source: { name: PACKAGE_NAME, version: pulled.version, integrity: pulled.integrity },
    read: counter.read,
    kept,
    rules: counter.rules,
    splits,
    forms,
    clusters: clusters.size,
    textSha256: textHash.digest('hex'),
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    files: { [POEM_FILE]: written },
  };
  await writeFileAtomic(path.join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

/** Poems that stay after the rules of one poem; ci in traditional script. */
async function cleanAll(folder: string, counter: RuleCounter, options: BuildOptions): Promise<CleanedPoem[]> {
  const glyphs = await readComposedGlyphs(folder);
  const files = await listRecordFiles(folder);
  const kept: CleanedPoem[] = [];
  const authors = new AuthorNames();
  for (const [index, file] of files.entries()) {
    throwIfAborted(options);
    options.onEvent?.({
      type: 'progress',
      label: 'corpus-clean',
      done: index,
      total: files.length,
      unit: 'files',
    });
    for (const raw of await readRecords(folder, file)) {
      const poem = cleanPoem(raw, glyphs);
      counter.addPoem(poem);
      if (poem.droppedBy !== null) continue;
      if (raw.tune === null) {
        authors.add(poem.author);
        kept.push(withoutSource(poem));
      } else {
        kept.push(
          withoutSource({
            ...poem,
            author: authors.traditional(poem.author),
            title: traditionalTuneName(raw.tune),
            text: toTraditional(poem.text),
          }),
        );
      }
    }
  }
  return kept;
}

/** The book's own characters where it names the tune so; an alias is converted. */
function traditionalTuneName(name: string): string {
  const tune = findTune(name);
  return tune?.name === name ? foldText(tune.traditional) : toTraditional(name);
}

// The package's own text is not needed any more: 300 thousand poems of it would stay in memory otherwise.
function withoutSource(poem: CleanedPoem): CleanedPoem {
  return { ...poem, raw: { ...poem.raw, paragraphs: [] } };
}

/** Ci poets are in simplified script; where shi of the same dynasties name them in traditional, that spelling counts. */
class AuthorNames {
  private readonly known = new Map<string, string>();

  add(author: string): void {
    const key = toSimplified(author);
    if (!this.known.has(key)) this.known.set(key, author);
  }

  traditional(author: string): string {
    return this.known.get(toSimplified(author)) ?? toTraditional(author);
  }
}

class RuleCounter {
  readonly read: Partial<Record<CollectionName, number>> = {};
  readonly rules: Partial<Record<CorpusRule, Partial<Record<CollectionName, { touched: number; dropped: number }>>>> =
    Object.fromEntries(CLEANING_RULES.map((rule) => [rule, {}]));

  addPoem(poem: CleanedPoem): void {
    this.read[poem.raw.source] = (this.read[poem.raw.source] ?? 0) + 1;
    for (const rule of poem.touched) this.add(rule, poem.raw.source, poem.droppedBy === rule);
  }

  add(rule: CorpusRule, source: CollectionName, isDropped: boolean): void {
    const bySource = this.rules[rule] ?? {};
    const { touched, dropped } = bySource[source] ?? { touched: 0, dropped: 0 };
    bySource[source] = { touched: touched + 1, dropped: dropped + (isDropped ? 1 : 0) };
    this.rules[rule] = bySource;
  }
}

function throwIfAborted(options: BuildOptions): void {
  if (options.signal?.aborted)
    throw new CorpusError('aborted', 'build corpus: interrupted; nothing half-written was left');
}
