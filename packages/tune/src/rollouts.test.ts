import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RunEvent, StepEnd } from '@tuiqiao/schema';
import { createAdamW, createArena, Tape } from '@tuiqiao/tensor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesOf, tinyModel, VOCABULARY, valuesOf } from '../test/tiny.ts';
import { checkReferenceStart, freezeReference } from './frozen-reference.ts';
import { attachLora } from './lora/adapter.ts';
import { accumulateGradients } from './micro-batch.ts';
import { grpo } from './objectives/grpo.ts';
import { grpoObjective, type OnPolicyOptions, type RolloutItem } from './objectives/on-policy.ts';
import { packSequences } from './packing.ts';
import {
  type CompletionScores,
  type Rollout,
  type RolloutOptions,
  type RolloutPrompt,
  rolloutSource,
} from './rollouts.ts';
import { type LoopOptions, trainFrom } from './train.ts';

const WANTED = 5;
const STOP = 2;
const LENGTH = 6;

const prompts: RolloutPrompt[] = Array.from({ length: 6 }, (_, i) => ({
  id: `prompt ${i}`,
  promptIds: [10 + i, 3, i],
}));

/** Prefers one token: as trivial as a reward can be. */
const preferToken: RolloutOptions['score'] = (completions) => {
  const totals = completions.map(({ ids }) => ids.filter((id) => id === WANTED).length / LENGTH);
  return { totals, parts: { wanted: totals } };
};

interface Changes {
  readonly rollouts?: Partial<RolloutOptions>;
  readonly objective?: Partial<OnPolicyOptions>;
  readonly loop?: Partial<LoopOptions<RolloutItem>>;
}

function onPolicyRun({ rollouts, objective, loop }: Changes = {}) {
  const model = tinyModel(false);
  const adapter = attachLora(model, { rank: 4, alpha: 8, targetModules: 'all-linear', seed: 3 });
  const beta = objective?.beta ?? 0;
  const source = rolloutSource({
    model,
    prompts,
    seed: 7,
    promptsPerRollout: 3,
    groupSize: 4,
    maxNewTokens: LENGTH,
    stopId: STOP,
    score: preferToken,
    ...(beta === 0 ? {} : { reference: freezeReference(model, adapter, 'start') }),
    ...rollouts,
  });
  const options: LoopOptions<RolloutItem> = {
    model,
    parameters: adapter.parameters,
    optimizer: createAdamW(model.kernels, [{ parameters: adapter.parameters, weightDecay: 0 }]),
    schedule: () => 0.03,
    objective: grpoObjective({ loss: 'dapo', beta, epsilon: 0.2, ...objective }),
    totalSteps: 8,
    loggingSteps: 1,
    ...loop,
  };
  return { model, adapter, source, options };
}

