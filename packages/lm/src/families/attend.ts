/** The attention step of a layer, which is all that differs between training and decoding over a cache. */
import {
  type AttentionOptions,
  type Columns,
  type DeviceBuffer,
  type Tape,
  type Tensor,
  uploadInts,
} from '@tuiqiao/tensor';
import type { ModelConfig } from '../config.ts';
import type { DecoderCache, ExtendPlan } from './key-value-cache.ts';
import { PAGE_SIZE } from './page-table.ts';

/** Attention of one layer: q [N, H·D], k [N, G·D], v a slice of width G·D → [N, H·D]. */
export type Attend = (tape: Tape, layer: number, q: Tensor, k: Tensor, v: Columns) => Tensor;

/** What the attention of a layer does beyond the usual. */
export function scoreOptions(
  { architecture }: ModelConfig,
  layer: number,
): Pick<AttentionOptions, 'scale' | 'window' | 'softCap' | 'alibi'> {
  const { windows, attentionScale: scale, attentionSoftCap: softCap, isAlibi } = architecture;
  const window = windows[layer] ?? null;
  return {
    ...(window !== null && { window }),
    ...(scale !== null && { scale }),
    ...(softCap !== null && { softCap }),
    ...(isAlibi && { alibi: true }),
  };
}

/** Appends keys and values to the cache; fresh rows attend within their segment, the others over their slot's pages. */
export function attendOverCache(tape: Tape, config: ModelConfig, cache: DecoderCache, plan: ExtendPlan): Attend {
  const { kernels } = tape;
  const { heads: H, kvHeads: G, headDim: D } = config;
  const N = plan.positions.length;
  const P = plan.freshRows;
  const rows = uploadInts(tape, cache.rowsOf(plan.slots, plan.positions));
  const segments = uploadInts(tape, plan.freshSegments);
  const continued = N > P ? continuedRows(tape, cache, plan) : null;
  return (layerTape, layer, q, k, v) => {
    const ldV = v.tensor.shape[1]!;
    const values = v.tensor.buffer.view(v.offset, v.tensor.buffer.length - v.offset);
    const keyCache = cache.keys[layer]!;
    const valueCache = cache.values[layer]!;
    const scores = scoreOptions(config, layer);
    kernels.cacheAppend(keyCache, k.buffer, rows, { N, G, D, pageSize: PAGE_SIZE });
    kernels.cacheAppend(valueCache, values, rows, { N, G, D, pageSize: PAGE_SIZE, ldX: ldV });
    const out = layerTape.tensor([N, H * D], layerTape.computeType, false, false);
    if (P > 0) {
      const lse = layerTape.scratch('f32', P * H);
      const S = plan.freshSegments.length - 1;
      const sizes = { N: P, H, G, D, ldQ: H * D, ldK: G * D, ldV, S, ...scores };
      kernels.attention(out.buffer.view(0, P * H * D), lse, q.buffer, k.buffer, values, segments, null, sizes);
    }
    if (continued !== null) {
      const { tables, lengths, ldTable } = continued;
      const tail = (buffer: DeviceBuffer) => buffer.view(P * H * D, (N - P) * H * D);
      const sizes = { B: N - P, H, G, D, pageSize: PAGE_SIZE, ldTable, ...scores };
      kernels.attentionCached(tail(out.buffer), tail(q.buffer), keyCache, valueCache, tables, lengths, sizes);
    }
    return out;
  };
}

/** Where the rows that go on find what came before them. */
function continuedRows(tape: Tape, cache: DecoderCache, plan: ExtendPlan) {
  const { tables, width } = cache.tablesOf(plan.slots.subarray(plan.freshRows));
  return { tables: uploadInts(tape, tables), lengths: uploadInts(tape, plan.lengths), ldTable: width };
}
