import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createKernels, createReferenceKernels } from '@tuiqiao/kernels';
import { dequantizeParameter, enableGradient, quantizeParameter } from '@tuiqiao/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { floatsToBf16 } from './checkpoint/number-formats.ts';
import { writeSafetensors } from './checkpoint/safetensors.ts';
import { parameterCount, weightSpecs } from './families/weights.ts';
import type { LanguageModel } from './language-model.ts';
import { createLanguageModel, loadLanguageModel, saveLanguageModel } from './load-language-model.ts';

const kernels = createReferenceKernels();
const config = {
  model_type: 'qwen3',
  vocab_size: 50,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  max_position_embeddings: 64,
  tie_word_embeddings: true,
  torch_dtype: 'float32',
};
const create = (seed: number, trainable = true) =>
  createLanguageModel(config, { kernels, seed, computeType: 'f32', trainable });

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'model-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('createLanguageModel', () => {
  it('draws matrices with the standard deviation of the config, sets norms to one, and repeats with the seed', async () => {
    const model = create(1);
    const read = (name: string) => kernels.read(model.parameters.get(name)!.value);
    const table = await read('model.embed_tokens.weight');
    const deviation = Math.sqrt(table.reduce((sum, value) => sum + value * value, 0) / table.length);
    expect(deviation).toBeGreaterThan(0.018);
    expect(deviation).toBeLessThan(0.022);
    expect(new Set(await read('model.layers.1.input_layernorm.weight'))).toEqual(new Set([1]));
    const again = create(1).parameters.get('model.embed_tokens.weight')!;
    expect(await kernels.read(again.value)).toEqual(table);
    const other = create(2).parameters.get('model.embed_tokens.weight')!;
    expect(await kernels.read(other.value)).not.toEqual(table);
  });

  it('counts its weights', () => {
    const model = create(1);
    const counted = [...model.parameters.values()].reduce((sum, { value }) => sum + value.length, 0);
    expect(parameterCount(model.config)).toBe(counted);
  });
});

describe('mapped weights', () => {
  const native = createKernels();
  it.skipIf(native.features.name !== 'native')('compute what copied ones do, and can be trained', async () => {
    const target = path.join(folder, 'mapped');
    await saveLanguageModel(create(6), target, { dtype: 'bf16' });
    const load = (mapsWeights: boolean) =>
      loadLanguageModel(target, { kernels: native, computeType: 'bf16', mapsWeights });
    const logits: Float32Array[] = [];
    for (const mapsWeights of [false, true]) {
      const model = await load(mapsWeights);
      const weight = model.parameters.get('model.layers.0.self_attn.q_proj.weight')!;
      expect(weight.isMapped).toBe(mapsWeights);
      logits.push(await model.extend(model.createCache(1, 8), [{ slot: 0, ids: [3, 1, 4] }]));
      enableGradient(native, weight, 'bf16');
      native.fill(weight.value, 0);
    }
    expect(logits[1]).toEqual(logits[0]);
    const again = await load(true);
    expect(await again.extend(again.createCache(1, 8), [{ slot: 0, ids: [3, 1, 4] }])).toEqual(logits[0]);
  });

  it.each(['model.layers.1.mlp.down_proj.weight', 'model.embed_tokens.weight'])(
    'that are not numbers are named when they are first used: %s',
    async (name) => {
      const target = path.join(folder, `nan-${name}`);
      const broken = create(6);
      const { value } = broken.parameters.get(name)!;
      kernels.write(value.view(value.length - 1, 1), [Number.NaN]);
      await saveLanguageModel(broken, target, { dtype: 'bf16' });
      const refusal = { code: 'checkpoint-malformed', message: expect.stringContaining(name) };
      const load = (mapsWeights: boolean) =>
        loadLanguageModel(target, { kernels: native, computeType: 'bf16', mapsWeights });
      await expect(load(false)).rejects.toMatchObject(refusal);
      const model = await load(true);
      const cache = model.createCache(1, 8);
      await expect(model.extend(cache, [{ slot: 0, ids: [3, 1, 4] }])).rejects.toMatchObject(refusal);
      expect([...cache.lengths]).toEqual([0]);
    },
  );
});

describe('a base quantised while it is read', () => {
  it('is the base quantised afterwards, and NaN is told', async () => {
    const target = path.join(folder, 'quantised');
    await saveLanguageModel(create(8), target, { dtype: 'f32' });
    const quantization = { type: 'nf4', doubleQuant: true } as const;
    const direct = await loadLanguageModel(target, { kernels, computeType: 'f32', quantization });
    const after = await loadLanguageModel(target, { kernels, computeType: 'f32' });
    for (const { weight } of after.linears.values()) await quantizeParameter(kernels, weight, quantization);
    expect(direct.linears.size).toBe(after.linears.size);
    for (const [name, { weight }] of direct.linears) {
      expect(weight.value.length).toBe(0);
      const expected = dequantizeParameter(kernels, after.linears.get(name)!.weight);
      expect(await kernels.read(dequantizeParameter(kernels, weight))).toEqual(await kernels.read(expected));
    }
    const next = (model: LanguageModel) => model.extend(model.createCache(1, 8), [{ slot: 0, ids: [3, 1, 4] }]);
    expect(await next(direct)).toEqual(await next(after));

    const damaged = create(8);
    damaged.kernels.write(damaged.linears.get('model.layers.1.mlp.down_proj')!.weight.value, [Number.NaN]);
    await saveLanguageModel(damaged, target, { dtype: 'f32' });
    const load = loadLanguageModel(target, { kernels, computeType: 'f32', quantization });
    await expect(load).rejects.toThrow(/finite weights.*layers\.1\.mlp\.down_proj/);
  });
});

