import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RunEvent, StepEnd } from '@tuiqiao/schema';
import {
  createAdamW,
  createArena,
  createSgd,
  type FloatType,
  groupParameters,
  quantizeParameter,
} from '@tuiqiao/tensor';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bytesOf, tinyExamples, tinyModel, VOCABULARY, valuesOf } from '../test/tiny.ts';
import { findResumable } from './checkpoint.ts';
import { evaluateLoss } from './evaluate-loss.ts';
import { type Example, exampleDataset } from './items.ts';
import { attachLora } from './lora/adapter.ts';
import { saveAdapter } from './lora/adapter-files.ts';
import { mergeAdapter } from './lora/merge-adapter.ts';
import { scoreSequences } from './micro-batch.ts';
import type { Objective } from './objective.ts';
import { sftObjective } from './objectives/sft.ts';
import { type TrainOptions, train } from './train.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'train-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A run with everything random in it: shuffling, dropout, an adapter's start; 12 items, 3 steps an epoch. */
function adapterRun(changes: Partial<TrainOptions<Example>> = {}, computeType: FloatType = 'f32') {
  const model = tinyModel(false, 1, computeType);
  const adapter = attachLora(model, { rank: 2, alpha: 4, dropout: 0.2, targetModules: 'all-linear', seed: 3 });
  const optimizer = createAdamW(model.kernels, [{ parameters: adapter.parameters, weightDecay: 0.01 }]);
  const options: TrainOptions<Example> = {
    model,
    parameters: adapter.parameters,
    optimizer,
    schedule: (step) => 0.02 / (1 + step),
    data: exampleDataset(tinyExamples(12)),
    batching: { seed: 11, itemsPerStep: 4, maxTokensPerMicroBatch: 20 },
    objective: sftObjective(),
    totalSteps: 8,
    loggingSteps: 3,
    ...changes,
  };
  return { model, adapter, options };
}

