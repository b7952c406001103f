/**
 * OLMo 2: no norm before attention and feed-forward but one on what each adds to the stream, and an RMSNorm of q and k
 * over all heads of a row together.
 */
import type { Json } from '../tokenizer/json.ts';
import { type Architecture, type Geometry, plainArchitecture } from './architecture.ts';

export function describeOlmo2(raw: Json, geometry: Geometry): Architecture {
  const hasBias = raw.attention_bias === true;
  return plainArchitecture(geometry, {
    queryKeyNorm: 'row',
    hasQueryKeyValueBias: hasBias,
    hasOutputBias: hasBias,
    names: {
      beforeAttention: null,
      afterAttention: 'post_attention_layernorm',
      beforeFeedForward: null,
      afterFeedForward: 'post_feedforward_layernorm',
    },
  });
}
