/**
 * Baichuan 1 and 2: Llama with q, k, v in one matrix `W_pack`. The 13B models fall off with distance (ALiBi) where the 7B
 * ones turn with the position; version 2 scales the head's rows to length 1 (NormHead). One `model_type` for all: 13B
 * configs state `model_max_length` only; version 2 is known by its vocabulary or its `z_loss_weight`.
 */
import type { Json } from '../tokenizer/json.ts';
import { type Architecture, type Geometry, plainArchitecture } from './architecture.ts';

const VOCABULARY_OF_VERSION_2 = 125_696;

export function describeBaichuan(raw: Json, geometry: Geometry): Architecture {
  const isAlibi = raw.max_position_embeddings === undefined;
  return plainArchitecture(geometry, {
    isAlibi,
    ...(isAlibi && { rotaryDim: 0 }),
    isHeadNormalised: raw.vocab_size === VOCABULARY_OF_VERSION_2 || raw.z_loss_weight !== undefined,
    names: { queryKeyValue: 'self_attn.W_pack' },
  });
}

/** The length under its usual key. */
export function translateBaichuanConfig(raw: Json): Json {
  return { ...raw, max_position_embeddings: raw.max_position_embeddings ?? raw.model_max_length };
}