describe('save → load', () => {
  it.each([undefined, 300 * 4])('is the identity in f32, shards of %s bytes', async (maxShardBytes) => {
    const target = path.join(folder, `f32-${maxShardBytes}`);
    const model = create(3);
    await saveLanguageModel(model, target, maxShardBytes === undefined ? {} : { maxShardBytes });
    expect((await readdir(target)).length).toBeGreaterThanOrEqual(maxShardBytes === undefined ? 2 : 4);
    const loaded = await loadLanguageModel(target, { kernels, computeType: 'f32' });
    expect([...loaded.parameters.keys()]).toEqual([...model.parameters.keys()]);
    for (const [name, parameter] of model.parameters) {
      const copy = loaded.parameters.get(name)!;
      expect(await kernels.readBytes(copy.value)).toEqual(await kernels.readBytes(parameter.value));
      expect(copy).toMatchObject({ requiresGrad: false, grad: null });
    }
  });

  it('rounds once to bf16, then is the identity; frozen bf16 weights are held once', async () => {
    const first = path.join(folder, 'bf16-a');
    const second = path.join(folder, 'bf16-b');
    await saveLanguageModel(create(4), first, { dtype: 'bf16' });
    const loaded = await loadLanguageModel(first, { kernels, computeType: 'bf16' });
    for (const parameter of loaded.parameters.values()) {
      const isMatrix = parameter.shape.length > 1;
      expect(parameter.value.dtype).toBe(isMatrix ? 'bf16' : 'f32');
      expect(parameter.compute).toBe(parameter.value);
    }
    await saveLanguageModel(loaded, second, { dtype: 'bf16' });
    expect(await readFile(path.join(second, 'model.safetensors'))).toEqual(
      await readFile(path.join(first, 'model.safetensors')),
    );
    const saved = JSON.parse(await readFile(path.join(second, 'config.json'), 'utf8')) as Record<string, unknown>;
    expect(saved).toEqual({ ...config, torch_dtype: 'bfloat16' });
  });

  it('keeps an f32 master beside bf16 operands when trained', async () => {
    const target = path.join(folder, 'master');
    const model = create(5);
    await saveLanguageModel(model, target);
    const loaded = await loadLanguageModel(target, { kernels, computeType: 'bf16', trainable: true });
    const weight = loaded.parameters.get('model.layers.0.mlp.up_proj.weight')!;
    expect([weight.value.dtype, weight.compute.dtype, weight.grad!.dtype]).toEqual(['f32', 'bf16', 'f32']);
    const master = await kernels.read(model.parameters.get(weight.name)!.value);
    expect(await kernels.read(weight.value)).toEqual(master);
    const bits = await kernels.readBytes(weight.compute);
    expect(bits).toEqual(new Uint8Array(floatsToBf16(master).buffer));
  });
});

describe('loadLanguageModel', () => {
  it('names every missing, unexpected and misshapen tensor at once', async () => {
    const target = path.join(folder, 'mismatch');
    const specs = weightSpecs(create(1).config).filter(({ name }) => name !== 'model.norm.weight');
    await writeSafetensors(path.join(target, 'model.safetensors'), [
      ...specs.map(({ name, shape }) => {
        const real = name.endsWith('layers.1.mlp.up_proj.weight') ? [3, 5] : shape;
        const length = real.reduce((product, size) => product * size, 1);
        return { name, dtype: 'F32', shape: real, bytes: () => new Uint8Array(4 * length) } as const;
      }),
      { name: 'lm_head.weight', dtype: 'F32', shape: [50, 16], bytes: () => new Uint8Array(3200) },
      { name: 'model.extra', dtype: 'F32', shape: [1], bytes: () => new Uint8Array(4) },
    ]);
    await writeFile(path.join(target, 'config.json'), JSON.stringify(config));
    const error = await loadLanguageModel(target, { kernels }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'checkpoint-mismatch' });
    const { message } = error as Error;
    expect(message).toContain('3 differences');
    expect(message).toContain('missing model.norm.weight [16]');
    expect(message).toContain('model.layers.1.mlp.up_proj.weight: expected [24, 16], got [3, 5]');
    expect(message).toContain('unexpected model.extra');
    expect(message).not.toContain('lm_head');
  });

  it('says what is not there', async () => {
    await expect(loadLanguageModel(path.join(folder, 'nowhere'), { kernels })).rejects.toMatchObject({
      code: 'checkpoint-missing',
    });
  });
});
