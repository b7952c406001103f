/**
 * Baichuan 1 and 2: Llama with q, k, v in one matrix `W_pack`. Version 2 scales the head's rows to length 1 (NormHead).
 * One `model_type` for all: version 2 is known by its vocabulary or its `z_loss_weight`.
 */
import type { Json } from '../tokenizer/json.ts';
import { type Architecture, type Geometry, plainArchitecture } from './architecture.ts';

const VOCABULARY_OF_VERSION_2 = 125_696;

export function describeBaichuan(raw: Json, geometry: Geometry): Architecture {
  return plainArchitecture(geometry, {
    isHeadNormalised: raw.vocab_size === VOCABULARY_OF_VERSION_2 || raw.z_loss_weight !== undefined,
    names: { queryKeyValue: 'self_attn.W_pack' },
  });
}
