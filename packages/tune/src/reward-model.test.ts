import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createAdamW, createArena, Tape } from '@tuiqiao/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyModel, tinyPairs } from '../test/tiny.ts';
import { preferenceDataset } from './items.ts';
import { attachLora } from './lora/adapter.ts';
import { loadAdapter, saveAdapter } from './lora/adapter-files.ts';
import { accumulateGradients } from './micro-batch.ts';
import { packSequences } from './packing.ts';
import {
  createScoreHead,
  evaluateRewardModel,
  loadRewardModel,
  rewardObjective,
  saveRewardModel,
  scoreRewards,
} from './reward-model.ts';
import { train } from './train.ts';

const lora = { rank: 4, alpha: 8, targetModules: 'all-linear', seed: 3 } as const;
const pairs = tinyPairs(12);
const sequences = pairs.map(({ promptIds, chosenIds }) => ({ promptIds, completionIds: chosenIds }));
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-rm-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function trained(steps: number) {
  const model = tinyModel(false);
  const adapter = attachLora(model, lora);
  const head = createScoreHead(model, 1);
  const parameters = [...adapter.parameters, head.weight];
  const data = preferenceDataset(pairs);
  await train({
    model,
    parameters,
    optimizer: createAdamW(model.kernels, [{ parameters, weightDecay: 0 }]),
    schedule: () => 0.02,
    data,
    batching: { seed: 1, itemsPerStep: 12 },
    objective: rewardObjective(head),
    totalSteps: steps,
  });
  return { model, adapter, head, data };
}

describe('a reward model', () => {
  it("scores the last token's state after the last norm", async () => {
    const model = tinyModel(false);
    const head = createScoreHead(model, 1);
    const scores = await scoreRewards(model, head, sequences);
    const weight = await model.kernels.read(head.weight.value);
    for (const [s, sequence] of sequences.entries()) {
      const { batch } = packSequences([sequence]);
      const tape = new Tape(model.kernels, createArena(model.kernels), { computeType: 'f32', isRecording: false });
      const hidden = model.hiddenStates(batch, Int32Array.of(batch.ids.length - 1), tape);
      const state = await model.kernels.read(hidden.buffer);
      const expected = state.reduce((sum, value, c) => sum + value * weight[c]!, 0);
      expect(scores[s]).toBeCloseTo(expected, 5);
    }
  });

  it('passes the gradient of the loss to adapter and head', async () => {
    const model = tinyModel(false);
    const adapter = attachLora(model, lora);
    const { kernels } = model;
    for (const { b } of adapter.deltas.values()) kernels.write(b.value, noise(b.value.length));
    const head = createScoreHead(model, 1);
    const few = preferenceDataset(pairs.slice(0, 3).map((pair, i) => ({ ...pair, margin: 0.3 * i })));
    const items = [0, 1, 2].map((i) => few.item(i));
    const objective = rewardObjective(head, { centerRewardsCoefficient: 0.1 });
    const lossNow = async (): Promise<number> =>
      (await evaluateRewardModel({ model, head, data: few, objective: { centerRewardsCoefficient: 0.1 } })).metrics
        .eval_loss!;
    const result = await accumulateGradients({
      model,
      arena: createArena(kernels),
      objective,
      step: objective.beginStep(items),
      items,
      indexes: Int32Array.of(0, 1, 2),
      dropoutSeed: 0,
    });
    expect(result.loss).toBeCloseTo(await lossNow(), 6);
    for (const parameter of [head.weight, [...adapter.deltas.values()][0]!.a, [...adapter.deltas.values()].at(-1)!.b]) {
      const grad = await kernels.read(parameter.grad!);
      const value = Float32Array.from(await kernels.read(parameter.value));
      // The steepest element, in f32: differences of others drown in rounding.
      const place = grad.reduce((best, each, i) => (Math.abs(each) > Math.abs(grad[best]!) ? i : best), 0);
      const at = async (shift: number): Promise<number> => {
        const moved = value.slice();
        moved[place]! += shift;
        kernels.write(parameter.value, moved);
        const loss = await lossNow();
        kernels.write(parameter.value, value);
        return loss;
      };
      const h = 2e-2;
      const slope = ((await at(h)) - (await at(-h))) / (2 * h);
      expect(Math.abs(slope - grad[place]!) / Math.abs(slope), parameter.name).toBeLessThan(0.02);
    }
  });

  it('learns which answer is better', async () => {
    const { model, head, data } = await trained(25);
    const { metrics, scores } = await evaluateRewardModel({ model, head, data });
    expect(metrics.eval_accuracy).toBe(1);
    expect(metrics.eval_loss).toBeLessThan(0.2);
    expect(metrics.eval_min_reward).toBe(Math.min(...scores));
  });

  it('is the same after a journey through a PEFT folder', async () => {
    const { model, adapter, head } = await trained(3);
    await saveRewardModel(model, adapter, head, folder, { baseModelName: 'tiny' });
    const config = JSON.parse(await readFile(path.join(folder, 'adapter_config.json'), 'utf8'));
    expect(config).toMatchObject({ task_type: 'SEQ_CLS', modules_to_save: ['score'], base_model_name_or_path: 'tiny' });
    const again = tinyModel(false);
    const loaded = await loadRewardModel(again, folder);
    expect(loaded.adapter.config.modulesToSave).toEqual([]);
    expect(await scoreRewards(again, loaded.head, sequences)).toEqual(await scoreRewards(model, head, sequences));
  });

  it('is not taken for the adapter of a language model, nor the other way round', async () => {
    const { model, adapter, head } = await trained(1);
    await saveRewardModel(model, adapter, head, folder);
    await expect(loadAdapter(tinyModel(false), folder)).rejects.toThrow(
      /expected the adapter of a language model, got a reward model/,
    );
    await saveAdapter(model.kernels, adapter, folder);
    await expect(loadRewardModel(tinyModel(false), folder)).rejects.toThrow(/expected a reward model/);
  });
});

function noise(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => 0.2 * Math.sin(1.7 * i + 1));
}
