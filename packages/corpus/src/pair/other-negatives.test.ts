import { check, scoreCouplets } from '@tuiqiao/prosody';
import { beforeAll, describe, expect, it } from 'vitest';
import { splitLines } from '../clean/lines.ts';
import type { Poem } from '../poem.ts';
import { loadStarter } from '../starter.ts';
import { CharacterPool } from './character-pool.ts';
import { isSpoilable } from './negatives.ts';
import { createOtherNegative, type OtherNegative, type OtherNegativeOptions } from './other-negatives.ts';

let options: OtherNegativeOptions;
let poems: Poem[];
beforeAll(async () => {
  poems = (await loadStarter()).filter((poem) => isSpoilable(poem) && poem.labels.tune === null);
  options = { seed: 5, pool: new CharacterPool(poems.map(({ text }) => text)), others: poems };
});

const made = (kind: OtherNegative, form: string, count = 24): (readonly [Poem, string])[] =>
  poems
    .filter(({ labels }) => labels.form === form)
    .slice(0, count)
    .flatMap((poem) => {
      const text = createOtherNegative(poem, kind, options);
      return text === null ? [] : [[poem, text] as const];
    });

const differing = (a: string, b: string): number => [...a].filter((char, i) => char !== [...b][i]).length;

describe('createOtherNegative', () => {
  it('puts one modern word in, and every rule is still kept', () => {
    const pairs = made('modern', '七绝');
    expect(pairs.length).toBeGreaterThan(16);
    for (const [poem, text] of pairs) {
      expect(text).toHaveLength(poem.text.length);
      expect(differing(poem.text, text)).toBeLessThanOrEqual(2);
      expect(differing(poem.text, text)).toBeGreaterThan(0);
      expect(check({ text, form: '七绝' }).strict.all, text).toBe(true);
    }
    expect(
      new Set(pairs.map(([poem, text]) => [...text].filter((c, i) => c !== [...poem.text][i]).join(''))).size,
    ).toBeGreaterThan(4);
  });

  it('takes the parallelism from a middle couplet, tones and rhyme kept', () => {
    const pairs = made('duizhang', '五律');
    expect(pairs.length).toBeGreaterThan(8);
    const scoresOf = (text: string) =>
      scoreCouplets(splitLines(text).map((line) => [...line])).map(({ score }) => score);
    for (const [poem, text] of pairs) {
      expect(differing(poem.text, text)).toBeLessThanOrEqual(2);
      expect(check({ text, form: '五律' }).strict.all, text).toBe(true);
      const drops = scoresOf(poem.text).map((score, i) => score - scoresOf(text)[i]!);
      expect(Math.max(drops[1]!, drops[2]!)).toBeGreaterThan(0.7);
      expect([drops[0], drops[3]]).toEqual([0, 0]);
    }
    expect(made('duizhang', '五绝')).toEqual([]);
  });

  it('answers with a poem of the form and rhyme on something else', () => {
    const pairs = made('theme', '七绝');
    expect(pairs.length).toBeGreaterThan(16);
    for (const [poem, text] of pairs) {
      expect(text).not.toBe(poem.text);
      expect(splitLines(text).map((line) => [...line].length)).toEqual([7, 7, 7, 7]);
      for (const char of poem.title) expect(text).not.toContain(char);
    }
  });

  it('answers in another form', () => {
    const pairs = made('form', '五律');
    expect(pairs.length).toBeGreaterThan(16);
    for (const [, text] of pairs) expect(check({ text, form: '五律' }).strict.length).toBe(false);
  });

  it('is the same for the same seed', () => {
    const poem = poems.find(({ labels }) => labels.form === '七律')!;
    const texts = [1, 1, 2].map((seed) => createOtherNegative(poem, 'modern', { ...options, seed }));
    expect(texts[0]).toBe(texts[1]);
    expect(texts[2]).not.toBe(texts[0]);
  });
});
