import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type KtoRecipe, parseRecipe } from '@tuiqiao/schema';
import { readTrainerLog } from '@tuiqiao/tune';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTinyPoet, type TinyPoet } from '../test/tiny-poet.ts';
import { runKto } from './kto.ts';

let folder = '';
let poet: TinyPoet;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-kto-'));
  poet = await createTinyPoet(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('runKto', () => {
  it('learns from answers marked good or bad, beginning at the reference', async () => {
    const outputDir = path.join(folder, 'run');
    const notes: string[] = [];
    const { recipe } = parseRecipe({
      stage: 'kto',
      model: poet.model,
      dataset: [poet.corpus],
      kernels: 'reference',
      computeType: 'f32',
      lora: { rank: 4 },
      pairs: { source: 'negatives', prompts: 8, rules: ['chongyun', 'zishu-long'] },
      kto_chosen_weight: 1.5,
      batchSize: 16,
      maxSteps: 8,
      learningRate: 0.02,
      loggingSteps: 1,
      outputDir,
    });
    expect((recipe as KtoRecipe).kto).toMatchObject({ desirableWeight: 1.5, lossType: 'kto', reference: 'start' });
    const result = await runKto(recipe as KtoRecipe, {
      onEvent: (event) => event.type === 'run-start' && notes.push(...event.notes),
    });
    expect(result).toMatchObject({ outcome: 'done', step: 8 });
    expect(notes.join('\n')).toMatch(/Reference: the base model, frozen.*16 answers, the chosen of a pair good/s);
    const log = await readTrainerLog(path.join(outputDir, 'trainer_log.jsonl'));
    // At the start policy and reference are one: every answer's gain is 0, and half of it is lost.
    expect(Number(log[0]!['rewards/chosen'])).toBeCloseTo(0, 6);
    expect(Number(log[0]!.loss)).toBeCloseTo((1.5 + 1) / 4, 6);
    expect(Number(log.at(-1)!['rewards/margins'])).toBeGreaterThan(0);
    expect(Number(log.at(-1)!.loss)).toBeLessThan(Number(log[0]!.loss));
    expect(await readdir(outputDir)).toEqual(expect.arrayContaining(['adapter_model.safetensors', 'pairs.json']));
  });
});