const isStep = (event: RunEvent): event is StepEnd => event.type === 'step-end';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'rollouts-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('on-policy training', () => {
  it('raises a reward, and logs it under TRL names', async () => {
    const steps: StepEnd[] = [];
    // Every weight: an adapter alone cannot lift one token of these tiny tied embeddings far above the rest.
    const model = tinyModel(true);
    const parameters = [...model.parameters.values()];
    const { source, options } = onPolicyRun({
      rollouts: { model },
      loop: {
        model,
        parameters,
        optimizer: createAdamW(model.kernels, [{ parameters, weightDecay: 0 }]),
        totalSteps: 25,
        onEvent: (event) => isStep(event) && steps.push(event),
      },
    });
    await trainFrom(source, options);
    const rewards = steps.map((event) => event.metrics.reward!);
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(rewards.slice(0, 4))).toBeLessThan(0.2);
    expect(mean(rewards.slice(-4))).toBeGreaterThan(0.6);
    expect(Object.keys(steps[0]!.metrics)).toEqual(
      expect.arrayContaining([
        'reward',
        'reward_std',
        'frac_reward_zero_std',
        'rewards/wanted/mean',
        'rewards/wanted/std',
        'completions/mean_length',
        'completions/min_length',
        'completions/max_length',
        'completions/clipped_ratio',
        'completions/mean_terminated_length',
        'clip_ratio/low_mean',
        'clip_ratio/high_mean',
        'clip_ratio/region_mean',
      ]),
    );
    expect(steps[1]!.epoch).toBe(1);
    expect(steps[0]!.metrics['completions/max_length']).toBeLessThanOrEqual(LENGTH);
  });

  it('is of the distribution it samples from: at another temperature ratio and KL begin at 1 and 0', async () => {
    const steps: StepEnd[] = [];
    const sampling = { temperature: 0.5 };
    const { source, options } = onPolicyRun({
      rollouts: { sampling, iterations: 2 },
      objective: { beta: 0.1, temperature: 0.5, epsilon: 1e-3 },
      loop: { totalSteps: 2, onEvent: (event) => isStep(event) && steps.push(event) },
    });
    await trainFrom(source, options);
    // A band of a thousandth: any difference between the two distributions would be clipped.
    expect(steps[0]!.metrics['clip_ratio/region_mean']).toBe(0);
    expect(steps[0]!.metrics.kl).toBeLessThan(1e-9);
    expect(steps[1]!.metrics['clip_ratio/region_mean']).toBeGreaterThan(0);
  });

  it('has the gradient of the loss over softmax(logits / temperature)', async () => {
    const model = tinyModel(true);
    const { kernels } = model;
    const temperature = 0.7;
    const objective = grpoObjective({ loss: 'dapo', beta: 0.3, epsilon: 0.2, temperature });
    /** By the logits themselves, in doubles. */
    const logProbsOf = async ({ promptIds, completionIds }: Pick<RolloutItem, 'promptIds' | 'completionIds'>) => {
      const whole = [...Array.from(promptIds), ...Array.from(completionIds)];
      const { batch } = packSequences([{ promptIds: [], completionIds: whole }]);
      const tape = new Tape(kernels, createArena(kernels), { computeType: 'f32', isRecording: false });
      const logits = Array.from(await kernels.read(model.logits(batch, tape).buffer), (logit) => logit / temperature);
      return Float64Array.from(completionIds as number[], (id, c) => {
        const row = (promptIds.length + c - 1) * VOCABULARY;
        const all = logits.slice(row, row + VOCABULARY);
        return all[id]! - Math.log(all.reduce((sum, logit) => sum + Math.exp(logit), 0));
      });
    };
    const rollout = { metrics: {} };
    const bare = [
      { id: 'a', promptIds: [10, 3], completionIds: [5, 8, 2], advantage: 1.2, isMasked: false, rollout },
      { id: 'b', promptIds: [11, 3, 1], completionIds: [9, 5], advantage: -0.7, isMasked: false, rollout },
    ];
    const near = async (item: (typeof bare)[number], by: number) => (await logProbsOf(item)).map((value) => value + by);
    const items: RolloutItem[] = [];
    for (const item of bare) items.push({ ...item, old: await near(item, 0.05), reference: await near(item, 0.4) });
    const lossNow = async (): Promise<number> => {
      const logProbs = await Promise.all(items.map(logProbsOf));
      const join = (parts: readonly Float64Array[]) => Float64Array.from(parts.flatMap((part) => [...part]));
      return grpo(
        {
          logProbs: join(logProbs),
          offsets: Int32Array.of(0, 3, 5),
          advantages: Float64Array.of(1.2, -0.7),
          old: join(items.map(({ old }) => old!)),
          reference: join(items.map(({ reference }) => reference!)),
        },
        { loss: 'dapo', beta: 0.3, epsilon: 0.2 },
      ).loss;
    };
    const result = await accumulateGradients({
      model,
      arena: createArena(kernels),
      objective,
      step: objective.beginStep(items),
      items,
      indexes: Int32Array.of(0, 1),
      dropoutSeed: 0,
    });
    expect(result.loss).toBeCloseTo(await lossNow(), 5);
    for (const name of ['model.norm.weight', 'model.layers.1.mlp.down_proj.weight', 'model.embed_tokens.weight']) {
      const parameter = model.parameters.get(name)!;
      const grad = await kernels.read(parameter.grad!);
      const value = Float32Array.from(await kernels.read(parameter.value));
      const place = grad.reduce((best, each, i) => (Math.abs(each) > Math.abs(grad[best]!) ? i : best), 0);
      const at = async (shift: number): Promise<number> => {
        const moved = value.slice();
        moved[place]! += shift;
        kernels.write(parameter.value, moved);
        const loss = await lossNow();
        kernels.write(parameter.value, value);
        return loss;
      };
      const slope = ((await at(5e-3)) - (await at(-5e-3))) / 1e-2;
      expect(Math.abs(slope / grad[place]! - 1), name).toBeLessThan(0.02);
    }
  });

  it('holds the policy to the reference when beta says so', async () => {
    const lastKl: number[] = [];
    for (const beta of [0.001, 3]) {
      const steps: StepEnd[] = [];
      const { source, options } = onPolicyRun({
        objective: { beta },
        loop: { totalSteps: 12, onEvent: (event) => isStep(event) && steps.push(event) },
      });
      await trainFrom(source, options);
      expect(steps[0]!.metrics.kl).toBeLessThan(1e-9);
      lastKl.push(steps.at(-1)!.metrics.kl!);
    }
    expect(lastKl[1]).toBeLessThan(0.5 * lastKl[0]!);
  });

  it.each([1, 2, 3])('resumed = uninterrupted, bit for bit, with %i updates a rollout', async (iterations) => {
    const changes = { rollouts: { iterations }, objective: { beta: 0.05 } };
    const told = (list: StepEnd[]) =>
      list.map(({ step, loss, gradNorm, metrics }) => ({ step, loss, gradNorm, metrics }));
    const whole: StepEnd[] = [];
    const uninterrupted = onPolicyRun({ ...changes, loop: { onEvent: (event) => isStep(event) && whole.push(event) } });
    await trainFrom(uninterrupted.source, uninterrupted.options);
    const expected = await bytesOf(uninterrupted.model, uninterrupted.adapter.parameters);
    if (iterations > 1) expect(whole[1]!.metrics['clip_ratio/region_mean']).not.toBe(0);
    for (const stopAt of [1, 4]) {
      const directory = path.join(folder, `stop-${stopAt}`);
      const parts: StepEnd[] = [];
      const controller = new AbortController();
      const loop: Partial<LoopOptions<RolloutItem>> = {
        checkpoints: { directory, everySteps: 0 },
        onEvent: (event) => isStep(event) && parts.push(event),
      };
      const first = onPolicyRun({
        ...changes,
        loop: {
          ...loop,
          signal: controller.signal,
          onStep: (step) => {
            if (step === stopAt) controller.abort();
          },
        },
      });
      expect(await trainFrom(first.source, first.options)).toMatchObject({ outcome: 'aborted', step: stopAt });
      const files = await readdir(path.join(directory, `checkpoint-${stopAt}`));
      expect(files.includes('rollout.json')).toBe(stopAt % iterations !== 0);
      const second = onPolicyRun({ ...changes, loop });
      expect(await trainFrom(second.source, second.options)).toMatchObject({
        outcome: 'done',
        resumedFromStep: stopAt,
      });
      expect(await bytesOf(second.model, second.adapter.parameters), `stopped at ${stopAt}`).toBe(expected);
      expect(told(parts)).toEqual(told(whole));
    }
  });

  it('makes several steps of one rollout, whole groups in each, with credits against the same place of the group', async () => {
    const written: Rollout[] = [];
    const { source } = onPolicyRun({
      rollouts: {
        promptsPerRollout: 4,
        stepsPerRollout: 2,
        iterations: 2,
        creditWeight: 3,
        score: (completions, step) => ({
          ...(preferToken(completions, step) as CompletionScores),
          credits: completions.map(({ ids, isFinished }) => {
            const tokens = isFinished ? [...ids, STOP] : ids;
            return Float64Array.from(tokens, (id) => (id === WANTED ? -1 : 0));
          }),
        }),
        onRollout: (rollout) => {
          written.push(rollout);
        },
      },
    });
    // Six prompts, four and then two at a time; each rollout is gone through twice, half of it a step.
    expect(source.stepsInEpoch(0)).toBe(8);
    const steps: (readonly RolloutItem[])[] = [];
    for (let stepInEpoch = 0; stepInEpoch < 4; stepInEpoch++) {
      steps.push((await source.itemsAt({ seed: 7, epoch: 0, stepInEpoch }, stepInEpoch + 1)).items);
    }
    expect(written).toHaveLength(1);
    expect(steps.map((items) => items.length)).toEqual([8, 8, 8, 8]);
    expect(steps[2]).toEqual(steps[0]);
    expect(steps[3]).toEqual(steps[1]);
    const all = [...steps[0]!, ...steps[1]!];
    expect(all.map(({ advantage }) => advantage)).toEqual([...written[0]!.advantages]);
    expect(all.every(({ old, completionIds }) => old?.length === completionIds.length)).toBe(true);
    for (let group = 0; group < 16; group += 4) {
      for (const { completionIds, tokenAdvantages } of all.slice(group, group + 4)) {
        expect(tokenAdvantages).toHaveLength(completionIds.length);
      }
      const first = all.slice(group, group + 4).map(({ tokenAdvantages }) => tokenAdvantages![0]!);
      expect(first.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 12);
    }
  });

  it('gives up a rollout when aborted, and keeps the steps before it', async () => {
    const controller = new AbortController();
    const { source, options } = onPolicyRun({
      rollouts: {
        signal: controller.signal,
        score: (completions, step) => {
          if (step === 3) {
            controller.abort();
            controller.signal.throwIfAborted();
          }
          return preferToken(completions, step);
        },
      },
      loop: { signal: controller.signal, checkpoints: { directory: folder, everySteps: 0 } },
    });
    expect(await trainFrom(source, options)).toMatchObject({ outcome: 'aborted', step: 2 });
    expect(await readdir(folder)).toEqual(['checkpoint-2']);
  });

  it('refuses to resume with other prompts', async () => {
    const checkpoints = { directory: folder, everySteps: 0 };
    const first = onPolicyRun({ loop: { totalSteps: 1, checkpoints } });
    await trainFrom(first.source, first.options);
    const second = onPolicyRun({ rollouts: { prompts: prompts.slice(1) }, loop: { totalSteps: 2, checkpoints } });
    await expect(trainFrom(second.source, second.options)).rejects.toMatchObject({ code: 'checkpoint-mismatch' });
  });

  it('stops when no completion is ever better than another, and says so before', async () => {
    const warnings: string[] = [];
    const { source, options } = onPolicyRun({
      rollouts: { score: (completions) => ({ totals: completions.map(() => 0), parts: {} }) },
      loop: { totalSteps: 20, onEvent: (event) => event.type === 'run-warning' && warnings.push(event.code) },
    });
    await expect(trainFrom(source, options)).rejects.toMatchObject({ code: 'grpo-rewards-stuck' });
    expect(warnings).toEqual(['grpo-rewards-stuck']);
  });

  it('leaves out of the log what did not apply, and averages the rest over the steps in which it did', async () => {
    const steps: StepEnd[] = [];
    const { source, options } = onPolicyRun({
      rollouts: {
        score: async (completions, step) => {
          const { totals } = await preferToken(completions, step);
          const sometimes = completions.map(() => (step === 2 ? 0.5 : Number.NaN));
          return { totals, parts: { never: completions.map(() => Number.NaN), sometimes } };
        },
      },
      loop: { totalSteps: 4, loggingSteps: 4, onEvent: (event) => isStep(event) && steps.push(event) },
    });
    await trainFrom(source, options);
    expect(steps[0]!.metrics['rewards/sometimes/mean']).toBe(0.5);
    expect(steps[0]!.metrics).not.toHaveProperty(['rewards/never/mean']);
  });

  it('names a single reward that is 0 throughout, and goes on', async () => {
    const warnings: string[] = [];
    const { source, options } = onPolicyRun({
      rollouts: {
        score: async (completions, step) => {
          const { totals } = await preferToken(completions, step);
          return { totals, parts: { wanted: totals, rhyme: completions.map(() => 0) } };
        },
      },
      loop: { totalSteps: 11, onEvent: (event) => event.type === 'run-warning' && warnings.push(event.message) },
    });
    await trainFrom(source, options);
    expect(warnings).toEqual([expect.stringMatching(/reward rhyme has been 0/)]);
  });

  it.each([{ groupSize: 1 }, { promptsPerRollout: 0 }, { iterations: 0 }, { prompts: [] }])(
    'refuses %o',
    (rollouts: Partial<RolloutOptions>) => {
      expect(() => onPolicyRun({ rollouts })).toThrow(/rollout: expected/);
    },
  );
});

