import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type GrpoRecipe, parseRecipe, type RunEvent } from '@tuiqiao/schema';
import { readTrainerLog } from '@tuiqiao/tune';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTinyPoet, type TinyPoet } from '../test/tiny-poet.ts';
import { runGrpo } from './grpo.ts';
import { sampleMetrics } from './training-samples.ts';

let folder = '';
let poet: TinyPoet;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-samples-'));
  poet = await createTinyPoet(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('poems written while training goes on', () => {
  it('are scored before step 1, every so many steps and at the end, into the log', async () => {
    const outputDir = path.join(folder, 'run');
    const { recipe } = parseRecipe({
      stage: 'grpo',
      model: poet.model,
      dataset: [poet.corpus],
      kernels: 'reference',
      computeType: 'f32',
      lora: { rank: 2 },
      batchSize: 4,
      maxNewTokens: 8,
      maxSteps: 3,
      loggingSteps: 1,
      saveSteps: 0,
      rewards: ['shape'],
      sample_every_n_steps: 2,
      samplePrompts: 3,
      grpo: { prompts: 4, numGenerations: 2, evalPrompts: 0 },
      outputDir,
    });
    const events: RunEvent[] = [];
    await runGrpo(recipe as GrpoRecipe, { onEvent: (event) => events.push(event) });
    const log = await readTrainerLog(path.join(outputDir, 'trainer_log.jsonl'));
    const sampled = log.filter((entry) => 'samples/all' in entry);
    expect(sampled.map(({ current_steps: step }) => step)).toEqual([0, 2, 3]);
    expect(Object.keys(sampled[0]!).filter((key) => key.startsWith('samples/'))).toEqual([
      'samples/length',
      'samples/rhyme',
      'samples/meter',
      'samples/all',
      'samples/copied',
    ]);
  });
});

describe('sampleMetrics', () => {
  it('counts a poem of another shape as keeping nothing', () => {
    const poem = (length: boolean, all: boolean, copied: number) =>
      ({
        verdict: { strict: { length, rhyme: true, meter: true, all } },
        novelty: { copiedLines: Array(copied).fill({}), longestSharedNgram: 0 },
      }) as never;
    expect(sampleMetrics([poem(true, true, 0), poem(false, false, 1)])).toEqual({
      'samples/length': 0.5,
      'samples/rhyme': 0.5,
      'samples/meter': 0.5,
      'samples/all': 0.5,
      'samples/copied': 0.5,
    });
  });
});
