/**
 * Phi-3 and Phi-4-mini: Llama with q, k, v in one matrix and gate, up in another; every layer sees a window where one is
 * set; Phi-4-mini turns part of the head only.
 */
import type { Json } from '../tokenizer/json.ts';
import { type Architecture, type Geometry, layerWindows, plainArchitecture } from './architecture.ts';
import { rotaryShare } from './rope.ts';

export function describePhi3(raw: Json, geometry: Geometry): Architecture {
  const window = typeof raw.sliding_window === 'number' ? raw.sliding_window : null;
  return plainArchitecture(geometry, {
    rotaryDim: rotaryShare(raw, geometry, 1),
    windows: layerWindows(raw, geometry, window, () => true),
    names: { queryKeyValue: 'self_attn.qkv_proj', gateUp: 'mlp.gate_up_proj' },
  });
}
