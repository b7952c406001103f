/**
 * Which tensors a model of a given config consists of: names as Hugging Face has them, shapes `[out, in]` for linear
 * layers, and how each starts when there is no checkpoint. One table for the families that share Qwen3's block.
 */
import type { ModelConfig } from '../config.ts';
import { LmError } from '../errors.ts';

/** What a family adds to, or leaves out of, the common block. */
export interface FamilyTraits {
  /** RMSNorm over each head of q and k before the rotary embedding (Qwen3). */
  readonly hasHeadNorm: boolean;
  /** Biases on q, k and v, and only there (Qwen2). */
  readonly hasQueryKeyValueBias: boolean;
}

export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initial: 'normal' | 'ones' | 'zeros';
}

/** @throws LmError `model-type-unknown` */
export function familyTraits(modelType: string): FamilyTraits {
  switch (modelType) {
    case 'qwen3':
      return { hasHeadNorm: true, hasQueryKeyValueBias: false };
    case 'qwen2':
      return { hasHeadNorm: false, hasQueryKeyValueBias: true };
    case 'llama':
    case 'mistral':
      return { hasHeadNorm: false, hasQueryKeyValueBias: false };
    default:
      throw new LmError('model-type-unknown', `familyTraits: expected a known model_type, got ${modelType}`);
  }
}

/** Every weight of the model, in the order of the forward pass. */
export function weightSpecs(config: ModelConfig): WeightSpec[] {
  const { hiddenSize: C, intermediateSize: I, headDim: D, heads: H, kvHeads: G, vocabSize: V } = config;
  const traits = familyTraits(config.modelType);
  const matrix = (name: string, rows: number, columns: number): WeightSpec => ({
    name: `${name}.weight`,
    shape: [rows, columns],
    initial: 'normal',
  });
  const norm = (name: string, width: number): WeightSpec => ({
    name: `${name}.weight`,
    shape: [width],
    initial: 'ones',
  });
  const bias = (name: string, width: number): WeightSpec => ({
    name: `${name}.bias`,
    shape: [width],
    initial: 'zeros',
  });

  const specs = [matrix('model.embed_tokens', V, C)];
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = `model.layers.${layer}`;
    const attention = `${prefix}.self_attn`;
    specs.push(norm(`${prefix}.input_layernorm`, C));
    specs.push(matrix(`${attention}.q_proj`, H * D, C));
    specs.push(matrix(`${attention}.k_proj`, G * D, C));
    specs.push(matrix(`${attention}.v_proj`, G * D, C));
    if (traits.hasQueryKeyValueBias) {
      specs.push(
        bias(`${attention}.q_proj`, H * D),
        bias(`${attention}.k_proj`, G * D),
        bias(`${attention}.v_proj`, G * D),
      );
    }
    if (traits.hasHeadNorm) specs.push(norm(`${attention}.q_norm`, D), norm(`${attention}.k_norm`, D));
    specs.push(matrix(`${attention}.o_proj`, C, H * D));
    specs.push(norm(`${prefix}.post_attention_layernorm`, C));
    specs.push(matrix(`${prefix}.mlp.gate_proj`, I, C));
    specs.push(matrix(`${prefix}.mlp.up_proj`, I, C));
    specs.push(matrix(`${prefix}.mlp.down_proj`, C, I));
  }
  specs.push(norm('model.norm', C));
  if (!config.tieWordEmbeddings) specs.push(matrix('lm_head', V, C));
  return specs;
}

/** Number of weights. */
export function parameterCount(config: ModelConfig): number {
  return weightSpecs(config).reduce((sum, spec) => sum + spec.shape.reduce((product, size) => product * size, 1), 0);
}
