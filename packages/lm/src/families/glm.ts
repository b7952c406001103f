/**
 * GLM-4 under Hugging Face's names (`glm`, and `glm4` of 0414 with two more norms): the rotary embedding turns
 * interleaved pairs of the first half of each head; biases on q, k, v; gate and up in one matrix.
 */
import type { Json } from '../tokenizer/json.ts';
import { type Architecture, type Geometry, plainArchitecture } from './architecture.ts';
import { rotaryShare } from './rope.ts';

export function describeGlm(raw: Json, geometry: Geometry): Architecture {
  return plainArchitecture(geometry, {
    hasQueryKeyValueBias: raw.attention_bias !== false,
    rotaryDim: rotaryShare(raw, geometry, 0.5),
    isInterleaved: true,
    names: { gateUp: 'mlp.gate_up_proj' },
  });
}

export function describeGlm4(raw: Json, geometry: Geometry): Architecture {
  return plainArchitecture(geometry, {
    hasQueryKeyValueBias: raw.attention_bias === true,
    rotaryDim: rotaryShare(raw, geometry, 0.5),
    isInterleaved: true,
    names: {
      gateUp: 'mlp.gate_up_proj',
      afterAttention: 'post_self_attn_layernorm',
      beforeFeedForward: 'post_attention_layernorm',
      afterFeedForward: 'post_mlp_layernorm',
    },
  });
}
