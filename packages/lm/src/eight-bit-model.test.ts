/** Models whose products run over 8-bit blocks. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createReferenceKernels } from '@tuiqiao/kernels';
import { createArena, Tape } from '@tuiqiao/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kernelsUnderTest } from '../test/golden.ts';
import { createLanguageModel, loadLanguageModel, saveLanguageModel } from './load-language-model.ts';

const CONFIG = {
  model_type: 'qwen3',
  vocab_size: 90,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  max_position_embeddings: 48,
  initializer_range: 0.2,
};
const ids = [5, 17, 33, 80, 2, 41];

describe.each([true, false])('a model in 8 bits, tied head %s', (tied) => {
  let folder = '';
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'eight-bit-'));
    const config = { ...CONFIG, tie_word_embeddings: tied };
    const kernels = createReferenceKernels();
    await saveLanguageModel(createLanguageModel(config, { kernels, seed: 4, computeType: 'f32' }), folder);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(kernelsUnderTest)('says nearly what it says in full, $name kernels', async ({ kernels }) => {
    if (kernels === null) return;
    const logitsOf = async (quantization?: { type: 'q8_0' }) => {
      const model = await loadLanguageModel(folder, { kernels, computeType: 'f32', quantization });
      const cache = model.createCache(1, 8);
      await model.extend(cache, [{ slot: 0, ids: ids.slice(0, 3) }]);
      return model.extend(cache, [{ slot: 0, ids: ids.slice(3) }]);
    };
    const full = await logitsOf();
    const rounded = await logitsOf({ type: 'q8_0' });
    const norm = (values: Float32Array) => Math.hypot(...values);
    const deviation = norm(full.map((x, i) => x - rounded[i]!)) / norm(full);
    expect(deviation).toBeGreaterThan(1e-4);
    // Random weights keep no answer apart: each product adds its half per cent (a trained model's deviation is smaller).
    expect(deviation).toBeLessThan(0.05);
  });

  it('is not trained', async () => {
    const kernels = createReferenceKernels();
    const model = await loadLanguageModel(folder, { kernels, computeType: 'f32', quantization: { type: 'q8_0' } });
    const tape = new Tape(kernels, createArena(kernels), { computeType: 'f32', isRecording: true });
    const batch = {
      ids: Int32Array.from(ids),
      positions: Int32Array.from(ids.keys()),
      segments: Int32Array.of(0, ids.length),
      lossRows: Int32Array.of(0, 1),
      targets: Int32Array.of(17, 33),
    };
    expect(() => model.logProbs(batch, tape)).toThrow(/in 8 bits/);
  });
});
