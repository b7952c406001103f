import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { buildLineIndex, writePoemFile } from '@tuiqiao/corpus';
import { loadTokenizer, type Tokenizer } from '@tuiqiao/lm';
import { check } from '@tuiqiao/prosody';
import { parseRecipe, type RunEvent, type SftRecipe } from '@tuiqiao/schema';
import type { WrittenPoem } from '@tuiqiao/verse';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTinyPoet, type TinyPoet } from '../test/tiny-poet.ts';
import { hasCopiedLine, type OwnPoems, ownExample } from './own-poems.ts';
import { runSft } from './sft.ts';

let folder = '';
let poet: TinyPoet;
const at = (name: string) => path.join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-own-'));
  poet = await createTinyPoet(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function sft(input: object): SftRecipe {
  return parseRecipe({
    stage: 'sft',
    model: poet.model,
    dataset: [poet.corpus],
    kernels: 'reference',
    computeType: 'f32',
    lora: { rank: 8 },
    batchSize: 8,
    learningRate: 0.03,
    loggingSteps: 1,
    saveSteps: 0,
    ...input,
  }).recipe as SftRecipe;
}

describe('own poems', () => {
  it('are written under the rules, and learnt instead of those of the data', async () => {
    const events: RunEvent[] = [];
    const recipe = sft({ outputDir: at('own'), ownPoems: { count: 48 }, epochs: 4 });
    await runSft(recipe, { onEvent: (event) => events.push(event) });
    const own = JSON.parse(await readFile(path.join(at('own'), 'own-poems.json'), 'utf8')) as OwnPoems;
    expect(own.samples).toBe(48);
    expect(own.examples.length).toBeGreaterThan(20);
    expect(own.removedShare).toBeGreaterThan(0.3);
    expect(own.examples.length + own.copied).toBe(48);
    const tokenizer = await loadTokenizer(poet.model);
    for (const { completionIds } of own.examples) {
      const text = tokenizer.decode(Array.from(completionIds), { skipSpecialTokens: true });
      expect(check({ text, form: '五绝' }).strict.all, text).toBe(true);
    }
    const notes = events.flatMap((event) => (event.type === 'run-start' ? event.notes : []));
    expect(notes.join('\n')).toMatch(/on 48 examples.*Own poems: 48 of 48 that the model wrote under the rules/s);
    const losses = events.flatMap((event) => (event.type === 'step-end' ? [event.loss] : []));
    expect(losses).toHaveLength(24);
    expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.8);
  });

  it('are refused where a line of them stands in a known poem, and only those', async () => {
    const { examples } = JSON.parse(await readFile(path.join(at('own'), 'own-poems.json'), 'utf8')) as OwnPoems;
    const tokenizer = await loadTokenizer(poet.model);
    const textOf = ({ completionIds }: (typeof examples)[number]): string =>
      tokenizer.decode(Array.from(completionIds), { skipSpecialTokens: true }).trim();
    // A poem that is no model, so that the requests stay the same, with a line of one of those the model will write.
    const [line] = textOf(examples[3]!).split('，');
    const [known] = poet.poems;
    const flawed = {
      ...known!,
      id: 'known',
      text: `${line}，天氣晚來秋。`,
      labels: { ...known!.labels, isFlawless: false },
    };
    const corpus = at('with-line.jsonl.gz');
    await writePoemFile(corpus, [...poet.poems, flawed]);
    const recipe = sft({ outputDir: at('copied'), dataset: [corpus], ownPoems: { count: 48 }, maxSteps: 1 });
    const events: RunEvent[] = [];
    await runSft(recipe, { onEvent: (event) => events.push(event) });
    const own = JSON.parse(await readFile(path.join(at('copied'), 'own-poems.json'), 'utf8')) as OwnPoems;
    const kept = examples.filter((example) => !textOf(example).includes(line!));
    expect(own.copied).toBe(examples.length - kept.length);
    expect(own.copied).toBeGreaterThan(0);
    expect(own.examples.map(({ id }) => id)).toEqual(kept.map(({ id }) => id));
    const notes = events.flatMap((event) => (event.type === 'run-start' ? event.notes : []));
    expect(notes.join('\n')).toContain(`${own.copied} refused for a line of a known poem`);
  });

  it('are asked for by poems, not by rows of a file', async () => {
    await expect(
      runSft(sft({ outputDir: at('refused'), dataset: [path.join(folder, 'none.json')], ownPoems: { count: 8 } })),
    ).rejects.toMatchObject({ code: 'dataset-not-found' });
  });
});

describe('hasCopiedLine', () => {
  it('finds a line of a known poem, wherever it stands, and no other', () => {
    const index = buildLineIndex(
      [{ author: '王之渙', title: '登鸛雀樓', text: '白日依山盡，黃河入海流。欲窮千里目，更上一層樓。' }],
      { withGrams: false },
    );
    expect(hasCopiedLine({ text: '空山秋月白，黃河入海流。\n長夜無人語，寒燈照小樓。' }, [index])).toBe(true);
    expect(hasCopiedLine({ text: '空山秋月白，黃河入海來。\n長夜無人語，寒燈照小臺。' }, [index])).toBe(false);
    expect(hasCopiedLine({ text: '白日依山盡，秋風滿戍樓。' }, [])).toBe(false);
  });
});

describe('ownExample', () => {
  it('weighs a character by what was taken away at its place, and rhymes as often as asked', () => {
    const tokenizer = {
      tokenToId: (token: string) => ({ '。': 9, '<|poem|>': 1 })[token] ?? null,
      eosTokenId: 2,
      encode: () => [1],
    };
    const poem = { request: {}, ids: [5, 6, 9], allowedMass: [1, 0.9, 1, 1] } as unknown as WrittenPoem;
    const example = ownExample(poem, 'own:0', tokenizer as unknown as Tokenizer, 3);
    expect(example.completionIds).toEqual([5, 6, 9, 2]);
    const weights = example.weight as number[];
    expect(weights[0]).toBeCloseTo(0.02, 9);
    expect(weights[1]).toBeCloseTo(3 * 0.52, 9);
    expect(weights.slice(2)).toEqual([0.02, 0.02]);
  });
});
