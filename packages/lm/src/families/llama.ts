/**
 * Llama 1 to 3 and what shares its `model_type` (Yi, DeepSeek-LLM, InternLM's Llama form): RMSNorm before attention and
 * feed-forward, rotary embedding over the whole head, SwiGLU, grouped key/value heads, optional biases.
 */
import type { Json } from '../tokenizer/json.ts';
import { type Architecture, type Geometry, plainArchitecture } from './architecture.ts';

export function describeLlama(raw: Json, geometry: Geometry): Architecture {
  const hasBias = raw.attention_bias === true;
  return plainArchitecture(geometry, {
    hasQueryKeyValueBias: hasBias,
    hasOutputBias: hasBias,
    hasFeedForwardBias: raw.mlp_bias === true,
  });
}
