/**
 * ChatGLM2, ChatGLM3 and GLM-4-9B as their own repositories name things: GLM's arithmetic with q, k, v in one matrix,
 * other config keys and other weight names. (ChatGLM-6B, the first, is another model and has no `multi_query_attention`.)
 */
import { LmError } from '../errors.ts';
import type { Json } from '../tokenizer/json.ts';
import { type Architecture, type Geometry, plainArchitecture } from './architecture.ts';

/** Base of the rotary angles, times `rope_ratio`. */
const ROPE_BASE = 10_000;

/** The config under the usual keys. @throws LmError `model-feature-unsupported` for the first ChatGLM-6B */
export function translateChatGlmConfig(raw: Json): Json {
  if (raw.padded_vocab_size === undefined || raw.rmsnorm === false) {
    throw new LmError(
      'model-feature-unsupported',
      'config.json: expected ChatGLM2, ChatGLM3 or GLM-4 (padded_vocab_size, rmsnorm), got an earlier ChatGLM',
    );
  }
  const ratio = typeof raw.rope_ratio === 'number' ? raw.rope_ratio : 1;
  return {
    model_type: raw.model_type,
    vocab_size: raw.padded_vocab_size,
    hidden_size: raw.hidden_size,
    intermediate_size: raw.ffn_hidden_size,
    num_hidden_layers: raw.num_layers,
    num_attention_heads: raw.num_attention_heads,
    num_key_value_heads: raw.multi_query_attention === true ? raw.multi_query_group_num : raw.num_attention_heads,
    head_dim: raw.kv_channels,
    rms_norm_eps: raw.layernorm_epsilon,
    rope_theta: ROPE_BASE * ratio,
    max_position_embeddings: raw.seq_length,
    tie_word_embeddings: raw.tie_word_embeddings,
    bos_token_id: raw.bos_token_id,
    eos_token_id: raw.eos_token_id,
    pad_token_id: raw.pad_token_id,
    quantization_config: raw.quantization_config,
  };
}

export function describeChatGlm(raw: Json, geometry: Geometry): Architecture {
  const hasBias = raw.add_bias_linear === true;
  return plainArchitecture(geometry, {
    hasQueryKeyValueBias: hasBias || raw.add_qkv_bias === true,
    hasOutputBias: hasBias,
    hasFeedForwardBias: hasBias,
    rotaryDim: geometry.headDim / 2,
    isInterleaved: true,
    names: {
      embedding: 'transformer.embedding.word_embeddings',
      finalNorm: 'transformer.encoder.final_layernorm',
      head: 'transformer.output_layer',
      layer: (index) => `transformer.encoder.layers.${index}`,
      queryKeyValue: 'self_attention.query_key_value',
      attentionOutput: 'self_attention.dense',
      gateUp: 'mlp.dense_h_to_4h',
      down: 'mlp.dense_4h_to_h',
    },
  });
}
