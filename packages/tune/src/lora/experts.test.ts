import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createKernels, createReferenceKernels, type Kernels } from '@tuiqiao/kernels';
import { createLanguageModel, type LanguageModel, writeSafetensors } from '@tuiqiao/lm';
import { createAdamW, createArena, createRandom, initNormal, syncCompute } from '@tuiqiao/tensor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TINY_MOE_CONFIG, tinyExamples } from '../../test/tiny.ts';
import { evaluateLoss } from '../evaluate-loss.ts';
import { exampleDataset } from '../items.ts';
import { scoreSequences } from '../micro-batch.ts';
import { sftObjective } from '../objectives/sft.ts';
import { train } from '../train.ts';
import { type Adapter, attachLora, detachAdapter, type LoraOptions, startPissa } from './adapter.ts';
import { loadAdapter, saveAdapter } from './adapter-files.ts';
import { mergeAdapter } from './merge-adapter.ts';
import { saveMlxAdapter } from './mlx-files.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'experts-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const options: LoraOptions = { rank: 2, alpha: 4, targetModules: 'all-linear', seed: 3 };
const EXPERTS = TINY_MOE_CONFIG.num_experts;
const native = createKernels();
const BACKENDS = [
  { name: 'reference', kernels: createReferenceKernels() },
  ...(native.features.name === 'native' ? [{ name: 'native', kernels: native }] : []),
];

function tinyMoe(kernels: Kernels = createReferenceKernels(), computeType: 'f32' | 'bf16' = 'f32'): LanguageModel {
  const config = { ...TINY_MOE_CONFIG, num_hidden_layers: 3, mlp_only_layers: [1] };
  return createLanguageModel(config, { kernels, seed: 1, computeType, trainable: false });
}

async function scores(model: LanguageModel): Promise<number[]> {
  return [...(await scoreSequences(model, createArena(model.kernels), tinyExamples(6))).logProbs];
}

function randomise(model: LanguageModel, adapter: Adapter): void {
  const random = createRandom(8);
  for (const { b } of adapter.deltas.values()) initNormal(model.kernels, b, random, 0.3);
}

function expectSame(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  const worst = Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!)));
  expect(worst).toBeLessThan(tolerance);
}

