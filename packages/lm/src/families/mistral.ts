/** Mistral: Llama whose every layer sees the last `sliding_window` positions only (null in later versions: all). */
import type { Json } from '../tokenizer/json.ts';
import { type Architecture, type Geometry, layerWindows, plainArchitecture } from './architecture.ts';

export function describeMistral(raw: Json, geometry: Geometry): Architecture {
  const window = typeof raw.sliding_window === 'number' ? raw.sliding_window : null;
  return plainArchitecture(geometry, { windows: layerWindows(raw, geometry, window, () => true) });
}