describe('the loop', () => {
  it('lowers the loss and emits averaged step events', async () => {
    const model = tinyModel(true);
    const parameters = [...model.parameters.values()];
    const events: RunEvent[] = [];
    const data = exampleDataset(tinyExamples(8));
    const before = await evaluateLoss({ model, data });
    const result = await train({
      model,
      parameters,
      optimizer: createAdamW(model.kernels, [{ parameters, weightDecay: 0 }]),
      schedule: () => 0.01,
      data,
      batching: { seed: 1, tokensPerStep: 64 },
      objective: sftObjective(),
      totalSteps: 25,
      loggingSteps: 10,
      onEvent: (event) => events.push(event),
    });
    const after = await evaluateLoss({ model, data });
    expect(after.eval_loss).toBeLessThan(0.5 * before.eval_loss!);
    expect(after.eval_mean_token_accuracy).toBeGreaterThan(before.eval_mean_token_accuracy!);
    expect(result).toMatchObject({ outcome: 'done', step: 25, lastCheckpoint: null, resumedFromStep: null });
    const steps = events.filter((event): event is StepEnd => event.type === 'step-end');
    expect(steps.map((event) => event.step)).toEqual([10, 20, 25]);
    expect(steps.reduce((sum, event) => sum + event.tokens, 0)).toBe(result.tokens);
    expect(steps.at(-1)?.metrics.num_tokens).toBe(result.tokens);
    expect(steps.at(-1)?.remainingSeconds).toBe(0);
    for (const event of steps) expect(event.metrics.mean_token_accuracy).toBeLessThanOrEqual(1);
  });

  it('batch 4×1 = 1×4: micro-batch boundaries do not change the update', async () => {
    const finals: number[][] = [];
    for (const maxTokensPerMicroBatch of [1000, 11]) {
      const model = tinyModel(true);
      const parameters = [...model.parameters.values()];
      await train({
        model,
        parameters,
        optimizer: createSgd(model.kernels, [{ parameters, weightDecay: 0 }], { momentum: 0.9 }),
        schedule: () => 0.1,
        data: exampleDataset(tinyExamples(8)),
        batching: { seed: 1, itemsPerStep: 4, maxTokensPerMicroBatch },
        objective: sftObjective(),
        totalSteps: 4,
      });
      finals.push(await valuesOf(model, parameters));
    }
    const largest = Math.max(...finals[0]!.map((value, i) => Math.abs(value - finals[1]![i]!)));
    expect(largest).toBeLessThan(2e-6);
    expect(largest).toBeGreaterThan(0); // other summation order: the two really were different computations
  });

  it('packed = one by one', async () => {
    const model = tinyModel(false);
    const arena = createArena(model.kernels);
    const examples = tinyExamples(5);
    const packed = await scoreSequences(model, arena, examples);
    const single: number[] = [];
    for (const example of examples) single.push(...(await scoreSequences(model, arena, [example])).logProbs);
    expect(single.length).toBe(packed.logProbs.length);
    for (const [r, value] of single.entries()) expect(packed.logProbs[r]).toBeCloseTo(value, 5);
  });

  it('weights tokens: weight 0 is as if the example had no loss', async () => {
    const examples = tinyExamples(4);
    const weighted = examples.map((example, i) => ({ ...example, weight: i < 2 ? 1 : 0 }));
    const finals: number[][] = [];
    for (const data of [weighted, examples.slice(0, 2)]) {
      const { model, adapter, options } = adapterRun({
        data: exampleDataset(data),
        batching: { seed: 1, itemsPerStep: 4, isShuffled: false },
        totalSteps: 3,
      });
      for (const delta of adapter.deltas.values()) delta.dropout = 0;
      await train(options);
      finals.push(await valuesOf(model, adapter.parameters));
    }
    for (const [i, value] of finals[0]!.entries()) expect(value).toBeCloseTo(finals[1]![i]!, 5);
  });

  it('trains the adapter alone: no base weight gets a gradient or changes', async () => {
    const { model, adapter, options } = adapterRun();
    const base = await bytesOf(model, model.parameters.values());
    const start = await bytesOf(model, adapter.parameters);
    await train(options);
    expect(await bytesOf(model, model.parameters.values())).toBe(base);
    for (const parameter of model.parameters.values()) expect(parameter.grad).toBeNull();
    expect(await bytesOf(model, adapter.parameters)).not.toBe(start);
  });

  it.each(['adapter', 'full'] as const)('gives the same bits with gradient checkpointing (%s)', async (kind) => {
    const finals: string[] = [];
    for (const gradientCheckpointing of [false, true]) {
      const changes = { gradientCheckpointing, totalSteps: 3 };
      if (kind === 'adapter') {
        const { model, adapter, options } = adapterRun(changes);
        await train(options);
        finals.push(await bytesOf(model, adapter.parameters));
      } else {
        const model = tinyModel(true, 1, 'bf16');
        const parameters = [...model.parameters.values()];
        const optimizer = createAdamW(model.kernels, groupParameters(parameters, 0.1));
        await train({ ...adapterRun(changes).options, model, parameters, optimizer });
        finals.push(await bytesOf(model, parameters));
      }
    }
    expect(finals[1]).toBe(finals[0]);
  });

  it('draws dropout from the seed', async () => {
    const finals: string[] = [];
    for (const seed of [1, 1, 2]) {
      const { model, adapter, options } = adapterRun({ seed, totalSteps: 2 });
      await train(options);
      finals.push(await bytesOf(model, adapter.parameters));
    }
    expect(finals[0]).toBe(finals[1]);
    expect(finals[0]).not.toBe(finals[2]);
  });

  it('merged = adapter', async () => {
    const { model, adapter, options } = adapterRun();
    await train(options);
    const data = exampleDataset(tinyExamples(6, 77));
    const withAdapter = await evaluateLoss({ model, data });
    mergeAdapter(model, adapter);
    expect((await evaluateLoss({ model, data })).eval_loss).toBeCloseTo(withAdapter.eval_loss!, 5);
  });
});

