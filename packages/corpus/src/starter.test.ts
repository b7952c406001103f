import { readFile } from 'node:fs/promises';
import { check } from '@tuiqiao/prosody';
import { beforeAll, describe, expect, it } from 'vitest';
import { foldText } from './clean/fold-variants.ts';
import { splitLines, uniformLength } from './clean/lines.ts';
import type { Poem } from './poem.ts';
import { splitOfCluster } from './split.ts';
import { decodeStarter, encodeStarter, loadStarter } from './starter.ts';

let poems: Poem[];
beforeAll(async () => {
  poems = await loadStarter();
});

describe('the starter corpus', () => {
  it('is small and holds about twelve thousand poems of the four forms and thirty tunes', async () => {
    const bytes = await readFile(new URL('../data/starter.json.br', import.meta.url));
    expect(bytes.length).toBeLessThan(1.2e6);
    expect(poems.length).toBeGreaterThan(12_000);
    const learnt = poems.filter(({ labels }) => labels.split !== 'test');
    const count = (form: string) => learnt.filter(({ labels }) => labels.form === form).length;
    expect([count('五绝'), count('七绝'), count('五律'), count('七律')]).toEqual([2000, 3500, 3000, 2500]);
    expect(new Set(learnt.flatMap(({ labels }) => labels.tune ?? [])).size).toBe(30);
  });

  it('is flawless outside the test split, by the checker itself', () => {
    const shi = poems.filter(({ labels }) => labels.split !== 'test' && labels.tune === null);
    expect(shi.every(({ labels }) => labels.isFlawless && labels.faults === 0)).toBe(true);
    for (const poem of shi.filter((_, i) => i % 25 === 0)) {
      const verdict = check(poem.text);
      expect(verdict.strict.all, poem.text).toBe(true);
      expect(verdict.form).toBe(poem.labels.form);
      expect(verdict.start).toBe(poem.labels.start);
      expect(verdict.firstLineRhymes).toBe(poem.labels.firstLineRhymes);
    }
    const ci = poems.filter(({ labels }) => labels.tune !== null && labels.split !== 'test');
    for (const poem of ci.filter((_, i) => i % 20 === 0))
      expect(check({ text: poem.text, tune: poem.labels.tune! }).lenient.all, poem.text).toBe(true);
  });

  it('has ci that name their tune by their text alone', () => {
    const learnt = poems.filter(({ labels }) => labels.tune !== null && labels.split !== 'test');
    const some = learnt.filter((_, i) => i % 7 === 0);
    const named = some.map(({ text, labels }) => ({ own: labels.tune, found: check(text).tune }));
    expect(named.filter(({ own, found }) => found === own).length / some.length).toBeGreaterThan(0.97);
    expect(named.filter(({ own, found }) => found !== null && found !== own).length / some.length).toBeLessThan(0.01);
  });

  it('holds test poems as they are: some with faults, every one of a form’s shape', () => {
    const test = poems.filter(({ labels }) => labels.split === 'test');
    const shi = test.filter(({ source }) => source.startsWith('shi.'));
    expect(shi).toHaveLength(500);
    for (const { text } of shi) {
      const lines = splitLines(text);
      expect([4, 8]).toContain(lines.length);
      expect([5, 7]).toContain(uniformLength(lines));
    }
    const flawless = shi.filter(({ labels }) => labels.isFlawless).length / shi.length;
    expect(flawless).toBeGreaterThan(0.5);
    expect(flawless).toBeLessThan(0.95);
  });

  it('has one poem a cluster, and every id once', () => {
    expect(new Set(poems.map(({ labels }) => labels.cluster)).size).toBe(poems.length);
    expect(new Set(poems.map(({ id }) => id)).size).toBe(poems.length);
    for (const { id } of poems) expect(id).toMatch(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$|\.json:\d+$/);
  });

  it('agrees with the full split: most clusters have one poem, whose id decides', () => {
    const agreeing = poems.filter(({ id, labels }) => splitOfCluster(id) === labels.split).length;
    expect(agreeing / poems.length).toBeGreaterThan(0.95);
  });

  it('is folded, traditional, and named', () => {
    for (const { text, title, author } of poems) {
      expect(foldText(text)).toBe(text);
      expect(text).toMatch(/^[\p{Script=Han}〇，。、\n]+$/u);
      expect(title).not.toBe('');
      expect(author).not.toBe('');
    }
  });

  it('survives encoding', async () => {
    const some = poems.filter((_, i) => i % 40 === 0);
    expect(await decodeStarter(await encodeStarter(some, 1))).toEqual(some);
  });

  it('says so when the bytes are broken', async () => {
    const bytes = await encodeStarter(poems.slice(0, 10), 1);
    await expect(decodeStarter(bytes.subarray(0, bytes.length - 4))).rejects.toMatchObject({ code: 'corpus-damaged' });
  });
});
