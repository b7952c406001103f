/**
 * Qwen3 with routed experts: Qwen3 whose feed-forward, in every `decoder_sparse_step`-th layer that `mlp_only_layers` does
 * not name, is `num_experts` small ones of which each token takes `num_experts_per_tok`.
 */
import { LmError } from '../errors.ts';
import type { Json } from '../tokenizer/json.ts';
import type { Architecture, Geometry } from './architecture.ts';
import { describeQwen3 } from './qwen3.ts';

const MAX_EXPERTS = 4096;
/** In all layers: each has three weights, whose names a damaged config should not make by the million. */
const MAX_EXPERTS_IN_ALL = 1 << 16;

/** @throws LmError `config-malformed` */
export function describeQwen3Moe(raw: Json, geometry: Geometry): Architecture {
  const count = size(raw.num_experts ?? 128, 'num_experts', MAX_EXPERTS);
  if (count * geometry.layers > MAX_EXPERTS_IN_ALL) {
    throw new LmError(
      'config-malformed',
      `config.json: expected at most ${MAX_EXPERTS_IN_ALL} experts in all layers, got num_experts ${count} in each of ${geometry.layers}`,
    );
  }
  const step = size(raw.decoder_sparse_step ?? 1, 'decoder_sparse_step', MAX_EXPERTS);
  const dense = new Set(Array.isArray(raw.mlp_only_layers) ? (raw.mlp_only_layers as unknown[]) : []);
  return {
    ...describeQwen3(raw, geometry),
    experts: {
      count,
      perToken: size(raw.num_experts_per_tok ?? 8, 'num_experts_per_tok', count),
      intermediateSize: size(raw.moe_intermediate_size ?? 768, 'moe_intermediate_size', 1 << 24),
      isNormalised: raw.norm_topk_prob === true,
      isRouted: Array.from({ length: geometry.layers }, (_, layer) => !dense.has(layer) && (layer + 1) % step === 0),
      router: 'mlp.gate',
      expert: (index) => `mlp.experts.${index}`,
    },
  };
}

function size(value: unknown, key: string, most: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= most) return value as number;
  throw new LmError('config-malformed', `config.json: expected ${key} from 1 to ${most}, got ${JSON.stringify(value)}`);
}
