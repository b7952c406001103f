import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createReferenceKernels } from '@tuiqiao/kernels';
import { type LanguageModel, loadLanguageModel, saveLanguageModel } from '@tuiqiao/lm';
import { createArena, createRandom, initNormal } from '@tuiqiao/tensor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesOf, tinyExamples, tinyModel } from '../../test/tiny.ts';
import { scoreSequences } from '../micro-batch.ts';
import {
  type Adapter,
  attachLora,
  copyAdapter,
  detachAdapter,
  type LoraOptions,
  selectAdapter,
  setAdapterScale,
} from './adapter.ts';
import { loadAdapter, saveAdapter } from './adapter-files.ts';
import { mergeAdapter } from './merge-adapter.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'adapter-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const options: LoraOptions = { rank: 2, alpha: 4, targetModules: 'all-linear', seed: 3 };

async function scores(model: LanguageModel): Promise<number[]> {
  return [...(await scoreSequences(model, createArena(model.kernels), tinyExamples(3))).logProbs];
}

/** As after training: B is no longer 0. */
function train(model: LanguageModel, adapter: Adapter, seed = 8): void {
  const random = createRandom(seed);
  for (const { b } of adapter.deltas.values()) initNormal(model.kernels, b, random, 0.3);
}

describe('attachLora', () => {
  it('changes nothing at first, and gives the same start for the same seed', async () => {
    const model = tinyModel(false);
    const before = await scores(model);
    const adapter = attachLora(model, options);
    expect(await scores(model)).toEqual(before);
    expect(adapter.deltas.size).toBe(14);
    expect(adapter.parameters).toHaveLength(28);
    const again = attachLora(tinyModel(false), options);
    expect(await bytesOf(model, again.parameters)).toBe(await bytesOf(model, adapter.parameters));
    const other = attachLora(tinyModel(false), { ...options, seed: 4 });
    expect(await bytesOf(model, other.parameters)).not.toBe(await bytesOf(model, adapter.parameters));
  });

  it('finds modules by last name, path, part of a path, and whole-path expression', () => {
    const modules = (targetModules: LoraOptions['targetModules']) => [
      ...attachLora(tinyModel(false), { ...options, targetModules }).deltas.keys(),
    ];
    expect(modules(['v_proj', 'model.layers.0.mlp.up_proj'])).toEqual([
      'model.layers.0.self_attn.v_proj',
      'model.layers.0.mlp.up_proj',
      'model.layers.1.self_attn.v_proj',
    ]);
    expect(modules('model\\.layers\\.1\\.mlp\\.(up|down)_proj')).toEqual([
      'model.layers.1.mlp.up_proj',
      'model.layers.1.mlp.down_proj',
    ]);
    expect(modules('self_attn.q_proj')).toHaveLength(2);
  });

  it('scales by α/r or α/√r, with patterns for single modules', () => {
    const scalings = (changes: Partial<LoraOptions>) =>
      [...attachLora(tinyModel(false), { ...options, targetModules: ['q_proj'], ...changes }).deltas.values()].map(
        (delta) => [delta.rank, delta.scaling],
      );
    expect(scalings({ rank: 4, alpha: 8 })).toEqual([
      [4, 2],
      [4, 2],
    ]);
    expect(scalings({ rank: 4, alpha: 8, useRslora: true })).toEqual([
      [4, 4],
      [4, 4],
    ]);
    expect(
      scalings({ rank: 4, alpha: 8, rankPattern: { '1.self_attn.q_proj': 2 }, alphaPattern: { q_proj: 6 } }),
    ).toEqual([
      [4, 1.5],
      [2, 3],
    ]);
  });

  it.each([
    [{ targetModules: ['query'] }, 'lora-target', 'got query'],
    [{ rank: 0 }, 'lora-options', 'rank'],
    [{ dropout: 1 }, 'lora-options', 'dropout'],
    [{ rankPattern: { '(': 2 } }, 'lora-options', 'regular expression'],
  ])('refuses %o', (changes, code, text) => {
    expect(() => attachLora(tinyModel(false), { ...options, ...changes })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(text) }),
    );
  });

  it('refuses a name that is taken', () => {
    const model = tinyModel(false);
    attachLora(model, options);
    expect(() => attachLora(model, options)).toThrow(/in use/);
  });
});

