/** NEFTune, label smoothing, early stopping, the best checkpoint, and training parts of a model. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createAdamW } from '@tuiqiao/tensor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesOf, tinyExamples, tinyModel } from '../test/tiny.ts';
import { exampleDataset } from './items.ts';
import { attachLora } from './lora/adapter.ts';
import { crossEntropy } from './objectives/cross-entropy.ts';
import { sftObjective } from './objectives/sft.ts';
import { selectBiases, selectFrozenRest } from './select-parameters.ts';
import { type TrainOptions, type TrainResult, train } from './train.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'options-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Run {
  readonly result: TrainResult;
  readonly losses: number[];
  readonly weights: string;
  readonly warnings: string[];
}

async function run(
  changes: Partial<TrainOptions<never>> & { smoothing?: number } = {},
  signalAfter = Infinity,
): Promise<Run> {
  const model = tinyModel(false);
  const adapter = attachLora(model, { rank: 2, alpha: 4, targetModules: 'all-linear', seed: 3 });
  const losses: number[] = [];
  const warnings: string[] = [];
  const controller = new AbortController();
  const { smoothing = 0, ...options } = changes;
  const result = await train({
    model,
    parameters: adapter.parameters,
    optimizer: createAdamW(model.kernels, [{ parameters: adapter.parameters, weightDecay: 0 }]),
    schedule: () => 0.02,
    data: exampleDataset(tinyExamples(6)),
    batching: { seed: 1, itemsPerStep: 3 },
    objective: sftObjective({ labelSmoothing: smoothing }),
    totalSteps: 8,
    loggingSteps: 1,
    signal: controller.signal,
    onStep: (step) => {
      if (step >= signalAfter) controller.abort();
    },
    onEvent: (event) => {
      if (event.type === 'step-end') losses.push(event.loss);
      if (event.type === 'run-warning') warnings.push(event.code);
    },
    ...(options as object),
  });
  return { result, losses, weights: await bytesOf(model, adapter.parameters), warnings };
}

describe('NEFTune', () => {
  it('is noise of the seed: repeatable, resumable, and gone at α → 0', async () => {
    const checkpoints = (name: string) => ({ directory: path.join(folder, name), everySteps: 2 });
    const [plain, noisy, again] = [await run(), await run({ neftuneAlpha: 5 }), await run({ neftuneAlpha: 5 })];
    expect(noisy.losses[0]).not.toBe(plain.losses[0]);
    expect(again.weights).toBe(noisy.weights);
    expect((await run({ neftuneAlpha: 1e-9 })).losses[0]).toBeCloseTo(plain.losses[0]!, 6);
    await run({ neftuneAlpha: 5, checkpoints: checkpoints('halves') }, 3);
    expect((await run({ neftuneAlpha: 5, checkpoints: checkpoints('halves') })).weights).toBe(noisy.weights);
  });
});

describe('label smoothing', () => {
  it('is (1 − ε)·nll + ε·the mean over the vocabulary, weighted', () => {
    const input = {
      logProbs: Float64Array.of(-1, -2),
      meanLogProbs: Float64Array.of(-3, -5),
      weights: Float64Array.of(1, 3),
      labelSmoothing: 0.1,
    };
    const { loss, dLogProbs, dMeanLogProbs } = crossEntropy(input);
    expect(loss).toBeCloseTo((0.9 * 1 + 0.1 * 3 + 3 * (0.9 * 2 + 0.1 * 5)) / 4, 12);
    expect([...dLogProbs]).toEqual([-0.9 / 4, -2.7 / 4]);
    expect(dMeanLogProbs![1]).toBeCloseTo(-0.3 / 4, 12);
  });

  it('trains with the same path as none when ε = 0, another when not', async () => {
    const [none, some] = [await run(), await run({ smoothing: 0.1 })];
    expect(some.losses[0]).not.toBe(none.losses[0]);
    expect(some.losses.at(-1)!).toBeLessThan(some.losses[0]!);
  });
});

describe('validation decides', () => {
  /** Lowest after the second step. */
  const validation = (step: number) => ({ eval_loss: [3, 2, 2.5, 2.4, 2.3, 2.2, 2.1, 2.05][step - 1]! });

  it('early stopping ends the run after so many evaluations without a lower loss', async () => {
    const evaluation = { everySteps: 1, run: async (step: number) => validation(step), patience: 3 };
    const { result } = await run({ evaluation });
    expect(result).toMatchObject({ outcome: 'done', step: 5 });
    const { result: patient } = await run({ evaluation: { ...evaluation, patience: 7 } });
    expect(patient.step).toBe(8);
  });

  it('the best checkpoint is kept and becomes the result; a resumed run ends the same', async () => {
    const options = (name: string) => ({
      evaluation: { everySteps: 1, run: async (step: number) => validation(step), keepBest: true },
      checkpoints: { directory: path.join(folder, name), everySteps: 1, keep: 1 },
    });
    const straight = await run(options('straight'));
    expect(straight.result.step).toBe(8);
    expect(straight.warnings).toContain('best-checkpoint');
    const best = path.join(folder, 'straight', 'checkpoint-2');
    expect(existsSync(best)).toBe(true);
    expect(existsSync(path.join(folder, 'straight', 'checkpoint-3'))).toBe(false);
    const state = JSON.parse(
      await readFile(path.join(folder, 'straight', 'checkpoint-8', 'trainer_state.json'), 'utf8'),
    );
    expect(state).toMatchObject({ best_metric: 2, best_global_step: 2, best_model_checkpoint: best });
    expect(straight.weights).toBe((await run({ totalSteps: 2 })).weights);
    await run(options('halves'), 5);
    expect((await run(options('halves'))).weights).toBe(straight.weights);
  });
});

describe('parts of a model', () => {
  it('freeze: the last layers, some of their modules, and modules outside', () => {
    const model = tinyModel(false);
    const names = (options: Parameters<typeof selectFrozenRest>[1]) =>
      selectFrozenRest(model, options).map(({ name }) => name);
    expect(names({ trainableLayers: 1, trainableModules: ['mlp'], extraModules: ['norm'] })).toEqual([
      'model.layers.1.mlp.gate_proj.weight',
      'model.layers.1.mlp.up_proj.weight',
      'model.layers.1.mlp.down_proj.weight',
      'model.norm.weight',
    ]);
    expect(names({ trainableLayers: -1, trainableModules: ['all'] }).every((name) => name.includes('layers.0.'))).toBe(
      true,
    );
    expect(() => names({ trainableLayers: 3, trainableModules: ['all'] })).toThrow(/at most 2 layers/);
    expect(() => names({ trainableLayers: 1, trainableModules: ['expert'] })).toThrow(/got expert/);
  });

  it('bitfit says so when there are no biases', () => {
    expect(() => selectBiases(tinyModel(false))).toThrow(/qwen3 has none/);
  });
});
