import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {
  DATASET_FORMATS,
  loadDatasetRows,
  loadStarter,
  type Poem,
  readDatasetInfo,
  writePoemFile,
} from '@tuiqiao/corpus';
import { check } from '@tuiqiao/prosody';
import {
  DATASET_FORMATS as FORMAT_CHOICES,
  type PrepareInput,
  type PrepareRecipe,
  parseRecipe,
  type RunEvent,
} from '@tuiqiao/schema';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RecipesError } from './errors.ts';
import { runPrepare } from './prepare.ts';

let poems = new Map<string, Poem>();
let folder = '';
/** A few hundred poems of every form and part: the whole starter takes a second to open, each time. */
let corpus = '';
beforeAll(async () => {
  const starter = await loadStarter();
  const some = starter.filter(({ labels }, i) => i % (labels.split === 'train' ? 80 : 8) === 0);
  corpus = path.join(await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-prepare-')), 'some.jsonl.gz');
  await writePoemFile(corpus, some);
  poems = new Map(some.map((poem) => [poem.id, poem]));
});
beforeEach(async () => {
  folder = path.join(await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-prepare-')), 'poems');
});

const recipe = (input: PrepareInput = {}): PrepareRecipe =>
  parseRecipe({ stage: 'prepare', dataset: [corpus], outputDir: folder, ...input }).recipe as PrepareRecipe;
const hashOf = async (file: string) =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
const refusal = async (input: PrepareInput) => {
  try {
    await runPrepare(recipe(input));
  } catch (error) {
    if (error instanceof RecipesError) return error;
    throw error;
  }
  throw new Error('expected a refusal');
};

describe('runPrepare', () => {
  it('offers the formats that the corpus can write', () => {
    expect(FORMAT_CHOICES).toEqual(DATASET_FORMATS);
  });

  it.each(DATASET_FORMATS)('writes %s: every part readable by its name, counted and hashed', async (format) => {
    const { manifest } = await runPrepare(recipe({ format }));
    const table = (await readDatasetInfo(folder))!;
    expect(table.names).toEqual(['poems-train', 'poems-validation', 'poems-test']);
    const seen = new Map<string, string>();
    for (const split of ['train', 'validation', 'test'] as const) {
      const written = manifest.files[split]!;
      expect(written).toMatchObject({ name: `poems-${split}`, sha256: await hashOf(path.join(folder, written.file)) });
      const { file, layout } = table.entry(written.name);
      const rows = await loadDatasetRows(file, { layout: layout! });
      expect(rows).toHaveLength(written.rows);
      expect(Object.values(written.byForm).reduce((a, b) => a + b)).toBe(written.rows);
      for (const row of rows) {
        const poem = poems.get(row.id)!;
        expect(poem.labels.split).toBe(split);
        expect(poem.labels.isFlawless).toBe(true);
        expect(row.extra).toMatchObject({ author: poem.author, form: poem.labels.form, cipai: poem.labels.tune });
        expect(row.completion ?? row.chosen ?? row.text!.slice(-poem.text.length)).toBe(poem.text);
        // No cluster on two sides.
        const cluster = String(poem.labels.cluster);
        expect(seen.get(cluster) ?? split).toBe(split);
        seen.set(cluster, split);
      }
    }
    expect(JSON.parse(await readFile(path.join(folder, 'manifest.json'), 'utf8'))).toEqual(manifest);
  });

  it('rejects poems that break one rule and nothing else, named in the row', async () => {
    const { manifest } = await runPrepare(recipe({ format: 'preference', forms: ['七绝'], maxSamples: 60 }));
    const rows = await loadDatasetRows(path.join(folder, 'poems-train.jsonl'));
    for (const { chosen, rejected, extra } of rows) {
      expect(check({ text: chosen!, form: '七绝' }).strict.all).toBe(true);
      expect(check({ text: rejected!, form: '七绝' }).strict.all).toBe(false);
      expect(manifest.files.train!.byBrokenRule).toHaveProperty([String(extra.broken_rule)]);
    }
    expect(new Set(rows.map(({ extra }) => extra.broken_rule)).size).toBeGreaterThan(3);
  });

  it('asks in control tokens or in a sentence, and derives simplified characters', async () => {
    await runPrepare(recipe({ forms: ['五律'], promptStyle: 'control', maxSamples: 40 }));
    const [control] = await loadDatasetRows(path.join(folder, 'poems-train.jsonl'));
    expect(control!.messages[0]!.content).toMatch(/^<\|form:五律\|><\|rhyme:.\|>/u);
    await runPrepare(recipe({ forms: ['五律'], script: 'simplified', maxSamples: 40, overwriteOutputDir: true }));
    const rows = await loadDatasetRows(path.join(folder, 'poems-train.jsonl'));
    expect(rows[0]!.messages[0]!.content).toMatch(/^请写一首五言律诗/u);
    const text = rows.map((row) => JSON.stringify(row)).join('');
    expect(text).not.toMatch(/[風來無東]/u);
    expect(text).toMatch(/[风来无东]/u);
  });

  it('gives the same bytes for the same options, others for another seed', async () => {
    const hashes = async (seed: number) => {
      const { manifest } = await runPrepare(
        recipe({ seed, overwriteOutputDir: true, format: 'preference', maxSamples: 60 }),
      );
      return manifest.files.train!.sha256;
    };
    const first = await hashes(1);
    const manifest = await readFile(path.join(folder, 'manifest.json'), 'utf8');
    expect(await hashes(2)).not.toBe(first);
    expect(await hashes(1)).toBe(first);
    expect(await readFile(path.join(folder, 'manifest.json'), 'utf8')).toBe(manifest);
  });

  it('replaces earlier files only when told to, and keeps other datasets of the folder', async () => {
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, 'dataset_info.json'), JSON.stringify({ other: { file_name: 'other.json' } }));
    await runPrepare(recipe());
    expect(await refusal({})).toMatchObject({ code: 'run-folder-not-empty' });
    await runPrepare(recipe({ fileType: 'json', overwriteOutputDir: true }));
    expect((await readdir(folder)).sort()).toEqual([
      'dataset_info.json',
      'manifest.json',
      'poems-test.json',
      'poems-train.json',
      'poems-validation.json',
    ]);
    const table = JSON.parse(await readFile(path.join(folder, 'dataset_info.json'), 'utf8')) as Record<string, unknown>;
    expect(table.other).toEqual({ file_name: 'other.json' });
    expect(table['poems-train']).toMatchObject({ file_name: 'poems-train.json' });
  });

  it('says in one sentence what cannot be done', async () => {
    expect((await refusal({ forms: ['七言'] })).message).toBe(`prepare: no poem of form 七言 in ${corpus}`);
    expect((await refusal({ tunes: ['浣溪纱'] })).message).toBe(`prepare: no poem of tune 浣溪纱 in ${corpus}`);
    expect((await refusal({ script: 'simplified', promptStyle: 'control' })).code).toBe('recipe-bad-value');
    expect((await refusal({ dataset: ['startre'] })).code).toBe('dataset-not-found');
  });

  it('warns of a part without poems and writes no file for it', async () => {
    const events: RunEvent[] = [];
    const { manifest } = await runPrepare(recipe({ maxSamples: 1 }), { onEvent: (event) => events.push(event) });
    expect(Object.keys(manifest.files)).toHaveLength(1);
    expect(events.filter((event) => event.type === 'run-warning')).toHaveLength(2);
    expect((await readDatasetInfo(folder))!.names).toHaveLength(1);
  });

  it('leaves no data behind when it is stopped', async () => {
    const controller = new AbortController();
    const onEvent = (event: RunEvent) => {
      if (event.type === 'progress') controller.abort();
    };
    await expect(runPrepare(recipe(), { signal: controller.signal, onEvent })).rejects.toThrow(/abort/iu);
    expect(await readdir(folder)).toEqual([]);
  });
});
