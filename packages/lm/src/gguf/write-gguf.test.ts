import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gguf } from '@huggingface/gguf';
import { createReferenceKernels } from '@tuiqiao/kernels';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readGguf } from '../checkpoint/gguf.ts';
import { dequantizeGguf } from '../checkpoint/gguf-blocks.ts';
import { openModel } from '../checkpoint/open-model.ts';
import { readFloats } from '../checkpoint/weight-source.ts';
import type { LanguageModel } from '../language-model.ts';
import { createLanguageModel, loadLanguageModel } from '../load-language-model.ts';
import { createCharacterTokenizer } from '../tokenizer/character-tokenizer.ts';
import { createTokenizer, loadTokenizer } from '../tokenizer/load-tokenizer.ts';
import { encodeGguf, floatsToF16 } from './gguf-blocks.ts';
import { reorderRows } from './gguf-layout.ts';
import { writeGguf } from './write-gguf.ts';

const kernels = createReferenceKernels();

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'gguf-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const CHARACTERS = [...'白日依山盡黃河入海流欲窮千里目更上一層樓，。'];

/** What each family has of its own. */
const FAMILIES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  qwen2: {},
  qwen3: {},
  llama: {
    rope_scaling: {
      rope_type: 'llama3',
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 32,
    },
  },
  mistral: {},
  qwen3_moe: { num_experts: 5, num_experts_per_tok: 2, moe_intermediate_size: 24, norm_topk_prob: true },
  gemma: { tie_word_embeddings: true },
  gemma2: { tie_word_embeddings: true, query_pre_attn_scalar: 8, sliding_window: 2, num_hidden_layers: 3 },
  gemma3_text: {
    tie_word_embeddings: true,
    query_pre_attn_scalar: 8,
    sliding_window: 2,
    layer_types: ['full_attention', 'sliding_attention'],
    rope_local_base_freq: 5000,
    rope_scaling: { rope_type: 'linear', factor: 8 },
  },
  phi3: {
    sliding_window: 3,
    partial_rotary_factor: 0.5,
    original_max_position_embeddings: 4,
    rope_scaling: { rope_type: 'longrope', short_factor: [1, 1.5], long_factor: [2, 3] },
  },
  glm: { attention_bias: true },
  glm4: { partial_rotary_factor: 0.5 },
  olmo2: {},
  baichuan: { num_key_value_heads: 4, z_loss_weight: 0 },
};

function tinyModel(modelType: string, changes: Readonly<Record<string, unknown>> = {}) {
  return createLanguageModel(
    {
      model_type: modelType,
      vocab_size: CHARACTERS.length + 10,
      hidden_size: 32,
      intermediate_size: 48,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 8,
      max_position_embeddings: 64,
      rope_theta: 10_000,
      tie_word_embeddings: false,
      eos_token_id: 2,
      initializer_range: 0.1,
      ...FAMILIES[modelType],
      ...changes,
    },
    { kernels, seed: 7, computeType: 'f32', trainable: false },
  );
}

const tokenizer = createTokenizer(
  createCharacterTokenizer({
    specials: ['<pad>', '<unk>', '<end>', '<poem>'],
    characters: CHARACTERS,
    unknownToken: '<unk>',
    eosToken: '<end>',
    padToken: '<pad>',
  }),
);

