/** LoRA's relatives on a tiny model: what holds by construction, without recorded values. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { LanguageModel } from '@tuiqiao/lm';
import { createAdamW, createArena, createRandom, initNormal, quantizeParameter } from '@tuiqiao/tensor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tinyExamples, tinyModel } from '../../test/tiny.ts';
import { exampleDataset } from '../items.ts';
import { scoreSequences } from '../micro-batch.ts';
import { sftObjective } from '../objectives/sft.ts';
import { train } from '../train.ts';
import { type Adapter, attachLora, detachAdapter, type LoraOptions, setAdapterScale, startPissa } from './adapter.ts';
import { loadAdapter, saveAdapter } from './adapter-files.ts';
import { combineAdapters } from './combine-adapters.ts';
import { mergeAdapter } from './merge-adapter.ts';
import { saveMlxAdapter } from './mlx-files.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'adapter-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const options: LoraOptions = { rank: 2, alpha: 4, targetModules: 'all-linear', seed: 3 };

async function scores(model: LanguageModel): Promise<number[]> {
  return [...(await scoreSequences(model, createArena(model.kernels), tinyExamples(3))).logProbs];
}

function expectNear(actual: readonly number[], expected: readonly number[], tolerance = 1e-5): void {
  expect(Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThan(tolerance);
}

function disturb(model: LanguageModel, adapter: Adapter): void {
  const random = createRandom(8);
  for (const { b } of adapter.deltas.values()) initNormal(model.kernels, b, random, 0.3);
}

async function trainSteps(model: LanguageModel, adapter: Adapter, totalSteps = 12): Promise<number[]> {
  const losses: number[] = [];
  await train({
    model,
    parameters: adapter.parameters,
    optimizer: createAdamW(model.kernels, [{ parameters: adapter.parameters, weightDecay: 0 }]),
    schedule: () => 0.02,
    data: exampleDataset(tinyExamples(6)),
    batching: { seed: 1, itemsPerStep: 6 },
    objective: sftObjective(),
    totalSteps,
    loggingSteps: 1,
    onEvent: (event) => {
      if (event.type === 'step-end') losses.push(event.loss);
    },
  });
  return losses;
}

describe('DoRA', () => {
  it('changes nothing at first; trained with dropout its loss falls; saved, loaded and merged it is the same', async () => {
    const model = tinyModel(false);
    const before = await scores(model);
    const adapter = attachLora(model, { ...options, useDora: true, dropout: 0.1 });
    expectNear(await scores(model), before);
    const losses = await trainSteps(model, adapter);
    expect(losses.at(-1)!).toBeLessThan(losses[0]! - 0.3);
    const after = await scores(model);
    await saveAdapter(model.kernels, adapter, folder);
    const fresh = tinyModel(false);
    const loaded = await loadAdapter(fresh, folder);
    expect(await scores(fresh)).toEqual(after);
    await mergeAdapter(fresh, loaded);
    expectNear(await scores(fresh), after);
    setAdapterScale(adapter, 0);
    expectNear(await scores(model), before);
  });
});

describe('PiSSA', () => {
  it('starts at the principal directions and changes nothing at first', async () => {
    const model = tinyModel(false);
    const before = await scores(model);
    const adapter = attachLora(model, { ...options, initialization: 'pissa' });
    await startPissa(model, adapter, 3);
    expectNear(await scores(model), before, 1e-4);
    // What is left of the weight has a smaller norm by exactly the singular values taken out: the best a rank can do.
    const layer = model.linears.get('model.layers.0.mlp.up_proj')!;
    const { a, b, scaling } = adapter.deltas.get(layer.name)!;
    const [w, aValues, bValues] = await Promise.all([layer.weight, a, b].map(({ value }) => model.kernels.read(value)));
    const [O, I, r] = [layer.outFeatures, layer.inFeatures, 2];
    let [all, rest, cross] = [0, 0, 0];
    for (let o = 0; o < O; o++) {
      for (let i = 0; i < I; i++) {
        let update = 0;
        for (let k = 0; k < r; k++) update += scaling * bValues![o * r + k]! * aValues![k * I + i]!;
        const value = w![o * I + i]!;
        all += value ** 2;
        rest += (value - update) ** 2;
        cross += (value - update) * update;
      }
    }
    expect(rest).toBeLessThan(0.85 * all);
    expect(Math.abs(cross)).toBeLessThan(1e-3 * all);
  });

  it('is saved as plain LoRA of twice the rank, for the untouched base', async () => {
    const model = tinyModel(false);
    const adapter = attachLora(model, { ...options, initialization: 'pissa' });
    await startPissa(model, adapter, 3);
    const losses = await trainSteps(model, adapter);
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
    const after = await scores(model);
    await saveAdapter(model.kernels, adapter, folder);
    const fresh = tinyModel(false);
    const loaded = await loadAdapter(fresh, folder);
    expect(loaded.config).toMatchObject({ rank: 4, alpha: 8, initialization: 'kaiming' });
    expectNear(await scores(fresh), after, 1e-4);
    await mergeAdapter(model, adapter);
    expectNear(await scores(model), after, 1e-4);
  });
});

describe('modules saved in full', () => {
  it('are trained beside the updates, switched with them, and leave the base as it was', async () => {
    const model = tinyModel(false);
    const before = await scores(model);
    const norm = model.parameters.get('model.norm.weight')!;
    const base = await model.kernels.read(norm.value);
    const adapter = attachLora(model, { ...options, modulesToSave: ['model.norm'] });
    expect([...adapter.saved.keys()]).toEqual(['model.norm.weight']);
    await trainSteps(model, adapter);
    const after = await scores(model);
    expect(await model.kernels.read(norm.value)).not.toEqual(base);
    await saveAdapter(model.kernels, adapter, folder);
    setAdapterScale(adapter, 0);
    expect(await scores(model)).toEqual(before);
    setAdapterScale(adapter, 1);
    expect(await scores(model)).toEqual(after);
    detachAdapter(model, adapter);
    expect(await scores(model)).toEqual(before);
    const loaded = await loadAdapter(model, folder);
    expect(await scores(model)).toEqual(after);
    await mergeAdapter(model, loaded);
    expectNear(await scores(model), after);
  });

  it('cannot be half of a tied matrix', () => {
    expect(() => attachLora(tinyModel(false), { ...options, modulesToSave: ['embed_tokens'] })).toThrow(
      /expected modules of the model, got embed_tokens/,
    );
  });
});

describe('mlx-lm adapters', () => {
  it.each([false, true])('written and read give the same numbers (DoRA %s), whatever the ranks', async (useDora) => {
    const model = tinyModel(false);
    const adapter = attachLora(model, {
      ...options,
      useDora,
      rankPattern: { q_proj: 3 },
      alphaPattern: { up_proj: 1 },
    });
    disturb(model, adapter);
    const expected = await scores(model);
    await saveMlxAdapter(model, adapter, folder, { baseModelName: 'base' });
    detachAdapter(model, adapter);
    const loaded = await loadAdapter(model, folder);
    expect(loaded.config).toMatchObject({ rank: 3, useDora, baseModelName: 'base' });
    expectNear(await scores(model), expected);
  });
});

describe('combineAdapters', () => {
  it('refuses what has no combination', async () => {
    const model = tinyModel(false);
    const adapters = [
      attachLora(model, { ...options, name: 'a' }),
      attachLora(model, { ...options, name: 'b', rank: 3 }),
      attachLora(model, { ...options, name: 'c', useDora: true }),
    ];
    const combine = (which: number[], weights: number[], combination: 'linear' | 'cat') =>
      combineAdapters(
        model,
        which.map((i) => adapters[i]!),
        weights,
        { combination, name: 'mixed' },
      );
    await expect(combine([0, 1], [1, 1], 'linear')).rejects.toThrow(/one rank for linear/);
    await expect(combine([0, 0], [1, -1], 'linear')).rejects.toThrow(/weights ≥ 0/);
    await expect(combine([0, 2], [1, 1], 'cat')).rejects.toThrow(/plain LoRA/);
    await expect(combine([0], [1, 1], 'cat')).rejects.toThrow(/a weight for each/);
  });
});

describe('QLoRA', () => {
  it.each(['nf4', 'fp4'] as const)('%s: LoRA and DoRA learn over a 4-bit base', async (type) => {
    for (const useDora of [false, true]) {
      const model = tinyModel(false);
      for (const { weight } of model.linears.values()) {
        await quantizeParameter(model.kernels, weight, { type, doubleQuant: true });
      }
      const adapter = attachLora(model, { ...options, useDora });
      const losses = await trainSteps(model, adapter);
      expect(losses.at(-1)!).toBeLessThan(losses[0]! - 0.3);
    }
  });
});