describe('grpoObjective', () => {
  function item(changes: Partial<RolloutItem>, i: number): RolloutItem {
    return {
      id: `item ${i}`,
      promptIds: [1 + i, 2],
      completionIds: [7, 8 + i, 9],
      advantage: 1,
      isMasked: false,
      rollout: { metrics: {} },
      ...changes,
    };
  }

  async function gradients(items: readonly RolloutItem[], options: Partial<OnPolicyOptions>, parts: Int32Array[]) {
    const model = tinyModel(true);
    const objective = grpoObjective({ loss: 'dapo', beta: 0, epsilon: 0.2, ...options });
    const step = objective.beginStep(items);
    const arena = createArena(model.kernels);
    let loss = 0;
    for (const indexes of parts) {
      const part = Array.from(indexes, (index) => items[index]!);
      loss += (await accumulateGradients({ model, arena, objective, step, items: part, indexes, dropoutSeed: 0 })).loss;
    }
    const parameter = [...model.parameters.values()][0]!;
    return { loss, gradient: [...(await model.kernels.read(parameter.grad!))] };
  }

  const ofAll = (items: readonly unknown[]) => [Int32Array.from(items, (_, i) => i)];

  it.each(['grpo', 'bnpo', 'dapo', 'sapo'] as const)('%s: parts of a step add up to the step', async (loss) => {
    const old = Float64Array.of(-3, -4, -3.5);
    const items = [1.2, -0.4, 0.7, -1.5].map((advantage, i) => item({ advantage, old }, i));
    const whole = await gradients(items, { loss }, ofAll(items));
    const parted = await gradients(items, { loss }, [Int32Array.of(0, 3), Int32Array.of(1), Int32Array.of(2)]);
    expect(parted.loss).toBeCloseTo(whole.loss, 6);
    for (const [i, value] of whole.gradient.entries()) expect(parted.gradient[i]).toBeCloseTo(value, 5);
    expect(Math.max(...whole.gradient.map(Math.abs))).toBeGreaterThan(1e-3);
  });

  it('adds what single tokens earned: the same as a completion that earned it throughout', () => {
    const evaluate = (items: RolloutItem[]) => {
      const logProbs = Float64Array.from({ length: 5 }, (_, t) => -1 - 0.3 * t);
      const objective = grpoObjective({ loss: 'dapo', beta: 0, epsilon: 0.2 });
      const rowOffsets = Int32Array.of(0, 2, 5);
      return objective.beginStep(items).evaluate({ items, indexes: Int32Array.of(0, 1), logProbs, rowOffsets });
    };
    const item = (length: number, advantage: number, tokens?: number[]): RolloutItem => ({
      id: 'x',
      promptIds: [1],
      completionIds: Array<number>(length).fill(4),
      advantage,
      isMasked: false,
      ...(tokens === undefined ? {} : { tokenAdvantages: Float64Array.from(tokens) }),
      rollout: { metrics: {} },
    });
    const whole = evaluate([item(2, 0.75), item(3, -0.5)]);
    const single = evaluate([item(2, 0, [0.75, 0.75]), item(3, -1, [0.5, 0.5, 0.5])]);
    expect(single.loss).toBeCloseTo(whole.loss, 12);
    expect([...single.dLogProbs]).toEqual([...whole.dLogProbs]);
  });

  it('leaves out what cannot teach, and counts it in the divisor all the same', async () => {
    const items = [item({}, 0), item({ advantage: 0 }, 1), item({ isMasked: true }, 2)];
    const read = items.map((one) => grpoObjective({ loss: 'dapo', beta: 0, epsilon: 0.2 }).sequences(one).length);
    expect(read).toEqual([1, 0, 0]);
    const withKl = items.map((one) => grpoObjective({ loss: 'dapo', beta: 0.1, epsilon: 0.2 }).sequences(one).length);
    expect(withKl).toEqual([1, 1, 0]);
    // dapo divides by the tokens of the step: the silent completion doubles them, the masked one does not count.
    const alone = await gradients(items.slice(0, 1), {}, ofAll([0]));
    const among = await gradients(items, {}, ofAll(items));
    expect(among.loss).toBeCloseTo(alone.loss / 2, 9);
  });

  it('the entropy bonus has the gradient of central differences', async () => {
    const model = tinyModel(true);
    const parameter = [...model.parameters.values()].at(-1)!;
    const objective = grpoObjective({ loss: 'dapo', beta: 0, epsilon: 0.2, entropyCoefficient: 0.5 });
    const items = [item({ advantage: 0 }, 0)];
    const step = objective.beginStep(items);
    const run = async () =>
      accumulateGradients({
        model,
        arena: createArena(model.kernels),
        objective,
        step,
        items,
        indexes: Int32Array.of(0),
        dropoutSeed: 0,
      });
    const { metrics } = await run();
    expect(metrics.entropy).toBeGreaterThan(0);
    const gradient = [...(await model.kernels.read(parameter.grad!))];
    const values = Float32Array.from(await valuesOf(model, [parameter]));
    for (const i of [0, 3, 7]) {
      const at = async (by: number) => {
        const moved = values.slice();
        moved[i]! += by;
        model.kernels.write(parameter.value, moved);
        return (await run()).loss;
      };
      const difference = ((await at(0.01)) - (await at(-0.01))) / 0.02;
      expect(gradient[i]).toBeCloseTo(difference, 3);
    }
  });
});

