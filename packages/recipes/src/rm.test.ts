import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createKernels } from '@tuiqiao/kernels';
import { type GrpoRecipe, parseOptions, parseRecipe, type RmRecipe, type RunEvent } from '@tuiqiao/schema';
import { readTrainerLog } from '@tuiqiao/tune';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTinyPoet, type TinyPoet } from '../test/tiny-poet.ts';
import { runGrpo } from './grpo.ts';
import { openModel } from './models.ts';
import type { SampledPairs } from './preference-pairs.ts';
import { openRewardModels } from './reward-models.ts';
import { runRm } from './rm.ts';
import { writeRecords } from './write.ts';

let folder = '';
let poet: TinyPoet;
const at = (name: string): string => path.join(folder, name);
const compute = { kernels: 'reference', computeType: 'f32' } as const;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-rm-'));
  poet = await createTinyPoet(folder);
  const { recipe } = parseRecipe({
    stage: 'rm',
    model: poet.model,
    dataset: [poet.corpus],
    ...compute,
    lora: { rank: 4 },
    pairs: { source: 'negatives', prompts: 20, rules: ['zishu-short', 'zishu-long'] },
    center_rewards_coefficient: 0.02,
    valSize: 0.2,
    batchSize: 16,
    maxSteps: 30,
    learningRate: 0.02,
    loggingSteps: 1,
    outputDir: at('rm'),
  });
  expect((recipe as RmRecipe).rm.centerRewardsCoefficient).toBe(0.02);
  const notes: string[] = [];
  const result = await runRm(recipe as RmRecipe, {
    onEvent: (event) => event.type === 'run-start' && notes.push(...event.notes),
  });
  expect(result).toMatchObject({ outcome: 'done', step: 30 });
  expect(notes.join('\n')).toMatch(/score head of 32.*20 real poems against copies.*Held out for validation: 4 pairs/s);
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('runRm', () => {
  it("logs TRL's metrics and learns to prefer the poem that is whole", async () => {
    const log = await readTrainerLog(path.join(at('rm'), 'trainer_log.jsonl'));
    const steps = log.filter((entry) => 'accuracy' in entry);
    for (const name of ['loss', 'accuracy', 'margin', 'min_reward', 'mean_reward', 'max_reward']) {
      expect(steps[0], name).toHaveProperty([name]);
    }
    expect(Number(steps[0]!.loss)).toBeCloseTo(Math.log(2), 0);
    expect(Number(steps.at(-1)!.accuracy)).toBeGreaterThan(0.9);
    expect(log.some((entry) => 'eval_accuracy' in entry)).toBe(true);
    expect(await readdir(at('rm'))).toEqual(expect.arrayContaining(['adapter_model.safetensors', 'reward-scale.json']));
    const config = JSON.parse(await readFile(path.join(at('rm'), 'adapter_config.json'), 'utf8'));
    expect(config).toMatchObject({ task_type: 'SEQ_CLS', modules_to_save: ['score'] });
  });

  it('judges from 0 to 1: whole poems above those with a character missing or too many', async () => {
    const [model] = await openRewardModels([`rm:${at('rm')}`], {
      kernels: createKernels({ prefer: 'reference' }),
      computeType: 'f32',
    });
    const { pairs } = JSON.parse(await readFile(path.join(at('rm'), 'pairs.json'), 'utf8')) as SampledPairs;
    const judge = (side: 'chosen' | 'rejected') =>
      model!.score(pairs.map((pair) => ({ request: pair.request, text: pair[side], isFinished: true })));
    const [chosen, rejected] = [await judge('chosen'), await judge('rejected')];
    for (const score of [...chosen, ...rejected]) expect(score > 0 && score < 1).toBe(true);
    expect(chosen.filter((score, i) => score > rejected[i]!).length).toBeGreaterThanOrEqual(0.8 * pairs.length);
  });

  it('is a reward of grpo by name, and chooses the best of several', async () => {
    const { recipe } = parseRecipe({
      stage: 'grpo',
      model: poet.model,
      dataset: [poet.corpus],
      ...compute,
      lora: { rank: 4 },
      rewards: [`rm:${at('rm')}`],
      batchSize: 8,
      maxSteps: 2,
      maxNewTokens: 12,
      loggingSteps: 1,
      saveSteps: 0,
      grpo: { prompts: 4, numGenerations: 4, evalPrompts: 2, beta: 0 },
      outputDir: at('grpo'),
    });
    const evaluated: RunEvent[] = [];
    await runGrpo(recipe as GrpoRecipe, { onEvent: (event) => event.type === 'eval-end' && evaluated.push(event) });
    const log = await readTrainerLog(path.join(at('grpo'), 'trainer_log.jsonl'));
    const mean = Number(log[0]!['rewards/rm/mean']);
    expect(mean > 0 && mean < 1).toBe(true);
    expect(Number(log[0]!['rewards/rm/std'])).toBeGreaterThan(0);
    expect(log[0]!.reward).toBeCloseTo(mean, 12);
    expect(evaluated).toHaveLength(1);

    const opened = await openModel(poet.model, { kernels: createKernels({ prefer: 'reference' }), computeType: 'f32' });
    const write = async (poems: number, bestOf: number) => {
      const { options } = parseOptions('write', {
        form: '五绝',
        ...compute,
        bestOf,
        seed: 5,
        score: `rm:${at('rm')}`,
        constraints: false,
        allowCopies: true,
        maxNewTokens: 12,
      });
      return (await writeRecords(opened, Array(poems).fill({ form: '五绝' }), options)).poems;
    };
    // The same six poems: told one by one, and the best of them.
    const poems = await write(6, 1);
    const [best] = await write(1, 6);
    const accepted = poems.filter(({ score }) => Number.isFinite(score.total));
    expect(new Set(poems.map(({ reward }) => reward)).size).toBeGreaterThan(1);
    expect(best!.reward).toBe(Math.max(...(accepted.length > 0 ? accepted : poems).map(({ reward }) => reward!)));
  });

  it('says what is missing', async () => {
    const options = { kernels: createKernels({ prefer: 'reference' }), computeType: 'f32' } as const;
    await expect(openRewardModels([`rm:${at('nothing')}`], options)).rejects.toThrow(/no reward model there/);
    const scale = path.join(at('rm'), 'reward-scale.json');
    const text = await readFile(scale, 'utf8');
    await rm(scale);
    await expect(openRewardModels([`rm:${at('rm')}`], options)).rejects.toThrow(/expected reward-scale.json, got none/);
    await writeFile(scale, '{"mean":0,"deviation":0,"n":8}');
    await expect(openRewardModels([`rm:${at('rm')}`], options)).rejects.toThrow(/a deviation > 0/);
    await writeFile(scale, text);
    expect(() => parseOptions('write', { form: '五绝', score: 'runs/rm' })).toThrow(/expected default or rm:FOLDER/);
  });
});
