/**
 * The cleaner over the whole pulled package against counts that were measured independently of it (poems a rule touches, by
 * collection). Needs the package in the cache (`tuiqiao corpus pull`); `docs/guides/corpus.md` explains the rules whose
 * counts differ by definition.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { type CleaningRule, cleanPoem } from '../src/clean/clean-poem.ts';
import { findPulled } from '../src/sources/pull.ts';
import { type CollectionName, listRecordFiles, readComposedGlyphs, readRecords } from '../src/sources/read-records.ts';

const pulled = await findPulled();
const TOLERANCE = 0.005;

const EXPECTED: readonly [CleaningRule, CollectionName, number][] = [
  ['notes', 'shi.tang', 5139],
  ['notes', 'shi.song', 144],
  ['title-notes', 'shi.tang', 2330],
  ['gaps', 'shi.tang', 723],
  ['gaps', 'shi.song', 1662],
  ['gaps', 'ci.song', 890],
  ['composed-glyphs', 'shi.tang', 143],
  ['composed-glyphs', 'shi.song', 267],
  ['empty', 'shi.tang', 197],
  ['empty', 'shi.song', 25],
];

describe.skipIf(pulled === null)('cleaning the whole package', () => {
  const poems = new Map<CollectionName, number>();
  const touched = new Map<string, number>();
  beforeAll(async () => {
    const { folder } = pulled!;
    const glyphs = await readComposedGlyphs(folder);
    for (const file of await listRecordFiles(folder))
      for (const raw of await readRecords(folder, file)) {
        poems.set(raw.source, (poems.get(raw.source) ?? 0) + 1);
        for (const rule of cleanPoem(raw, glyphs).touched) {
          const key = `${rule} ${raw.source}`;
          touched.set(key, (touched.get(key) ?? 0) + 1);
        }
      }
  }, 300_000);

  it('reads every poem', () => {
    expect(Object.fromEntries(poems)).toEqual({
      'shi.tang': 57_607,
      'shi.song': 254_248,
      'ci.wudai': 542,
      'ci.song': 21_053,
    });
  });

  it.each(EXPECTED)('%s in %s: %d poems', (rule, collection, expected) => {
    const counted = touched.get(`${rule} ${collection}`) ?? 0;
    // One poem is more than half a per cent of the small counts.
    expect(Math.abs(counted - expected)).toBeLessThanOrEqual(Math.max(1, expected * TOLERANCE));
  });

  it('private use in 34 poems of both shi collections', () => {
    expect((touched.get('private-use shi.tang') ?? 0) + (touched.get('private-use shi.song') ?? 0)).toBe(34);
  });
});
