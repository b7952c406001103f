import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { check } from '@tuiqiao/prosody';
import { type DpoRecipe, parseRecipe } from '@tuiqiao/schema';
import type { WrittenPoem } from '@tuiqiao/verse';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTinyPoet, type TinyPoet } from '../test/tiny-poet.ts';
import { runDpo } from './dpo.ts';
import { rankedPair } from './ranked-pairs.ts';

let folder = '';
let poet: TinyPoet;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-ranked-'));
  poet = await createTinyPoet(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** 王之渙, and the same with its last two characters changed places; one character short. */
const FLAWLESS = '白日依山盡，黃河入海流。欲窮千里目，更上一層樓。';
const OUT_OF_RHYME = '白日依山盡，黃河入海流。欲窮千里目，更上一樓層。';
const SHORT = '白日依山盡，黃河入海。欲窮千里目，更上一層樓。';

function poem(text: string, isAccepted = true): WrittenPoem {
  return { text, isAccepted, request: { form: '五绝' }, verdict: check({ text, form: '五绝' }) } as WrittenPoem;
}

/** A score by text, as rewards would give it. */
function scores(values: Readonly<Record<string, number>>) {
  return { score: (text: string) => values[text]! };
}

describe('rankedPair', () => {
  const reward = scores({ [FLAWLESS]: 4.5, [OUT_OF_RHYME]: 3.5, [SHORT]: 0.8 });

  it('is the best against the worst of the same shape', () => {
    const pair = rankedPair(
      [OUT_OF_RHYME, SHORT, FLAWLESS].map((text) => poem(text)),
      reward,
      0.1,
    );
    expect(pair).toMatchObject({ chosen: FLAWLESS, rejected: OUT_OF_RHYME, margin: 1 });
    expect(pair!.brokenRules).toContain('chuyun');
  });

  it('takes another shape where none of the right one is bad enough', () => {
    const pair = rankedPair([poem(SHORT), poem(FLAWLESS), poem(OUT_OF_RHYME)], reward, 2);
    expect(pair).toMatchObject({ chosen: FLAWLESS, rejected: SHORT });
    expect(pair!.brokenRules).toContain('zishu');
  });

  it('is none without the margin, and none of poems that did not end', () => {
    expect(rankedPair([poem(FLAWLESS), poem(OUT_OF_RHYME)], reward, 1.5)).toBeNull();
    expect(rankedPair([poem(FLAWLESS), poem(OUT_OF_RHYME, false)], reward, 0.1)).toBeNull();
    expect(rankedPair([poem(FLAWLESS), poem(FLAWLESS)], reward, 0.1)).toBeNull();
    expect(rankedPair([], reward, 0.1)).toBeNull();
  });
});

describe('runDpo on ranked pairs', () => {
  it('scores the policy’s own poems and keeps how far apart they are', async () => {
    const outputDir = path.join(folder, 'run');
    const { recipe } = parseRecipe({
      stage: 'dpo',
      model: poet.model,
      dataset: [poet.corpus],
      kernels: 'reference',
      computeType: 'f32',
      lora: { rank: 4 },
      pairs: { source: 'ranked', prompts: 12, samplesPerPrompt: 6, margin: 0.01 },
      batchSize: 4,
      maxSteps: 2,
      outputDir,
    });
    expect(await runDpo(recipe as DpoRecipe)).toMatchObject({ outcome: 'done', step: 2 });
    const { pairs, samples } = JSON.parse(await readFile(path.join(outputDir, 'pairs.json'), 'utf8'));
    expect(samples).toBe(72);
    expect(pairs.length).toBeGreaterThan(0);
    for (const { chosen, rejected, margin } of pairs) {
      expect(chosen).not.toBe(rejected);
      expect(margin).toBeGreaterThanOrEqual(0.01);
    }
  });
});
