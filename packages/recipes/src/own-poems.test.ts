import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { loadTokenizer, type Tokenizer } from '@tuiqiao/lm';
import { check } from '@tuiqiao/prosody';
import { parseRecipe, type RunEvent, type SftRecipe } from '@tuiqiao/schema';
import type { WrittenPoem } from '@tuiqiao/verse';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTinyPoet, type TinyPoet } from '../test/tiny-poet.ts';
import { type OwnPoems, ownExample } from './own-poems.ts';
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

  it('are asked for by poems, not by rows of a file', async () => {
    await expect(
      runSft(sft({ outputDir: at('refused'), dataset: [path.join(folder, 'none.json')], ownPoems: { count: 8 } })),
    ).rejects.toMatchObject({ code: 'dataset-not-found' });
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
