/** Rows of the residual stream that someone asks for: the last block ends for those alone. */
import type { FloatType, Tape, Tensor } from '@tuiqiao/tensor';

export interface DistinctRows {
  /** The rows, each once, ascending; null where these are all of the stream. */
  readonly distinct: Int32Array | null;
  /** Of each row asked for, its place among those; null where they are the same. */
  readonly places: Int32Array | null;
}

/** Rows of a stream of N, some of them perhaps asked for more than once. */
export function distinctRows(rows: Int32Array, N: number): DistinctRows {
  const distinct = Int32Array.from(new Set(rows)).sort();
  const isAll = distinct.length === N;
  const isInOrder = rows.length === distinct.length && rows.every((row, r) => row === distinct[r]);
  if (isInOrder) return { distinct: isAll ? null : distinct, places: null };
  if (isAll) return { distinct: null, places: rows };
  const placeOf = new Map(Array.from(distinct, (row, place) => [row, place]));
  return { distinct, places: rows.map((row) => placeOf.get(row)!) };
}

/** What lies in another step memory, in the one of the tape. */
export function copyInto(tape: Tape, { shape, buffer }: Tensor): Tensor {
  const copy = tape.tensor(shape, buffer.dtype as FloatType, false, false);
  tape.kernels.scale(copy.buffer, buffer, { length: buffer.length, alpha: 1 });
  return copy;
}
