import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { check } from '../src/check.ts';
import { compare, countAgreement, parseGold } from './gold.ts';

// The records name poems of the npm package `chinese-poetry`, as `tuiqiao corpus pull` keeps it.
const goldFile = path.resolve(import.meta.dirname, '../../../../shared/data/forms/jinti_gold_sample.tsv');
const xdg = process.env.XDG_CACHE_HOME;
const caches = [
  process.env.TUIQIAO_CACHE,
  xdg && path.join(xdg, 'tuiqiao'),
  path.join(homedir(), 'Library', 'Caches', 'tuiqiao'),
  path.join(homedir(), '.cache', 'tuiqiao'),
];
const poemFolder = caches
  .filter((folder) => folder !== undefined && folder !== '')
  .map((folder) => path.join(folder!, 'chinese-poetry-2.0.1', 'quantangshi'))
  .find((folder) => existsSync(folder));

describe.skipIf(!existsSync(goldFile) || !poemFolder)('3,800 recorded poems', () => {
  it('agree on form, start, rhyme and places of faults', () => {
    const rows = parseGold(readFileSync(goldFile, 'utf8'));
    const texts = readPoems(poemFolder!, new Set(rows.map((row) => row.id)));
    expect(texts.size).toBe(rows.length);
    const counts = countAgreement(rows.map((row) => compare(check(texts.get(row.id)!), row)));
    console.log(`of ${rows.length}:`, counts);
    expect(counts.form).toBe(rows.length);
    expect(counts.start).toBe(rows.length);
    expect(counts.group).toBe(rows.length);
    for (const key of ['offRhymes', 'faults', 'firstLineExplained'] as const) {
      expect(counts[key], key).toBeGreaterThanOrEqual(0.99 * rows.length);
    }
  });
});

/** Verse of the poems asked for: paragraphs joined, bracketed notes stripped by the checker itself. */
function readPoems(folder: string, ids: ReadonlySet<string>): Map<string, string> {
  const texts = new Map<string, string>();
  for (const file of readdirSync(folder)) {
    if (!/^poet\.(tang|song)\.\d+\.json$/.test(file)) continue;
    const poems = JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as { id: string; paragraphs: string[] }[];
    for (const poem of poems) if (ids.has(poem.id)) texts.set(poem.id, poem.paragraphs.join(''));
  }
  return texts;
}
