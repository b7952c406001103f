/** Adapters mixed as PEFT mixes them, and 4-bit bases, against recorded logits. */
import type { LanguageModel } from '@tuiqiao/lm';
import { createArena, quantizeParameter, Tape } from '@tuiqiao/tensor';
import { describe, expect, it } from 'vitest';
import { selectAdapter, setAdapterScale } from '../src/lora/adapter.ts';
import { loadAdapter } from '../src/lora/adapter-files.ts';
import { combineAdapters } from '../src/lora/combine-adapters.ts';
import { mergeAdapter } from '../src/lora/merge-adapter.ts';
import { packSequences } from '../src/packing.ts';
import {
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

/** Logits of every real row; which of them carry a label does not matter. */
async function logitsOf(model: LanguageModel, inputs: Omit<PaddedBatch, 'labels'>): Promise<Float32Array> {
  const batch = { ...inputs, labels: inputs.input_ids.map((row) => row.map((id, i) => (i === 0 ? -100 : id))) };
  const tape = new Tape(model.kernels, createArena(model.kernels), { computeType: 'f32', isRecording: false });
  return model.kernels.read(model.logits(packSequences(examplesOf(batch)).batch, tape).buffer);
}

describe.skipIf(!hasGolden)('lora/weighted', () => {
  it('two adapters: each alone, both at once, linear and cat', async () => {
    const recorded = readCase<{
      inputs: PaddedBatch;
      weights: number[];
      tolerance: Record<'logits', Tolerance>;
      combined: Record<'linear' | 'cat', { r: number }>;
    }>('lora/weighted');
    const expected = await readExpected('lora/weighted');
    const model = await loadRecordedModel('families/qwen3');
    const adapters = [
      await loadAdapter(model, goldenFolder('lora/weighted/first'), { name: 'first' }),
      await loadAdapter(model, goldenFolder('lora/weighted/second'), { name: 'second' }),
    ];
    const expectLogits = async (which: string) =>
      expectClose(
        await logitsOf(model, recorded.inputs),
        expected.get(`logits.${which}`)!,
        recorded.tolerance.logits,
        which,
      );
    await expectLogits('both_active');
    for (const name of ['first', 'second']) {
      selectAdapter(adapters, name);
      await expectLogits(name);
    }
    selectAdapter(adapters, null);
    for (const combination of ['linear', 'cat'] as const) {
      const combined = await combineAdapters(model, adapters, recorded.weights, { combination, name: combination });
      await expectLogits(combination);
      const delta = combined.deltas.get('model.layers.0.self_attn.q_proj')!;
      expect(delta.rank).toBe(recorded.combined[combination].r);
      for (const [matrix, { value }] of [
        ['A', delta.a],
        ['B', delta.b],
      ] as const) {
        const tensor = expected.get(`${combination}.model.layers.0.self_attn.q_proj.lora_${matrix}`)!;
        expectClose(await model.kernels.read(value), tensor, { abs: 1e-6, rel: 1e-5 }, `${combination} ${matrix}`);
      }
      setAdapterScale(combined, 0);
    }
  });
});

describe.skipIf(!hasGolden)('quantization/qwen3_nf4', () => {
  const { inputs, tolerance } = hasGolden
    ? readCase<{ inputs: PaddedBatch; tolerance: Record<string, Tolerance> }>('quantization/qwen3_nf4')
    : { inputs: { input_ids: [], attention_mask: [], labels: [] }, tolerance: {} };

  it('quantised here with double quantisation, the model gives the logits recorded from bitsandbytes', async () => {
    const model = await loadRecordedModel('families/qwen3');
    for (const { weight } of model.linears.values()) {
      await quantizeParameter(model.kernels, weight, { type: 'nf4', doubleQuant: true });
    }
    const expected = (await readExpected('quantization/qwen3_nf4')).get('logits')!;
    expectClose(await logitsOf(model, inputs), expected, tolerance.logits!, 'logits');
  });

  it('a 4-bit base takes an adapter, and refuses to have it merged', async () => {
    const model = await loadRecordedModel('families/qwen3');
    for (const { weight } of model.linears.values()) await quantizeParameter(model.kernels, weight, { type: 'fp4' });
    const adapter = await loadAdapter(model, goldenFolder('lora/plain/adapter'));
    await expect(mergeAdapter(model, adapter)).rejects.toMatchObject({ code: 'merge-quantized' });
    expect(adapter.deltas.size).toBe(14);
  });
});
