/**
 * Qwen3: Llama with an RMSNorm over each head of q and k before the rotary embedding. The head size is stated, not
 * hidden size / heads.
 */
import type { Json } from '../tokenizer/json.ts';
import { type Architecture, type Geometry, plainArchitecture } from './architecture.ts';
import { qwenWindows } from './qwen2.ts';

export function describeQwen3(raw: Json, geometry: Geometry): Architecture {
  const hasBias = raw.attention_bias === true;
  return plainArchitecture(geometry, {
    queryKeyNorm: 'head',
    hasQueryKeyValueBias: hasBias,
    hasOutputBias: hasBias,
    windows: qwenWindows(raw, geometry),
  });
}
