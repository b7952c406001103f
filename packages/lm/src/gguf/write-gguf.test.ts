import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gguf } from '@huggingface/gguf';
import { createReferenceKernels } from '@tuiqiao/kernels';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openModel } from '../checkpoint/open-model.ts';
import type { LanguageModel } from '../language-model.ts';
import { createLanguageModel, loadLanguageModel } from '../load-language-model.ts';
import { createCharacterTokenizer } from '../tokenizer/character-tokenizer.ts';
import { createTokenizer, loadTokenizer } from '../tokenizer/load-tokenizer.ts';
import { decodeGguf, encodeGguf, floatsToF16, ggufBytes } from './gguf-blocks.ts';
import { reorderRows, writeGguf } from './write-gguf.ts';

const kernels = createReferenceKernels();

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'gguf-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const CHARACTERS = [...'白日依山盡黃河入海流欲窮千里目更上一層樓，。'];

function tinyModel(modelType: string) {
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
    const tensors = await writeGguf(model, tokenizer, file, { type });
    const { metadata, tensorInfos } = await gguf(file, { allowLocalFile: true });
    expect(metadata).toMatchObject({
      version: 3,
      'general.architecture': 'qwen3',
      'qwen3.block_count': 2,
      'qwen3.attention.head_count_kv': 2,
      'qwen3.attention.key_length': 8,
      'tokenizer.ggml.model': 'llama',
      'tokenizer.ggml.eos_token_id': 2,
    });
    const tokens = (metadata as Record<string, unknown>)['tokenizer.ggml.tokens'] as string[];
    expect(tokens.slice(0, 6)).toEqual(['<pad>', '<unk>', '<end>', '<poem>', '白', '日']);
    expect(tokens).toHaveLength(model.config.vocabSize);
    expect(tensorInfos.map(({ name }) => name)).toEqual(tensors.map(({ name }) => name));
    expect(tensorInfos.map(({ shape }) => shape.map(Number).reverse())).toEqual(tensors.map(({ shape }) => shape));
    const bytes = new Uint8Array(await readFile(file));
    for (const { parameter, shape, type: stored, offset } of tensors) {
      const length = shape.reduce((product, size) => product * size, 1);
      const read = decodeGguf(stored, bytes.subarray(offset, offset + ggufBytes(stored, length)), length);
      const written = await kernels.read(model.parameters.get(parameter)!.value);
      const tolerance = { F32: 0, F16: 2 ** -11, BF16: 2 ** -8, Q8_0: 1 / 100 }[stored];
      const largest = Math.max(...written.map(Math.abs));
      for (const [i, value] of read.entries()) {
        expect(Math.abs(value - written[i]!)).toBeLessThanOrEqual(tolerance * largest);
      }
    }
    const last = tensors.at(-1)!;
    expect(
      last.offset +
        ggufBytes(
          last.type,
          last.shape.reduce((a, b) => a * b, 1),
        ),
    ).toBeLessThanOrEqual(bytes.length);
  });

  it('Llama’s q and k rows are reordered, and back', async () => {
    const tensors = await writeGguf(tinyModel('llama'), tokenizer, path.join(folder, 'llama.gguf'), { type: 'F32' });
    const reordered = tensors.filter(({ reorderedHeads }) => reorderedHeads > 0).map(({ name }) => name);
    expect(reordered).toEqual([
      'blk.0.attn_q.weight',
      'blk.0.attn_k.weight',
      'blk.1.attn_q.weight',
      'blk.1.attn_k.weight',
    ]);
    const rows = Float32Array.from({ length: 8 * 2 }, (_, i) => i);
    const there = reorderRows(rows, [8, 2], 2);
    expect([...there.subarray(0, 8)]).toEqual([0, 1, 4, 5, 2, 3, 6, 7]);
    expect(reorderRows(there, [8, 2], 2, true)).toEqual(rows);
  });

  it.each(['qwen2', 'qwen3', 'llama', 'mistral'])('%s: the file alone is the model again', async (modelType) => {
    const model = tinyModel(modelType);
    const ids = tokenizer.encode('白日依山盡');
    const logitsOf = (one: LanguageModel) => one.extend(one.createCache(1, 16), [{ slot: 0, ids }]);
    const expected = await logitsOf(model);
    for (const [type, tolerance] of [
      ['F32', 1e-6],
      ['F16', 2e-4],
      ['BF16', 2e-3],
      ['Q8_0', 4e-3],
    ] as const) {
      const file = path.join(folder, `${modelType}-${type}.gguf`);
      await writeGguf(model, tokenizer, file, { type });
      const read = await loadLanguageModel(file, { kernels, computeType: 'f32' });
      expect([...read.parameters.keys()].sort()).toEqual([...model.parameters.keys()].sort());
      const logits = await logitsOf(read);
      const worst = Math.max(...logits.map((value, i) => Math.abs(value - expected[i]!)));
      expect(worst, type).toBeLessThan(tolerance);
      const { config } = await openModel(file);
      expect(config.eosTokenIds).toEqual([2]);
      expect((await loadTokenizer(file)).encode('白日依山盡，黃河<end>')).toEqual(
        tokenizer.encode('白日依山盡，黃河<end>'),
      );
    }
  });

  it('refuses families it has no layout for', async () => {
    const model = tinyModel('qwen3');
    const other = { ...model, config: { ...model.config, modelType: 'gemma2' } } as typeof model;
    await expect(writeGguf(other, tokenizer, path.join(folder, 'x.gguf'))).rejects.toMatchObject({
      code: 'gguf-unsupported',
    });
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
    for (const [i, value] of decodeGguf('Q8_0', bytes, 32).entries()) expect(value).toBeCloseTo(values[i]!, 2);
  });
});
