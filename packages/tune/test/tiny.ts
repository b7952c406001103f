/** Tiny random models and data for tests. */
import { createReferenceKernels } from '@tuiqiao/kernels';
import { createLanguageModel, type LanguageModel } from '@tuiqiao/lm';
import { createRandom, type FloatType, type Parameter } from '@tuiqiao/tensor';
import type { Example, PreferencePair } from '../src/items.ts';

export const VOCABULARY = 40;

export const TINY_CONFIG = {
  model_type: 'qwen3',
  architectures: ['Qwen3ForCausalLM'],
  vocab_size: VOCABULARY,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 8,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  max_position_embeddings: 128,
  tie_word_embeddings: true,
  initializer_range: 0.2,
};

/** Qwen3 with routed experts in every layer. */
export const TINY_MOE_CONFIG = {
  ...TINY_CONFIG,
  model_type: 'qwen3_moe',
  architectures: ['Qwen3MoeForCausalLM'],
  num_experts: 4,
  num_experts_per_tok: 2,
  moe_intermediate_size: 12,
  norm_topk_prob: true,
  mlp_only_layers: [] as number[],
};

export function tinyModel(trainable: boolean, seed = 1, computeType: FloatType = 'f32'): LanguageModel {
  return createLanguageModel(TINY_CONFIG, { kernels: createReferenceKernels(), seed, computeType, trainable });
}

export function tinyExamples(count: number, seed = 5): Example[] {
  const random = createRandom(seed);
  const ids = (length: number) => Array.from({ length }, () => random.integer(VOCABULARY));
  return Array.from({ length: count }, (_, i) => ({
    id: `example ${i}`,
    promptIds: ids(1 + random.integer(4)),
    completionIds: ids(2 + random.integer(6)),
  }));
}

export function tinyPairs(count: number, seed = 9): PreferencePair[] {
  const rejected = tinyExamples(count, seed + 1);
  return tinyExamples(count, seed).map((example, i) => ({
    id: `pair ${i}`,
    promptIds: example.promptIds,
    chosenIds: example.completionIds,
    rejectedIds: rejected[i]!.completionIds,
  }));
}

/** All values as one byte string, for bit-for-bit comparison. */
export async function bytesOf(model: LanguageModel, parameters: Iterable<Parameter>): Promise<string> {
  const parts: Buffer[] = [];
  for (const parameter of parameters) parts.push(Buffer.from(await model.kernels.readBytes(parameter.value)));
  return Buffer.concat(parts).toString('hex');
}

export async function valuesOf(model: LanguageModel, parameters: Iterable<Parameter>): Promise<number[]> {
  const values: number[] = [];
  for (const parameter of parameters) values.push(...(await model.kernels.read(parameter.value)));
  return values;
}
