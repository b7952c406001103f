/**
 * Qwen1.5, Qwen2 and Qwen2.5: Llama with biases on q, k and v. With `use_sliding_window` the layers from
 * `max_window_layers` on see a window.
 */
import type { Json } from '../tokenizer/json.ts';
import { type Architecture, type Geometry, layerWindows, plainArchitecture } from './architecture.ts';

export function describeQwen2(raw: Json, geometry: Geometry): Architecture {
  return plainArchitecture(geometry, { hasQueryKeyValueBias: true, windows: qwenWindows(raw, geometry) });
}

export function qwenWindows(raw: Json, geometry: Geometry): (number | null)[] {
  const isOn = raw.use_sliding_window === true && typeof raw.sliding_window === 'number';
  const first = typeof raw.max_window_layers === 'number' ? raw.max_window_layers : 28;
  return layerWindows(raw, geometry, isOn ? (raw.sliding_window as number) : null, (layer) => layer >= first);
}
