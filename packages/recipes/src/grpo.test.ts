import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { loadTokenizer } from '@tuiqiao/lm';
import {
  type DpoRecipe,
  type GrpoRecipe,
  parseRecipe,
  type RunEvent,
  type RunStart,
  TuiqiaoError,
} from '@tuiqiao/schema';
import { readTrainerLog } from '@tuiqiao/tune';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTinyPoet, type TinyPoet } from '../test/tiny-poet.ts';
import { runDpo } from './dpo.ts';
import { runGrpo } from './grpo.ts';
import { tokenizePair } from './preference-pairs.ts';
import { loadRewardFile } from './reward-files.ts';

let folder = '';
let poet: TinyPoet;
const at = (name: string) => path.join(folder, name);

/** As trivial as a reward can be (characters of landscapes), in TypeScript that Node 20 cannot read by itself. */
const LANDSCAPE = `
interface Request { readonly form?: string }
export const reward = {
  name: 'landscape',
  range: [0, 1] as const,
  score: (text: string, { request }: { request: Request }): number =>
    request.form === '五绝' ? [...text].filter((char) => '山水風月雲日人花'.includes(char)).length / 12 : Number.NaN,
} satisfies { name: string };
`;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-grpo-'));
  poet = await createTinyPoet(folder);
  await writeFile(at('landscape.ts'), LANDSCAPE);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function grpo(input: object): GrpoRecipe {
  return parseRecipe({
    stage: 'grpo',
    model: poet.model,
    dataset: [poet.corpus],
    kernels: 'reference',
    computeType: 'f32',
    lora: { rank: 4 },
    batchSize: 8,
    learningRate: 0.05,
    maxNewTokens: 12,
    loggingSteps: 1,
    saveSteps: 0,
    ...input,
    grpo: { prompts: 8, numGenerations: 4, evalPrompts: 0, ...('grpo' in input ? (input.grpo as object) : {}) },
  }).recipe as GrpoRecipe;
}

async function refusal(run: () => Promise<unknown>): Promise<TuiqiaoError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof TuiqiaoError) return error;
    throw error;
  }
  throw new Error('expected a refusal');
}

describe('runGrpo', () => {
  it('raises a reward that a person wrote, from recipe to adapter', async () => {
    const outputDir = at('landscape');
    const events: RunEvent[] = [];
    const recipe = grpo({
      outputDir,
      rewards: [at('landscape.ts')],
      maxSteps: 20,
      batchSize: 16,
      grpo: { beta: 0.001 },
    });
    const result = await runGrpo(recipe, { onEvent: (event) => events.push(event) });
    expect(result).toMatchObject({ outcome: 'done', step: 20 });
    const log = await readTrainerLog(path.join(outputDir, 'trainer_log.jsonl'));
    const rewards = log.map((entry) => Number(entry['rewards/landscape/mean']));
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(rewards.slice(0, 3))).toBeLessThan(0.1);
    expect(mean(rewards.slice(-4))).toBeGreaterThan(0.25);
    expect(log[0]!.kl).toBe(0);
    expect(Number(log.at(-1)!.kl)).toBeGreaterThan(0);
    for (const name of ['reward', 'reward_std', 'frac_reward_zero_std', 'completions/mean_length', 'rules/all']) {
      expect(log[0], name).toHaveProperty([name]);
    }
    const { notes } = events.find((event): event is RunStart => event.type === 'run-start')!;
    expect(notes.join('\n')).toMatch(/Reference: the base model, frozen.*\n?Rewards: landscape × 1\./s);
    expect(notes.join('\n')).toMatch(/policy and reference at the start: largest difference .* 0\.00e\+0/);
    expect(events.some((event) => event.type === 'sample')).toBe(true);
    expect(await readdir(outputDir)).toEqual(
      expect.arrayContaining(['adapter_config.json', 'adapter_model.safetensors', 'checkpoint-20', 'recipe.yaml']),
    );
    // No plain copy of the reward is left beside it.
    expect((await readdir(folder)).filter((name) => name.includes('.mjs'))).toEqual([]);
  });

  it('resumed = uninterrupted, bit for bit, in the midst of a rollout too', async () => {
    const common = { rewards: ['shape', at('landscape.ts')], maxSteps: 5, grpo: { numIterations: 2 } };
    await runGrpo(grpo({ ...common, outputDir: at('whole') }));
    const controller = new AbortController();
    const stopped = await runGrpo(grpo({ ...common, outputDir: at('parts') }), {
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type === 'step-end' && event.step === 3) controller.abort();
      },
    });
    expect(stopped).toMatchObject({ outcome: 'aborted', step: 3 });
    await runGrpo(grpo({ ...common, outputDir: at('parts'), resume: true }));
    const weights = (name: string) => readFile(path.join(at(name), 'adapter_model.safetensors'));
    expect((await weights('parts')).equals(await weights('whole'))).toBe(true);
    const figures = async (name: string) =>
      (await readTrainerLog(path.join(at(name), 'trainer_log.jsonl'))).map(
        ({ elapsed_time: _elapsed, remaining_time: _remaining, throughput: _throughput, ...entry }) => entry,
      );
    expect(await figures('parts')).toEqual(await figures('whole'));
  });

  it('runs with every built-in reward, goes on from an adapter, and scores held-out requests', async () => {
    await runGrpo(grpo({ outputDir: at('first'), rewards: [at('landscape.ts')], maxSteps: 2 }));
    const events: RunEvent[] = [];
    await runGrpo(
      grpo({
        outputDir: at('second'),
        adapter: [at('first')],
        maxSteps: 2,
        grpo: { evalPrompts: 4, lossType: 'dr_grpo' },
      }),
      { onEvent: (event) => events.push(event) },
    );
    const start = events.find((event): event is RunStart => event.type === 'run-start')!;
    expect(start.notes.join('\n')).toContain(`Reference: ${at('first')}, frozen, as training begins`);
    const step = events.find((event) => event.type === 'step-end')!;
    for (const name of ['shape', 'novelty', 'repetition', 'diction', 'rhyme', 'tones', 'fluency', 'diversity']) {
      expect(step.metrics, name).toHaveProperty([`rewards/${name}/mean`]);
    }
    const evaluation = events.find((event) => event.type === 'eval-end')!;
    expect(evaluation.metrics).toHaveProperty(['eval_reward']);
    expect(evaluation.metrics).toHaveProperty(['eval_rules/all']);
  });

  it.each([
    [{ batchSize: 6 }, /whole groups of numGenerations \(4\), got 6 poems/],
    [{ rewards: ['shap'] }, /names of shape, .* or files such as \.\/moon\.ts, got shap/],
    [{ rewards: ['shape'], rewardWeights: [1, 2] }, /expected 1 weights, .* got 2/],
    [{ rewards: ['./nowhere.ts'] }, /no such file/],
    [{ adapter: ['./nowhere'] }, /no adapter there/],
  ])('refuses %o', async (input, message) => {
    const error = await refusal(() => runGrpo(grpo({ outputDir: at('refused'), overwriteOutputDir: true, ...input })));
    expect(error.message).toMatch(message);
  });
});