describe('several adapters on one model', () => {
  it('are switched by scaling, alone and together', async () => {
    const model = tinyModel(false);
    const base = await scores(model);
    const alone: number[][] = [];
    const adapters = ['a', 'b'].map((name, i) => {
      const adapter = attachLora(model, { ...options, name, seed: i });
      train(model, adapter, i);
      return adapter;
    });
    for (const name of ['a', 'b']) {
      selectAdapter(adapters, name);
      alone.push(await scores(model));
    }
    expect(alone[0]).not.toEqual(alone[1]);
    selectAdapter(adapters, null);
    expect(await scores(model)).toEqual(base);
    setAdapterScale(adapters[1]!, 1);
    expect(await scores(model)).toEqual(alone[1]);
    detachAdapter(model, adapters[1]!);
    expect(await scores(model)).toEqual(base);
    selectAdapter(adapters, 'a');
    expect(await scores(model)).toEqual(alone[0]);
    expect(() => selectAdapter(adapters, 'c')).toThrow(/expected one of a b, got c/);
  });

  it('a frozen copy keeps the start while the original moves on', async () => {
    const model = tinyModel(false);
    const policy = attachLora(model, options);
    train(model, policy);
    const start = await scores(model);
    const copy = copyAdapter(model, policy, 'reference');
    expect(await scores(model)).toEqual(start);
    for (const parameter of copy.parameters) expect(parameter.requiresGrad).toBe(false);
    train(model, policy, 99);
    expect(await scores(model)).not.toEqual(start);
    selectAdapter([policy, copy], 'reference');
    expect(await scores(model)).toEqual(start);
  });
});

it('save → load = identity, and the loaded adapter is frozen unless it is to be trained', async () => {
  const model = tinyModel(false);
  const adapter = attachLora(model, { ...options, dropout: 0.1, rankPattern: { v_proj: 3 }, useRslora: true });
  train(model, adapter);
  const before = await scores(model);
  await saveAdapter(model.kernels, adapter, folder, { baseModelName: 'tiny' });
  const fresh = tinyModel(false);
  const loaded = await loadAdapter(fresh, folder);
  expect(await scores(fresh)).toEqual(before);
  expect(loaded.config).toEqual({ ...adapter.config, baseModelName: 'tiny' });
  expect(loaded.parameters.every((parameter) => !parameter.requiresGrad)).toBe(true);
  const trainable = await loadAdapter(fresh, folder, { name: 'second', isTrainable: true, dropout: 0 });
  expect(trainable.parameters.every((parameter) => parameter.requiresGrad)).toBe(true);
  expect(trainable.config.dropout).toBe(0);
});

it('merges at the present scale, into bf16 weights through f32', async () => {
  await saveLanguageModel(tinyModel(false), folder, { dtype: 'bf16' });
  const model = await loadLanguageModel(folder, { kernels: createReferenceKernels(), computeType: 'bf16' });
  const linears = [...model.linears.values()];
  expect(linears.every((linear) => linear.weight.value.dtype === 'bf16')).toBe(true);
  const base = await scores(model);
  const adapter = attachLora(model, options);
  train(model, adapter);
  setAdapterScale(adapter, 0.5);
  const withAdapter = await scores(model);
  await mergeAdapter(model, adapter);
  expect(linears.every((linear) => linear.weight.value.dtype === 'f32')).toBe(true);
  const merged = await scores(model);
  const distance = (a: number[], b: number[]) => Math.max(...a.map((value, r) => Math.abs(value - b[r]!)));
  expect(distance(merged, withAdapter)).toBeLessThan(0.1);
  expect(distance(merged, base)).toBeGreaterThan(0.3);
});
