/** LoRA against PEFT: logits, gradients, three AdamW steps, merging, and files read and written. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { LanguageModel } from '@tuiqiao/lm';
import { createAdamW, createArena, Tape } from '@tuiqiao/tensor';
import { describe, expect, it } from 'vitest';
import { exampleDataset } from '../src/items.ts';
import { type Adapter, setAdapterScale, unfreezeAdapter } from '../src/lora/adapter.ts';
import { adapterKey, loadAdapter, saveAdapter } from '../src/lora/adapter-files.ts';
import { mergeAdapter } from '../src/lora/merge-adapter.ts';
import { accumulateGradients } from '../src/micro-batch.ts';
import { sftObjective } from '../src/objectives/sft.ts';
import { packSequences } from '../src/packing.ts';
import { train } from '../src/train.ts';
import {
  checksum,
  examplesOf,
  expectClose,
  goldenFolder,
  hasGolden,
  loadRecordedModel,
  type PaddedBatch,
  readCase,
  readExpected,
  type Tolerance,
} from './golden.ts';

interface LoraCase {
  base_model: string;
  inputs: PaddedBatch;
  tolerance: Record<'logits' | 'loss' | 'grads' | 'merged' | 'step3', Tolerance>;
  modules: Record<string, { r: number; scaling: number }>;
  loss: number;
  grad_norms: Record<string, number>;
  merged_checksums: Record<string, [number, number, number]>;
  training?: {
    lr: number;
    weight_decay: number;
    max_grad_norm: number;
    batches: PaddedBatch[];
    losses: number[];
    grad_norms_before_clipping: number[];
  };
}

async function logitsOf(model: LanguageModel, batch: PaddedBatch): Promise<Float32Array> {
  const tape = new Tape(model.kernels, createArena(model.kernels), { computeType: 'f32', isRecording: false });
  return model.kernels.read(model.logits(packSequences(examplesOf(batch)).batch, tape).buffer);
}

async function lossAndGradients(model: LanguageModel, adapter: Adapter, batch: PaddedBatch): Promise<number> {
  unfreezeAdapter(model, adapter);
  const items = examplesOf(batch);
  const objective = sftObjective();
  const { loss } = await accumulateGradients({
    model,
    arena: createArena(model.kernels),
    objective,
    step: objective.beginStep(items),
    items,
    indexes: Int32Array.from(items.keys()),
    dropoutSeed: 0,
  });
  return loss;
}

/** Adapter tensors by their key in the file. */
function tensorsOf(adapter: Adapter) {
  return [...adapter.deltas].flatMap(
    ([module, { a, b, magnitude }]) =>
      [
        [adapterKey(module, 'A'), a],
        [adapterKey(module, 'B'), b],
        ...(magnitude ? ([[`base_model.model.${module}.lora_magnitude_vector.weight`, magnitude]] as const) : []),
      ] as const,
  );
}

/** Those of modules saved in full, by PEFT's name for the parameter. */
function savedOf(adapter: Adapter) {
  return [...adapter.saved].map(
    ([name, { parameter }]) =>
      [`base_model.model.${name.replace(/weight$/, 'modules_to_save.weight')}`, parameter] as const,
  );
}

