/**
 * Gemma 1, 2 and the text models of Gemma 3: norms multiply by 1 + w, embedded tokens by √C, the feed-forward gates with
 * gelu, the head is tied. From 2 on what attention and feed-forward add is normed as well, and layers with a window
 * alternate with full ones; 2 bounds scores and logits softly; 3 norms the heads of q and k instead and turns the
 * positions of its windowed layers at another rate.
 */
import type { Json } from '../tokenizer/json.ts';
import { type Architecture, type Geometry, layerWindows, plainArchitecture } from './architecture.ts';

const SANDWICH_NORMS = {
  afterAttention: 'post_attention_layernorm',
  beforeFeedForward: 'pre_feedforward_layernorm',
  afterFeedForward: 'post_feedforward_layernorm',
};
const DEFAULT_WINDOW = 4096;
/** Gemma 3: one full layer after five with a window. */
const DEFAULT_PATTERN = 6;

export function describeGemma(_raw: Json, geometry: Geometry): Architecture {
  return plainArchitecture(geometry, commonParts(geometry));
}

export function describeGemma2(raw: Json, geometry: Geometry): Architecture {
  return plainArchitecture(geometry, {
    ...commonParts(geometry),
    attentionScale: 1 / Math.sqrt(numberOr(raw.query_pre_attn_scalar, 256)),
    attentionSoftCap: numberOrNull(raw.attn_logit_softcapping, 50),
    logitSoftCap: numberOrNull(raw.final_logit_softcapping, 30),
    windows: layerWindows(raw, geometry, numberOr(raw.sliding_window, DEFAULT_WINDOW), (layer) => layer % 2 === 0),
    names: SANDWICH_NORMS,
  });
}

export function describeGemma3(raw: Json, geometry: Geometry): Architecture {
  const pattern = numberOr(raw.sliding_window_pattern ?? raw._sliding_window_pattern, DEFAULT_PATTERN);
  const sliding = ((raw.rope_parameters ?? {}) as Json).sliding_attention as Json | undefined;
  return plainArchitecture(geometry, {
    ...commonParts(geometry),
    queryKeyNorm: 'head',
    attentionScale: 1 / Math.sqrt(numberOr(raw.query_pre_attn_scalar, 256)),
    attentionSoftCap: numberOrNull(raw.attn_logit_softcapping, null),
    logitSoftCap: numberOrNull(raw.final_logit_softcapping, null),
    localRopeTheta: numberOr(sliding?.rope_theta ?? raw.rope_local_base_freq, 10_000),
    windows: layerWindows(
      raw,
      geometry,
      numberOr(raw.sliding_window, DEFAULT_WINDOW),
      (layer) => (layer + 1) % pattern !== 0,
    ),
    names: SANDWICH_NORMS,
  });
}

/** Keys Gemma's configs leave out, and the rotary settings of the full layers. */
export function translateGemmaConfig(raw: Json): Json {
  const isThird = raw.model_type === 'gemma3_text';
  const parameters = raw.rope_parameters as Json | undefined;
  const full = (parameters?.full_attention ?? parameters) as Json | undefined;
  return {
    ...raw,
    head_dim: raw.head_dim ?? 256,
    hidden_act: raw.hidden_activation ?? raw.hidden_act ?? 'gelu_pytorch_tanh',
    max_position_embeddings: raw.max_position_embeddings ?? (isThird ? 131_072 : 8192),
    tie_word_embeddings: raw.tie_word_embeddings ?? true,
    rope_theta: raw.rope_theta ?? (isThird ? 1_000_000 : 10_000),
    ...(full !== undefined && { rope_parameters: full }),
  };
}

function commonParts({ hiddenSize }: Geometry): Partial<Omit<Architecture, 'names'>> {
  return { activation: 'geluTanh', normOffset: 1, embeddingScale: Math.sqrt(hiddenSize) };
}

function numberOr(value: unknown, fallback: number): number {
  return typeof value === 'number' && value > 0 ? value : fallback;
}

/** Absent: the default; null: none. */
function numberOrNull(value: unknown, fallback: number | null): number | null {
  if (value === undefined) return fallback;
  return typeof value === 'number' && value > 0 ? value : null;
}
