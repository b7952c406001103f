/** Decoding behind a soft prompt: its rows come before a slot's first token. Legend: T virtual tokens, N rows. */
import {
  type DeviceBuffer,
  insertVirtualRows,
  type Parameter,
  type Tape,
  type Tensor,
  uploadInts,
  virtualLayout,
} from '@tuiqiao/tensor';
import type { ModelConfig } from '../config.ts';
import type { SoftPrompt } from '../language-model.ts';
import type { DecoderCache, ExtendPlan } from './key-value-cache.ts';
import { PAGE_SIZE } from './page-table.ts';

/** The plan with T more rows before each fresh sequence; `ids` remain those of the real rows. */
export function planPrompt(plan: ExtendPlan, T: number): ExtendPlan {
  const { freshSegments, ids } = plan;
  const { realRows, virtualRows, segments } = virtualLayout(freshSegments, T, ids.length);
  const rows = realRows.length + virtualRows.length;
  const positions = new Int32Array(rows);
  const slots = new Int32Array(rows);
  for (const [n, row] of realRows.entries()) {
    positions[row] = plan.positions[n]! + T;
    slots[row] = plan.slots[n]!;
  }
  for (const [i, row] of virtualRows.entries()) {
    positions[row] = i % T;
    slots[row] = plan.slots[freshSegments[Math.floor(i / T)]!]!;
  }
  return {
    ids,
    positions,
    slots,
    freshRows: plan.freshRows + virtualRows.length,
    freshSegments: segments,
    lengths: plan.lengths.map((length) => length + T),
    lastRows: plan.lastRows.map((row) => realRows[row]!),
  };
}

/** The plan with every sequence going on from T positions that the cache holds already. */
export function planPrefix(plan: ExtendPlan, T: number): ExtendPlan {
  const positions = plan.positions.map((position) => position + T);
  return {
    ...plan,
    positions,
    freshRows: 0,
    freshSegments: Int32Array.of(0),
    lengths: positions.map((position) => position + 1),
  };
}

/** Puts the prompt's embeddings before each fresh sequence of the stream [N, C]. */
export function insertPrompt(tape: Tape, stream: Tensor, embeddings: Parameter, freshSegments: Int32Array): Tensor {
  const layout = virtualLayout(freshSegments, embeddings.shape[0]!, stream.shape[0]!);
  return insertVirtualRows(tape, stream, embeddings, layout);
}

/** Writes the prefix into the slots of fresh sequences, in every layer. */
export function appendPrefix(
  tape: Tape,
  { kvHeads, headDim }: ModelConfig,
  cache: DecoderCache,
  { freshSegments, slots }: ExtendPlan,
  { prefix, tokens: T }: SoftPrompt,
): void {
  const fresh = [...freshSegments.slice(0, -1)].map((row) => slots[row]!);
  if (fresh.length === 0) return;
  const { kernels, arena } = tape;
  const C = kvHeads * headDim;
  const N = fresh.length * T;
  const places = Int32Array.from({ length: N }, (_, i) => i % T);
  const slotOf = Int32Array.from({ length: N }, (_, i) => fresh[Math.floor(i / T)]!);
  const [sources, rows] = [uploadInts(tape, places), uploadInts(tape, cache.rowsOf(slotOf, places))];
  for (const [layer, { keys, values }] of prefix!.entries()) {
    const write = (to: DeviceBuffer, table: Parameter): void => {
      const repeated = tape.scratch('f32', N * C);
      kernels.embed(repeated, table.value, sources, { N, C });
      kernels.cacheAppend(to, repeated, rows, { N, G: kvHeads, D: headDim, pageSize: PAGE_SIZE });
      arena.release(repeated);
    };
    write(cache.keys[layer]!, keys);
    write(cache.values[layer]!, values);
  }
}