describe('writeGguf', () => {
  it.each(['F32', 'F16', 'BF16', 'Q8_0'] as const)('%s: another reader finds what was written', async (type) => {
    const model = tinyModel('qwen3');
    const file = path.join(folder, 'tiny.gguf');
    await writeGguf(model, tokenizer, file, { type });
    const { metadata, tensorInfos } = await gguf(file, { allowLocalFile: true });
    expect(metadata).toMatchObject({
      version: 3,
      'general.architecture': 'qwen3',
      'qwen3.block_count': 2,
      'qwen3.attention.head_count_kv': 2,
      'qwen3.attention.key_length': 8,
      // Characters: llama.cpp would look for byte tokens in a `llama` vocabulary.
      'tokenizer.ggml.model': 't5',
      'tokenizer.ggml.eos_token_id': 2,
    });
    const tokens = (metadata as Record<string, unknown>)['tokenizer.ggml.tokens'] as string[];
    expect(tokens.slice(0, 6)).toEqual(['<pad>', '<unk>', '<end>', '<poem>', '白', '日']);
    expect(tokens).toHaveLength(model.config.vocabSize);
    const { tensors } = readGguf(file);
    expect(tensorInfos.map(({ name }) => name)).toEqual([...tensors.keys()]);
    expect(tensorInfos.map(({ shape }) => shape.map(Number).reverse())).toEqual(
      [...tensors.values()].map(({ shape }) => shape),
    );
    const { weights } = await openModel(file);
    expect([...weights.keys()].sort()).toEqual([...model.parameters.keys()].sort());
    for (const [parameter, source] of weights) {
      const read = await readFloats(source);
      const written = await kernels.read(model.parameters.get(parameter)!.value);
      const tolerance = { F32: 0, F16: 2 ** -11, BF16: 2 ** -8, Q8_0: 1 / 100 }[source.dtype as typeof type];
      const largest = Math.max(...written.map(Math.abs));
      for (const [i, value] of read.entries()) {
        expect(Math.abs(value - written[i]!)).toBeLessThanOrEqual(tolerance * largest);
      }
    }
    expect(Math.max(...[...tensors.values()].map(({ end }) => end))).toBeLessThanOrEqual((await readFile(file)).length);
  });

  it('Llama’s q and k rows are reordered, and back', () => {
    const rows = Float32Array.from({ length: 8 * 2 }, (_, i) => i);
    const there = reorderRows(rows, 8, 2);
    expect([...there.subarray(0, 8)]).toEqual([0, 1, 4, 5, 2, 3, 6, 7]);
    expect(reorderRows(there, 8, 2, true)).toEqual(rows);
  });

  it.each(Object.keys(FAMILIES))('%s: the file alone is the model again', async (modelType) => {
    const model = tinyModel(modelType);
    // Long enough for windows of 2 and 3, and for the long factors of the rotation.
    const ids = tokenizer.encode('白日依山盡，黃河入海流。');
    const logitsOf = (one: LanguageModel) => one.extend(one.createCache(1, 16), [{ slot: 0, ids }]);
    const expected = await logitsOf(model);
    const largest = Math.max(...expected.map(Math.abs));
    for (const [type, tolerance] of [
      ['F32', 2e-6],
      ['F16', 5e-3],
      ['BF16', 4e-2],
      ['Q8_0', 5e-2],
    ] as const) {
      const file = path.join(folder, `${modelType}-${type}.gguf`);
      await writeGguf(model, tokenizer, file, { type });
      const read = await loadLanguageModel(file, { kernels, computeType: 'f32' });
      expect([...read.parameters.keys()].sort()).toEqual([...model.parameters.keys()].sort());
      const logits = await logitsOf(read);
      const worst = Math.max(...logits.map((value, i) => Math.abs(value - expected[i]!)));
      expect(worst, type).toBeLessThan(tolerance * largest);
      const { config } = await openModel(file);
      expect(config.eosTokenIds).toEqual([2]);
      expect((await loadTokenizer(file)).encode('白日依山盡，黃河<end>')).toEqual(
        tokenizer.encode('白日依山盡，黃河<end>'),
      );
    }
  });

  it('Baichuan 13B, without rotation, is known by its forty layers', async () => {
    const changes = { num_hidden_layers: 40, max_position_embeddings: undefined, model_max_length: 64 };
    const model = tinyModel('baichuan', changes);
    const file = path.join(folder, '13b.gguf');
    await writeGguf(model, tokenizer, file, { type: 'F32' });
    const read = await loadLanguageModel(file, { kernels, computeType: 'f32' });
    expect(read.config.architecture.isAlibi).toBe(true);
    expect(read.config.maxPositions).toBe(64);
    await expect(
      writeGguf(tinyModel('baichuan', { ...changes, num_hidden_layers: 2 }), tokenizer, file),
    ).rejects.toMatchObject({ code: 'gguf-unsupported' });
  });

  it.each([
    ['chatglm', { padded_vocab_size: 40, num_layers: 2, ffn_hidden_size: 48, kv_channels: 8, seq_length: 64 }],
    ['gemma2', { query_pre_attn_scalar: 12 }],
    ['gemma2', { final_logit_softcapping: null }],
    ['gemma3_text', { attn_logit_softcapping: 10 }],
    ['gemma', { tie_word_embeddings: false }],
    ['qwen3_moe', { norm_topk_prob: false }],
    ['qwen3_moe', { mlp_only_layers: [0] }],
    ['qwen3', { rope_scaling: { rope_type: 'yarn', factor: 2, original_max_position_embeddings: 32 } }],
  ])('refuses %s with %o, which the format cannot say', async (modelType, changes) => {
    await expect(
      writeGguf(tinyModel(modelType, changes), tokenizer, path.join(folder, 'x.gguf')),
    ).rejects.toMatchObject({ code: 'gguf-unsupported' });
  });
});

describe('number formats', () => {
  it('halves round to nearest even, keep NaN, and go to infinity beyond 65,504', () => {
    const numbers = [1, -2, 65504, 65520, 2 ** -24, 2 ** -25, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 0, Number.NaN, 2 ** -15];
    const expected = [0x3c00, 0xc000, 0x7bff, 0x7c00, 1, 0, 0x3c00, 0x3c02, 0, 0x7e00, 0x0200];
    expect([...floatsToF16(Float32Array.from(numbers))]).toEqual(expected);
  });

  it('Q8_0 is a scale and 32 whole numbers', () => {
    const values = Float32Array.from({ length: 32 }, (_, i) => (i - 16) / 16);
    const bytes = encodeGguf('Q8_0', values);
    expect(bytes).toHaveLength(34);
    expect(new Int8Array(bytes.buffer)[2]).toBe(-127);
    for (const [i, value] of dequantizeGguf('Q8_0', bytes).entries()) expect(value).toBeCloseTo(values[i]!, 2);
  });
});