describe.skipIf(!hasGolden).each(['plain', 'rslora', 'patterns', 'dora', 'modules_to_save'])('lora/%s', (name) => {
  const caseName = `lora/${name}`;

  async function load() {
    const recorded = readCase<LoraCase>(caseName);
    const model = await loadRecordedModel(recorded.base_model.replace('../../', ''));
    const adapter = await loadAdapter(model, goldenFolder(`${caseName}/adapter`));
    return { recorded, model, adapter, expected: await readExpected(caseName) };
  }

  it('has the ranks and scalings PEFT derives', async () => {
    const { recorded, adapter } = await load();
    expect([...adapter.deltas.keys()].sort()).toEqual(Object.keys(recorded.modules).sort());
    for (const [module, { rank, scaling }] of adapter.deltas) {
      expect(rank).toBe(recorded.modules[module]!.r);
      expect(scaling).toBeCloseTo(recorded.modules[module]!.scaling, 12);
    }
  });

  it('gives the recorded logits; switched off, those of the base', async () => {
    const { recorded, model, adapter, expected } = await load();
    expectClose(await logitsOf(model, recorded.inputs), expected.get('logits')!, recorded.tolerance.logits, 'logits');
    setAdapterScale(adapter, 0);
    const base = expected.get('base_logits');
    if (base) expectClose(await logitsOf(model, recorded.inputs), base, recorded.tolerance.logits, 'base logits');
  });

  it('gives the recorded loss and gradients, and none to the base', async () => {
    const { recorded, model, adapter, expected } = await load();
    const loss = await lossAndGradients(model, adapter, recorded.inputs);
    expectClose([loss], [recorded.loss], recorded.tolerance.loss, 'loss');
    for (const [key, parameter] of [...tensorsOf(adapter), ...savedOf(adapter)]) {
      const gradient = await model.kernels.read(parameter.grad!);
      expect(checksum(gradient)[1], key).toBeCloseTo(recorded.grad_norms[key]!, 4);
      const full = expected.get(`grad.${key}`);
      if (full) expectClose(gradient, full, recorded.tolerance.grads, key);
    }
    for (const parameter of model.parameters.values()) {
      if (!adapter.saved.has(parameter.name)) expect(parameter.grad, parameter.name).toBeNull();
    }
  });

  it('merges to the recorded weights, and to the same logits', async () => {
    const { recorded, model, adapter, expected } = await load();
    await mergeAdapter(model, adapter);
    for (const linear of model.linears.values()) expect(linear.deltas).toEqual([]);
    for (const [key, tensor] of expected) {
      if (!key.startsWith('merged.')) continue;
      const weight = await model.kernels.read(model.parameters.get(key.slice('merged.'.length))!.value);
      expectClose(weight, tensor, recorded.tolerance.merged, key);
    }
    for (const [weightName, recordedSums] of Object.entries(recorded.merged_checksums)) {
      const parameter = model.parameters.get(weightName);
      if (parameter === undefined) continue; // the tied head, named twice
      const sums = checksum(await model.kernels.read(parameter.value));
      expectClose(sums, recordedSums, { abs: 1e-3, rel: 1e-5 }, weightName);
    }
    expectClose(
      await logitsOf(model, recorded.inputs),
      expected.get('logits')!,
      recorded.tolerance.logits,
      'merged logits',
    );
  });

  it('writes the files it read, tensor for tensor and field for field', async () => {
    const { model, adapter } = await load();
    const folder = await mkdtemp(path.join(tmpdir(), 'adapter-'));
    try {
      await saveAdapter(model.kernels, adapter, folder);
      const again = await loadAdapter(model, folder, { name: 'again' });
      for (const [i, parameter] of again.parameters.entries()) {
        const before = await model.kernels.readBytes(adapter.parameters[i]!.value);
        expect(Buffer.compare(await model.kernels.readBytes(parameter.value), before), parameter.name).toBe(0);
      }
      const read = async (file: string) => JSON.parse(await readFile(path.join(file, 'adapter_config.json'), 'utf8'));
      const written = await read(folder);
      const original = await read(goldenFolder(`${caseName}/adapter`));
      for (const [field, value] of Object.entries(written)) expect(value, field).toEqual(original[field]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe.skipIf(!hasGolden)('lora/plain training', () => {
  it('three AdamW steps give the recorded losses, gradient norms and adapter', async () => {
    const recorded = readCase<LoraCase>('lora/plain');
    const expected = await readExpected('lora/plain');
    const training = recorded.training!;
    const model = await loadRecordedModel('families/qwen3');
    const adapter = await loadAdapter(model, goldenFolder('lora/plain/adapter'), { isTrainable: true });
    const seen: { loss: number; gradNorm: number }[] = [];
    await train({
      model,
      parameters: adapter.parameters,
      optimizer: createAdamW(model.kernels, [{ parameters: adapter.parameters, weightDecay: training.weight_decay }]),
      schedule: () => training.lr,
      data: exampleDataset(training.batches.flatMap(examplesOf)),
      batching: { seed: 0, itemsPerStep: 2, isShuffled: false },
      objective: sftObjective(),
      totalSteps: 3,
      maxGradNorm: training.max_grad_norm,
      loggingSteps: 1,
      onEvent: (event) => {
        if (event.type === 'step-end') seen.push(event);
      },
    });
    expectClose(
      seen.map((event) => event.loss),
      training.losses,
      { abs: 2e-4 },
      'losses',
    );
    expectClose(
      seen.map((event) => event.gradNorm),
      training.grad_norms_before_clipping,
      { rel: 2e-3 },
      'gradient norms',
    );
    for (const [key, parameter] of tensorsOf(adapter)) {
      const after = await model.kernels.read(parameter.value);
      expectClose(after, expected.get(`step3.${key}`)!, recorded.tolerance.step3, key, 0.995);
    }
  });
});

describe.skipIf(!hasGolden)('adapters that do not fit', () => {
  it('names the shapes of an adapter for another base', async () => {
    const model = await loadRecordedModel('families/qwen3_untied');
    await expect(loadAdapter(model, goldenFolder('lora/plain/adapter'))).rejects.toMatchObject({
      code: 'adapter-mismatch',
      message: expect.stringMatching(/another.*families\/qwen3.*expected \[.*\], got \[/s),
    });
    for (const linear of model.linears.values()) expect(linear.deltas).toEqual([]);
  });

  it('refuses other kinds of adapter by name', async () => {
    const model = await loadRecordedModel('families/qwen3');
    const folder = await mkdtemp(path.join(tmpdir(), 'ia3-'));
    await writeFile(path.join(folder, 'adapter_config.json'), JSON.stringify({ peft_type: 'IA3' }));
    await expect(loadAdapter(model, folder)).rejects.toMatchObject({
      code: 'adapter-format',
      message: expect.stringMatching(/peft_type LORA.*IA3/s),
    });
    await rm(folder, { recursive: true });
  });
});