describe('adapters on routed experts', () => {
  it('all-linear names every expert’s projections and the router, as PEFT does', async () => {
    const model = tinyMoe();
    const before = await scores(model);
    const adapter = attachLora(model, options);
    const paths = [...adapter.deltas.keys()];
    expect(paths).toHaveLength(3 * 4 + 2 * (1 + 3 * EXPERTS) + 3);
    expect(paths).toContain('model.layers.2.mlp.experts.3.down_proj');
    expect(paths).toContain('model.layers.0.mlp.gate');
    expect(paths).toContain('model.layers.1.mlp.gate_proj');
    expect(adapter.parameters.map(({ name }) => name)).toContain(
      'base_model.model.model.layers.0.mlp.experts.1.gate_proj.lora_A.default.weight',
    );
    expect(await scores(model)).toEqual(before);
    const named = attachLora(tinyMoe(), { ...options, targetModules: ['up_proj'] });
    expect(named.deltas.size).toBe(2 * EXPERTS + 1);
  });

  it.each(BACKENDS)('merged into the weights it says the same: $name kernels', async ({ kernels }) => {
    const model = tinyMoe(kernels);
    const before = await scores(model);
    const adapter = attachLora(model, options);
    randomise(model, adapter);
    const adapted = await scores(model);
    expect(Math.max(...adapted.map((value, i) => Math.abs(value - before[i]!)))).toBeGreaterThan(0.1);
    await mergeAdapter(model, adapter);
    expectSame(await scores(model), adapted, 1e-4);
  });

  it.each(BACKENDS.flatMap((backend) => (['f32', 'bf16'] as const).map((type) => ({ ...backend, type }))))(
    'trained, the loss falls and every expert that was chosen has moved: $name kernels, $type',
    async (backend) => {
      const model = tinyMoe(backend.kernels, backend.type);
      const adapter = attachLora(model, {
        ...options,
        alpha: 16,
        targetModules: ['gate_proj', 'up_proj', 'down_proj', 'gate'],
      });
      const data = exampleDataset(tinyExamples(8));
      const before = await evaluateLoss({ model, data });
      const { parameters } = adapter;
      await train({
        model,
        parameters,
        optimizer: createAdamW(model.kernels, [{ parameters, weightDecay: 0 }]),
        schedule: () => 0.02,
        data,
        batching: { seed: 1, tokensPerStep: 64 },
        objective: sftObjective(),
        totalSteps: 25,
        gradientCheckpointing: backend.type === 'bf16',
      });
      const after = await evaluateLoss({ model, data });
      expect(after.eval_loss).toBeLessThan(0.7 * before.eval_loss!);
      for (const [path, { b }] of adapter.deltas) {
        const values = await model.kernels.read(b.value);
        expect([path, values.some((value) => value !== 0)]).toEqual([path, true]);
      }
    },
  );

  it('saved and loaded, on some experts too, it is the same adapter', async () => {
    for (const targetModules of ['all-linear', ['experts.0.up_proj', 'experts.2.down_proj']] as const) {
      const model = tinyMoe();
      const adapter = attachLora(model, { ...options, targetModules });
      randomise(model, adapter);
      const adapted = await scores(model);
      await saveAdapter(model.kernels, adapter, folder);
      detachAdapter(model, adapter);
      const loaded = await loadAdapter(model, folder, { isTrainable: true });
      expect([...loaded.deltas.keys()]).toEqual([...adapter.deltas.keys()]);
      expect(await scores(model)).toEqual(adapted);
    }
  });

  it('opens what PEFT trained on transformers 5, where the experts of a layer are two parameters', async () => {
    const model = tinyMoe();
    const [E, C, I, R] = [EXPERTS, TINY_MOE_CONFIG.hidden_size, TINY_MOE_CONFIG.moe_intermediate_size, 3];
    const random = createRandom(4);
    const matrix = (rows: number, columns: number) => ({
      shape: [rows, columns],
      values: Float32Array.from({ length: rows * columns }, () => 0.3 * random.normal()),
    });
    const tensors = [0, 2].flatMap((layer) => {
      const path = `base_model.model.model.layers.${layer}.mlp.experts`;
      return Object.entries({
        [`${path}.base_layer.lora_A.weight`]: matrix(E * R, C),
        [`${path}.base_layer.lora_B.weight`]: matrix(2 * I, R * E),
        [`${path}.lora_A.weight`]: matrix(E * 2, I),
        [`${path}.lora_B.weight`]: matrix(C, 2 * E),
      });
    });
    const write = (kept: typeof tensors) =>
      writeSafetensors(
        path.join(folder, 'adapter_model.safetensors'),
        kept.map(([name, { shape, values }]) => ({
          name,
          dtype: 'F32',
          shape,
          bytes: () => new Uint8Array(values.buffer),
        })),
      );
    await write(tensors);
    const config = {
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      r: 2,
      lora_alpha: 5,
      target_modules: null,
      target_parameters: ['gate_up_proj', 'mlp.experts.down_proj'],
      rank_pattern: { '.*\\.gate_up_proj': R },
      alpha_pattern: { '.*\\.gate_up_proj': 9 },
    };
    const configFile = path.join(folder, 'adapter_config.json');
    await writeFile(configFile, JSON.stringify(config));
    const adapter = await loadAdapter(model, folder);
    const delta = adapter.deltas.get('model.layers.2.mlp.experts.1.up_proj')!;
    expect([delta.rank, delta.scaling]).toEqual([R, 9 / R]);
    expect(adapter.deltas.get('model.layers.0.mlp.experts.3.down_proj')?.scaling).toBe(5 / 2);
    expect(adapter.config.targetModules).toEqual(['gate_proj', 'up_proj', 'down_proj']);
    const adapted = await scores(model);
    detachAdapter(model, adapter);
    // The same by its definition: W of expert e += s · B[:, r·E + e] A[e·r + …] over r.
    const values = new Map(tensors.map(([name, tensor]) => [name, tensor.values]));
    for (const [name, { shape }] of tensors.filter(([key]) => key.includes('lora_A'))) {
      const isDown = !name.includes('base_layer');
      const [rank, width, scaling] = [shape[0]! / E, shape[1]!, isDown ? 5 / 2 : 9 / R];
      const [a, b] = [values.get(name)!, values.get(name.replace('lora_A', 'lora_B'))!];
      const module = name.replace('base_model.model.', '').replace(/(?:\.base_layer)?\.lora_A\.weight$/u, '');
      for (let e = 0; e < E; e++) {
        for (const [projection, first, rows] of isDown
          ? ([['down_proj', 0, C]] as const)
          : ([
              ['gate_proj', 0, I],
              ['up_proj', I, I],
            ] as const)) {
          const weight = model.parameters.get(`${module}.${e}.${projection}.weight`)!;
          const updated = await model.kernels.read(weight.value);
          for (let o = 0; o < rows; o++) {
            for (let i = 0; i < width; i++) {
              for (let r = 0; r < rank; r++) {
                const right = a[(e * rank + r) * width + i]!;
                updated[o * width + i]! += scaling * b[(first + o) * rank * E + r * E + e]! * right;
              }
            }
          }
          model.kernels.write(weight.value, updated);
          syncCompute(model.kernels, weight);
        }
      }
    }
    expectSame(await scores(model), adapted, 1e-4);

    await write(tensors.map(([name, tensor]) => [name, { ...tensor, shape: [...tensor.shape].reverse() }]));
    await expect(loadAdapter(tinyMoe(), folder)).rejects.toMatchObject({ code: 'adapter-mismatch' });
    await writeFile(configFile, JSON.stringify({ ...config, target_parameters: ['embed_tokens.weight'] }));
    await expect(loadAdapter(tinyMoe(), folder)).rejects.toMatchObject({ code: 'adapter-format' });
  });

  it('PiSSA starts from the experts’ own directions and changes nothing', async () => {
    const model = tinyMoe();
    const before = await scores(model);
    const adapter = attachLora(model, { ...options, initialization: 'pissa' });
    await startPissa(model, adapter, 3);
    expectSame(await scores(model), before, 1e-4);
  });

  it('refuses what cannot sit on experts', async () => {
    const attach = (changes: Partial<LoraOptions>) => () => attachLora(tinyMoe(), { ...options, ...changes });
    const refused = expect.objectContaining({ code: 'lora-options' }) as Error;
    expect(attach({ useDora: true })).toThrow(refused);
    expect(attach({ dropout: 0.1 })).toThrow(refused);
    expect(attach({ rankPattern: { 'experts\\.1\\.up_proj': 4 } })).toThrow(refused);
    expect(attach({ alphaPattern: { 'experts\\.1\\.up_proj': 8 } })).toThrow(refused);
    expect(attach({ rankPattern: { up_proj: 4 }, useRslora: true })).not.toThrow();
    expect(attach({ useDora: true, dropout: 0.1, targetModules: ['q_proj', 'gate'] })).not.toThrow();
    const model = tinyMoe();
    await expect(saveMlxAdapter(model, attachLora(model, options), folder)).rejects.toMatchObject({
      code: 'adapter-format',
    });
  });
});
