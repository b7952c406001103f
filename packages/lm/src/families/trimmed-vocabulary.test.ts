import { createReferenceKernels } from '@tuiqiao/kernels';
import { createArena, Tape } from '@tuiqiao/tensor';
import { describe, expect, it } from 'vitest';
import { generate } from '../generate/generate.ts';
import type { LanguageModel, PackedBatch } from '../language-model.ts';
import { createLanguageModel, saveLanguageModel } from '../load-language-model.ts';

const V = 37;
const kernels = createReferenceKernels();

function tiny(changes: Record<string, unknown> = {}): LanguageModel {
  const config = {
    model_type: 'qwen3',
    vocab_size: V,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 6,
    max_position_embeddings: 64,
    rope_theta: 10_000,
    tie_word_embeddings: true,
    eos_token_id: 2,
    initializer_range: 0.5,
    ...changes,
  };
  return createLanguageModel(config, { kernels, seed: 7, computeType: 'f32', trainable: false });
}

const ids = [3, 9, 12, 2, 30, 12, 36];
const kept = [2, 3, 5, 9, 12, 17, 30, 36];
const batch: PackedBatch = {
  ids: Int32Array.from(ids),
  positions: Int32Array.from(ids, (_, i) => i),
  segments: Int32Array.of(0, ids.length),
  lossRows: Int32Array.of(0, 1, 2, 3, 4, 5),
  targets: Int32Array.from(ids.slice(1)),
};
const newTape = () => new Tape(kernels, createArena(kernels), { computeType: 'f32', isRecording: false });
const logProbs = async (model: LanguageModel) => [
  ...(await kernels.read(model.logProbs(batch, newTape()).logProbs.buffer)),
];

describe.each([
  ['a tied head', {}],
  ['a head of its own', { tie_word_embeddings: false }],
])('a trimmed vocabulary, %s', (_, changes) => {
  it('with every token kept gives the same bits', async () => {
    const whole = await logProbs(tiny(changes));
    const model = tiny(changes);
    model.trimVocabulary(Array.from({ length: V }, (_, id) => id));
    expect(await logProbs(model)).toEqual(whole);
  });

  it('gives the whole model with the other tokens ruled out', async () => {
    const whole = tiny(changes);
    const logits = await kernels.read(whole.logits(batch, newTape()).buffer);
    const expected = ids.slice(1).map((target, r) => {
      const row = logits.subarray(r * V, (r + 1) * V);
      return row[target]! - Math.log(kept.reduce((sum, id) => sum + Math.exp(row[id]!), 0));
    });
    const model = tiny(changes);
    model.trimVocabulary(kept);
    expect(model.keptTokens).toEqual(Int32Array.from(kept));
    for (const [r, value] of (await logProbs(model)).entries()) expect(value).toBeCloseTo(expected[r]!, 5);
  });

  it('says only tokens that were kept, with the logits of the whole model', async () => {
    const whole = tiny(changes);
    const model = tiny(changes);
    model.trimVocabulary(kept);
    const [expected, got] = await Promise.all(
      [whole, model].map((each) => each.extend(each.createCache(1, 16), [{ slot: 0, ids }])),
    );
    expect(got!.length).toBe(V);
    for (let id = 0; id < V; id++) {
      if (kept.includes(id)) expect(got![id]).toBeCloseTo(expected![id]!, 5);
      else expect(got![id]).toBeLessThan(-1e29);
    }
    const written = await generate(model, Array(8).fill([3]), {
      maxNewTokens: 12,
      temperature: 5,
      stopIds: [],
      seed: 1,
    });
    const said = new Set(written.flatMap((sequence) => sequence.ids));
    expect([...said].filter((id) => !kept.includes(id))).toEqual([]);
    expect(said.size).toBeGreaterThan(4);
  });
});

describe('a trimmed model', () => {
  it('refuses a token it dropped, to be saved, and to be trimmed again', async () => {
    const model = tiny();
    model.trimVocabulary(kept);
    expect(() => model.logProbs({ ...batch, ids: batch.ids.map(() => 4) }, newTape())).toThrow(/got 4/);
    await expect(saveLanguageModel(model, 'nowhere')).rejects.toMatchObject({ code: 'model-trimmed' });
    expect(() => model.trimVocabulary(kept)).toThrow(/trimmed before/);
  });

  it('refuses ids outside the vocabulary and a trained embedding', () => {
    expect(() => tiny().trimVocabulary([V])).toThrow(/below 37/);
    expect(() => tiny().trimVocabulary([])).toThrow(/none/);
    const trained = tiny();
    trained.parameters.get('model.embed_tokens.weight')!.requiresGrad = true;
    expect(() => trained.trimVocabulary(kept)).toThrow(/trained/);
  });
});
