import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { LmError } from '../errors.ts';
import { parseConfig, readConfig, writeConfig } from './config-json.ts';

const old = {
  model_type: 'qwen3',
  vocab_size: 160,
  hidden_size: 48,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 24,
  rms_norm_eps: 1e-6,
  rope_theta: 1_000_000,
  rope_scaling: null,
  max_position_embeddings: 512,
  tie_word_embeddings: false,
  bos_token_id: 1,
  eos_token_id: [2, 3],
  torch_dtype: 'bfloat16',
  something_new: { kept: true },
};

describe('parseConfig', () => {
  it('reads both styles to the same geometry', () => {
    const { rope_theta, rope_scaling, torch_dtype, ...rest } = old;
    const renewed = { ...rest, dtype: torch_dtype, rope_parameters: { rope_theta, rope_type: 'default' } };
    const { raw: _old, ...a } = parseConfig(old);
    const { raw: _new, ...b } = parseConfig(renewed);
    expect(b).toEqual(a);
    expect(a).toMatchObject({ headDim: 24, ropeTheta: 1_000_000, eosTokenIds: [2, 3], padTokenId: null, kvHeads: 2 });
  });

  it('names the known types and the nearest one when the type is unknown', () => {
    let error: unknown;
    try {
      parseConfig({ ...old, model_type: 'qwen_3' });
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(LmError);
    expect(error).toMatchObject({ code: 'model-type-unknown', hint: expect.stringContaining('qwen3') });
    expect((error as LmError).message).toMatch(/qwen3, qwen2, llama, mistral, .*, got "qwen_3"/);
  });

  it.each([
    ['num_attention_heads', 0, 'config-malformed'],
    ['num_attention_heads', '4', 'config-malformed'],
    ['num_key_value_heads', 3, 'config-malformed'],
    ['head_dim', 7, 'config-malformed'],
    ['vocab_size', 1e12, 'config-malformed'],
    ['rope_theta', -1, 'config-malformed'],
    ['hidden_act', 'gelu', 'model-feature-unsupported'],
    ['rope_scaling', { rope_type: 'spiral', factor: 4 }, 'model-feature-unsupported'],
    ['rope_scaling', { rope_type: 'yarn', factor: -4 }, 'config-malformed'],
  ])('refuses %s = %j', (key, value, code) => {
    expect(() => parseConfig({ ...old, [key]: value })).toThrow(expect.objectContaining({ code }));
  });

  it('writes back what it read, unknown keys included', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'config-'));
    await writeConfig(folder, parseConfig(old), { torch_dtype: 'float32' });
    expect(JSON.parse(await readFile(path.join(folder, 'config.json'), 'utf8'))).toEqual({
      ...old,
      torch_dtype: 'float32',
    });
    expect(await readConfig(folder)).toMatchObject({ modelType: 'qwen3' });
    await rm(folder, { recursive: true });
  });
});