describe('stopping and resuming', () => {
  const events = (list: RunEvent[]) =>
    list
      .filter((event): event is StepEnd => event.type === 'step-end')
      .map(({ step, loss, gradNorm, learningRate, epoch, tokens, metrics }) => ({
        step,
        loss,
        gradNorm,
        learningRate,
        epoch,
        tokens,
        metrics,
      }));

  it('resumed = uninterrupted, bit for bit, wherever it was stopped', async () => {
    const whole: RunEvent[] = [];
    const uninterrupted = adapterRun({ onEvent: (event) => whole.push(event) });
    await train(uninterrupted.options);
    const expected = await bytesOf(uninterrupted.model, uninterrupted.adapter.parameters);
    for (const stopAt of [1, 3, 4, 7]) {
      const directory = path.join(folder, `stop-${stopAt}`);
      const parts: RunEvent[] = [];
      const controller = new AbortController();
      const checkpoints = { directory, everySteps: 0 };
      const first = adapterRun({
        checkpoints,
        signal: controller.signal,
        onStep: (step) => {
          if (step === stopAt) controller.abort();
        },
        onEvent: (event) => parts.push(event),
      });
      const stopped = await train(first.options);
      expect(stopped).toMatchObject({ outcome: 'aborted', step: stopAt });
      const second = adapterRun({ checkpoints, onEvent: (event) => parts.push(event) });
      const result = await train(second.options);
      expect(result).toMatchObject({ outcome: 'done', step: 8, resumedFromStep: stopAt });
      expect(await bytesOf(second.model, second.adapter.parameters), `stopped at ${stopAt}`).toBe(expected);
      expect(events(parts)).toEqual(events(whole));
    }
  });

  it.each(['adapter', 'full'] as const)('resumed = uninterrupted in bf16 (%s)', async (kind) => {
    const run = (changes: Partial<TrainOptions<Example>>) => {
      if (kind === 'adapter') {
        const { model, options } = adapterRun(changes, 'bf16');
        return { model, options };
      }
      const model = tinyModel(true, 1, 'bf16');
      const parameters = [...model.parameters.values()];
      const optimizer = createAdamW(model.kernels, groupParameters(parameters, 0.1));
      return { model, options: { ...adapterRun(changes).options, model, parameters, optimizer } };
    };
    const whole = run({});
    await train(whole.options);
    const checkpoints = { directory: folder, everySteps: 5 };
    await train({ ...run({ checkpoints }).options, totalSteps: 5 });
    const second = run({ checkpoints });
    expect((await train(second.options)).resumedFromStep).toBe(5);
    const expected = await bytesOf(whole.model, whole.options.parameters);
    expect(await bytesOf(second.model, second.options.parameters)).toBe(expected);
  });

  it('writes complete checkpoints, keeps the last ones, and what HF and PEFT readers expect', async () => {
    const { model, adapter, options } = adapterRun();
    const saved: number[] = [];
    await train({
      ...options,
      checkpoints: {
        directory: folder,
        everySteps: 3,
        keep: 2,
        exportTo: (target) => saveAdapter(model.kernels, adapter, target, { baseModelName: 'tiny' }),
      },
      onEvent: (event) => {
        if (event.type === 'checkpoint-save') saved.push(event.step);
      },
    });
    expect(saved).toEqual([3, 6, 8]);
    expect((await readdir(folder)).sort()).toEqual(['checkpoint-6', 'checkpoint-8']);
    const state = JSON.parse(await readFile(path.join(folder, 'checkpoint-8', 'trainer_state.json'), 'utf8'));
    expect(state).toMatchObject({ global_step: 8, max_steps: 8, logging_steps: 3, save_steps: 3 });
    expect(state.log_history.map((entry: { step: number }) => entry.step)).toEqual([3, 6, 8]);
    expect(existsSync(path.join(folder, 'checkpoint-8', 'adapter_model.safetensors'))).toBe(true);
    expect(await findResumable(folder)).toEqual({ step: 8, path: path.join(folder, 'checkpoint-8') });
  });

  it('passes over temporary and damaged folders, and cleans up the temporary ones', async () => {
    const checkpoints = { directory: folder, everySteps: 2, keep: 5 };
    await train(adapterRun({ checkpoints, totalSteps: 4 }).options);
    await truncate(path.join(folder, 'checkpoint-4', 'parameters.safetensors'), 200);
    await mkdir(path.join(folder, '.tmp-checkpoint-6-1'));
    await writeFile(path.join(folder, '.tmp-checkpoint-6-1', 'parameters.safetensors'), 'half');
    expect((await findResumable(folder))?.step).toBe(2);
    await rm(path.join(folder, 'checkpoint-4'), { recursive: true });
    const result = await train(adapterRun({ checkpoints, totalSteps: 4 }).options);
    expect(result.resumedFromStep).toBe(2);
    expect((await readdir(folder)).filter((name) => name.startsWith('.tmp'))).toEqual([]);
  });

  it('says what differs when a checkpoint belongs to another run', async () => {
    const checkpoints = { directory: folder, everySteps: 2 };
    await train(adapterRun({ checkpoints, totalSteps: 2 }).options);
    await expect(
      train(adapterRun({ checkpoints, data: exampleDataset(tinyExamples(13)) }).options),
    ).rejects.toMatchObject({ code: 'checkpoint-mismatch', message: expect.stringContaining('items 12, got 13') });
    await expect(train(adapterRun({ checkpoints: { ...checkpoints, resume: false } }).options)).rejects.toMatchObject({
      code: 'checkpoint-exists',
    });
    const wider = adapterRun();
    const other = attachLora(wider.model, { name: 'other', rank: 3, alpha: 4, targetModules: ['q_proj'], seed: 3 });
    const optimizer = createAdamW(wider.model.kernels, [{ parameters: other.parameters, weightDecay: 0 }]);
    await expect(
      train({ ...wider.options, parameters: other.parameters, optimizer, checkpoints }),
    ).rejects.toMatchObject({ code: 'checkpoint-mismatch' });
  });

  it('says so when the frozen base is held otherwise than before: in 4 bits, with another vocabulary', async () => {
    const checkpoints = { directory: folder, everySteps: 2 };
    const held = async (keep: number | null, doubleQuant?: boolean) => {
      const run = adapterRun({ checkpoints, totalSteps: 2 });
      if (doubleQuant !== undefined) {
        for (const { weight } of run.model.linears.values()) {
          await quantizeParameter(run.model.kernels, weight, { type: 'nf4', doubleQuant });
        }
      }
      if (keep !== null) run.model.trimVocabulary(Array.from({ length: keep }, (_, id) => id));
      return train(run.options);
    };
    const refusal = (message: string) => ({ code: 'checkpoint-mismatch', message: expect.stringContaining(message) });
    await held(VOCABULARY, true);
    await expect(held(VOCABULARY, true)).resolves.toMatchObject({ resumedFromStep: 2 });
    await expect(held(VOCABULARY)).rejects.toMatchObject(refusal('quantization nf4 doubleQuant, got none'));
    await expect(held(VOCABULARY, false)).rejects.toMatchObject(refusal('quantization nf4 doubleQuant, got nf4'));
    await expect(held(null, true)).rejects.toMatchObject(refusal('trimVocabulary'));
  });

  it('stops at a loss that is not a number, naming step, samples and the last good checkpoint', async () => {
    const honest = sftObjective();
    const broken: Objective<Example> = {
      ...honest,
      beginStep: (items) => {
        const step = honest.beginStep(items);
        return {
          ...step,
          evaluate: (input) => {
            const result = step.evaluate(input);
            return input.items.some((item) => item.id === 'example 7') ? { ...result, loss: Number.NaN } : result;
          },
        };
      },
    };
    const { model, adapter, options } = adapterRun({
      objective: broken,
      batching: { seed: 11, itemsPerStep: 4, isShuffled: false },
      checkpoints: { directory: folder, everySteps: 1 },
    });
    await expect(train(options)).rejects.toMatchObject({
      code: 'tune-diverged',
      message: expect.stringMatching(/^step 2: loss.*NaN.*example 7.*checkpoint-1$/),
    });
    for (const value of await valuesOf(model, adapter.parameters)) expect(Number.isFinite(value)).toBe(true);
    expect((await findResumable(folder))?.step).toBe(1);
  });

  it('names a damaged checkpoint before it blames the run', async () => {
    const { model, options } = adapterRun({});
    const weight = model.parameters.get('model.layers.0.self_attn.k_proj.weight')!;
    model.kernels.write(weight.value.view(0, 1), [Number.NaN]);
    const checked = vi.spyOn(model, 'requireFiniteWeights').mockRejectedValue(new Error('k_proj'));
    await expect(train(options)).rejects.toThrow('k_proj');
    expect(checked).toHaveBeenCalledOnce();
  });

  it('stops when the loss explodes', async () => {
    const honest = sftObjective();
    let steps = 0;
    const exploding: Objective<Example> = {
      ...honest,
      beginStep: (items) => {
        const step = honest.beginStep(items);
        steps++;
        const factor = steps > 12 ? 1000 : 1;
        return {
          ...step,
          evaluate: (input) => {
            const result = step.evaluate(input);
            return { ...result, loss: factor * result.loss };
          },
        };
      },
    };
    const { options } = adapterRun({ objective: exploding, totalSteps: 30 });
    await expect(train(options)).rejects.toMatchObject({
      code: 'tune-diverged',
      message: expect.stringMatching(/^step 15: loss: expected less than/),
    });
  });
});
