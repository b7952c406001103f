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
      valSize: 0.25,
      evalSteps: 4,
      sampleSteps: 4,
      samplePrompts: 2,
      outputDir,
    });
    expect((recipe as KtoRecipe).kto).toMatchObject({ desirableWeight: 1.5, lossType: 'kto', reference: 'start' });
    const result = await runKto(recipe as KtoRecipe, {
      onEvent: (event) => event.type === 'run-start' && notes.push(...event.notes),
    });
    expect(result).toMatchObject({ outcome: 'done', step: 8 });
    expect(notes.join('\n')).toMatch(/Reference: the base model, frozen.*12 answers, the chosen of a pair good/s);
    const log = await readTrainerLog(path.join(outputDir, 'trainer_log.jsonl'));
    const steps = log.filter((entry) => 'grad_norm' in entry || 'rewards/chosen' in entry);
    // At the start policy and reference are one: every answer's gain is 0, and half of it is lost.
    expect(Number(steps[0]!['rewards/chosen'])).toBeCloseTo(0, 6);
    expect(Number(steps[0]!.loss)).toBeCloseTo((1.5 + 1) / 4, 6);
    expect(Number(steps.at(-1)!['rewards/margins'])).toBeGreaterThan(0);
    expect(Number(steps.at(-1)!.loss)).toBeLessThan(Number(steps[0]!.loss));
    expect(notes.join('\n')).toMatch(/Held out for validation: 4 answers.*largest difference .* over 12 answers/s);
    const evaluated = log.filter((entry) => 'eval_loss' in entry);
    expect(evaluated.map((entry) => entry.current_steps)).toEqual([4, 8]);
    for (const name of ['eval_kl', 'eval_rewards/chosen', 'eval_rewards/margins', 'eval_logps/rejected']) {
      expect(evaluated[0], name).toHaveProperty([name]);
    }
    // Before step 1, and then every four steps.
    const written = log.filter((entry) => 'samples/all' in entry);
    expect(written.map((entry) => entry.current_steps)).toEqual([0, 4, 8]);
    expect(await readdir(outputDir)).toEqual(expect.arrayContaining(['adapter_model.safetensors', 'pairs.json']));
  });
});