describe('rewards of files', () => {
  it('the example of the guide is ten lines, runs, and does what it says', async () => {
    const guide = await readFile(path.resolve(import.meta.dirname, '../../../docs/guides/rewards.md'), 'utf8');
    const code = /```ts\n(.*?)```/su.exec(guide)![1]!;
    expect(
      code.split('\n').filter((line) => line.trim() !== '' && !/^[}\]]/u.test(line.trim())).length,
    ).toBeLessThanOrEqual(10);
    await writeFile(at('moon.ts'), code);
    const reward = await loadRewardFile(at('moon.ts'));
    const score = (text: string, form = '五绝') => reward.score(text, { request: { form } });
    expect(reward).toMatchObject({ name: 'moon', range: [0, 1] });
    expect(score('床前明月光，疑是地上霜。舉頭望明月，低頭思故鄉。')).toBe(1);
    expect(score('床前看日光，疑是地上霜。舉頭望明月，低頭思故鄉。')).toBe(0.5);
    expect(score('白日依山盡，黃河入海流。')).toBe(0);
    expect(score('明月幾時有。', '词')).toBeNaN();
  });

  it.each([
    ['nothing.ts', 'export const other = 1;', /expected `export const reward.*`, got other/],
    ['broken.ts', 'export const reward = {', /cannot be run/],
    ['throws.mjs', 'throw new Error("not today");', /cannot be run: not today/],
  ])('%s is refused', async (name, code, message) => {
    await writeFile(at(name), code);
    expect((await refusal(() => loadRewardFile(at(name)))).message).toMatch(message);
  });
});

describe('pairs of dpo', () => {
  function dpo(outputDir: string, source: string): DpoRecipe {
    return parseRecipe({
      stage: 'dpo',
      model: poet.model,
      dataset: [poet.corpus],
      kernels: 'reference',
      lora: { rank: 2 },
      pairs: { source, prompts: 16 },
      batchSize: 8,
      maxSteps: 2,
      outputDir,
    }).recipe as DpoRecipe;
  }

  it('are cut where the two poems part, when the recipe says so', async () => {
    const tokenizer = await loadTokenizer(poet.model);
    const { text } = poet.poems[0]!;
    const other = `${text.slice(0, 3)}${text[5]}${text.slice(4)}`;
    const pair = { request: {}, chosen: text, rejected: other, brokenRules: [] };
    const cut = tokenizePair(pair, 0, tokenizer, true);
    expect([cut.chosenIds.length, cut.rejectedIds.length]).toEqual([4, 4]);
    const whole = tokenizePair(pair, 0, tokenizer);
    expect(whole.chosenIds).toHaveLength(25);
    expect(Array.from(whole.chosenIds).slice(0, 4)).toEqual(cut.chosenIds);
  });

  it('real poems against copies that break one rule, the rules balanced', async () => {
    const notes: string[] = [];
    await runDpo(dpo(at('negatives'), 'negatives'), {
      onEvent: (event) => event.type === 'run-start' && notes.push(...event.notes),
    });
    const { pairs, negatives } = JSON.parse(await readFile(path.join(at('negatives'), 'pairs.json'), 'utf8'));
    expect(pairs).toHaveLength(16);
    expect(negatives).toBe(16);
    const counts = new Map<string, number>();
    for (const { chosen, rejected, brokenRules } of pairs) {
      expect(poet.poems.some(({ text }) => text === chosen)).toBe(true);
      expect(rejected).not.toBe(chosen);
      expect(brokenRules).toHaveLength(1);
      counts.set(brokenRules[0], (counts.get(brokenRules[0]) ?? 0) + 1);
    }
    expect(counts.size).toBe(11);
    expect(Math.max(...counts.values())).toBeLessThanOrEqual(4);
    expect(notes.join('\n')).toMatch(/Pairs: 16 real poems against copies that break one rule; rejected poems break/);
  });
});