describe('the frozen reference', () => {
  it('is the starting adapter, stays so while the policy trains, and is checked at the start', async () => {
    const { model, adapter, source, options } = onPolicyRun({ loop: { totalSteps: 3 } });
    await trainFrom(source, options);
    const reference = freezeReference(model, adapter, 'start');
    const texts = [{ promptIds: [1, 2], completionIds: [3, 4, 5] }];
    expect(await checkReferenceStart(model, reference, texts)).toMatch(/0\.00e\+0 over 1 texts/);
    const again = onPolicyRun({ loop: { totalSteps: 3 } });
    await trainFrom(again.source, { ...again.options, schedule: () => 0.1 });
    for (const [i, parameter] of adapter.parameters.entries()) {
      const values = await again.model.kernels.read(again.adapter.parameters[i]!.value);
      model.kernels.write(parameter.value, Float32Array.from(values));
    }
    await expect(checkReferenceStart(model, reference, texts)).rejects.toMatchObject({ code: 'grpo-start-mismatch' });
    const base = freezeReference(model, adapter, 'base');
    expect(await checkReferenceStart(model, base, texts)).toMatch(/over 1 texts/);
    for (const delta of adapter.deltas.values()) expect(delta.scaling).toBe(2);
  });

  it('leaves the copy of a new adapter out: the bits are those of the adapter', async () => {
    const { model, adapter } = onPolicyRun({ loop: { totalSteps: 1 } });
    const reference = freezeReference(model, adapter, 'start');
    const deltas = [...model.linears.values()].flatMap((layer) => layer.deltas);
    await reference.during(async () => expect(deltas.every(({ scaling }) => scaling === 0)).toBe(true));
    const texts = [{ promptIds: [1, 2], completionIds: [3, 4, 5] }];
    expect(await checkReferenceStart(model, reference, texts)).toMatch(/0\.00e\+0 over 1 texts/);
  });
});
