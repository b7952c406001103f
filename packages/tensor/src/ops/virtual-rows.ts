/**
 * Rows of a trained table put before each segment of a packed tensor: virtual tokens (prompt tuning), virtual keys and
 * values (prefix tuning). Legend: N rows, C channels, S segments, T virtual rows a segment, M = N + S·T rows in all.
 */
import type { DeviceBuffer, DType, FloatType } from '@tuiqiao/kernels';
import { claimColumns, columnGradient, columnStride, columnValues, type Slice, toColumns } from '../columns.ts';
import type { Parameter, Tape, Tensor } from '../tape.ts';
import { uploadInts } from './embed.ts';

/** Where rows lie once T virtual ones stand before each segment. */
export interface VirtualLayout {
  readonly tokens: number;
  /** [S + 1] */
  readonly segments: Int32Array;
  /** [N] place of each real row. */
  readonly realRows: Int32Array;
  /** [S·T] places of the virtual rows, segment by segment. */
  readonly virtualRows: Int32Array;
}

/**
 * @param segments [S + 1] offsets of the real rows
 * @param N real rows; those beyond the last segment follow without virtual ones
 */
export function virtualLayout(segments: Int32Array, tokens: number, N = segments[segments.length - 1]!): VirtualLayout {
  const S = segments.length - 1;
  const realRows = Int32Array.from({ length: N }, (_, n) => n + S * tokens);
  const virtualRows = new Int32Array(S * tokens);
  for (let s = 0; s < S; s++) {
    const shift = (s + 1) * tokens;
    for (let t = 0; t < tokens; t++) virtualRows[s * tokens + t] = segments[s]! + s * tokens + t;
    for (let n = segments[s]!; n < segments[s + 1]!; n++) realRows[n] = n + shift;
  }
  return { tokens, segments: segments.map((offset, s) => offset + s * tokens), realRows, virtualRows };
}

/**
 * x [N, C] with the rows of `table` [T, C] before each segment: [M, C] of x's type; rows of zeros when `table` is null.
 * The table's gradient is the sum over the segments.
 */
export function insertVirtualRows(tape: Tape, x: Slice, table: Parameter | null, layout: VirtualLayout): Tensor {
  const { kernels, arena } = tape;
  const { tokens: T, realRows, virtualRows } = layout;
  const columns = toColumns(x);
  claimColumns(tape, 'insertVirtualRows', columns);
  const { tensor, width: C } = columns;
  const [N, M] = [realRows.length, realRows.length + virtualRows.length];
  const type = tensor.buffer.dtype as FloatType;
  const out = tape.tensor([M, C], type, tensor.requiresGrad || (table?.requiresGrad ?? false), true);
  const scatter = (rows: DeviceBuffer, values: DeviceBuffer, R: number) =>
    kernels.scatterAddRows(out.buffer, values, rows, { R, C });
  withPacked(tape, type, N, C, (packed) => {
    kernels.copyRows(packed, columnValues(columns), { N, C, ldA: columnStride(columns) });
    scatter(uploadInts(tape, realRows), packed, N);
  });
  if (table !== null) {
    const repeated = tape.scratch('f32', virtualRows.length * C);
    kernels.embed(repeated, table.value, uploadInts(tape, tableRows(virtualRows.length, T)), {
      N: virtualRows.length,
      C,
    });
    scatter(uploadInts(tape, virtualRows), repeated, virtualRows.length);
    arena.release(repeated);
  }
  if (out.requiresGrad) {
    tape.push(() => {
      const dOut = out.grad;
      if (dOut !== null) {
        if (tensor.requiresGrad) {
          withPacked(tape, type, N, C, (packed) => {
            kernels.gatherRows(packed, dOut, uploadInts(tape, realRows), { R: N, C });
            addToColumns(tape, columns, packed, N);
          });
        }
        if (table?.requiresGrad) {
          const R = virtualRows.length;
          withPacked(tape, 'f32', R, C, (packed) => {
            kernels.gatherRows(packed, dOut, uploadInts(tape, virtualRows), { R, C });
            kernels.embedBackward(table.grad!, packed, uploadInts(tape, tableRows(R, T)), { N: R, C, V: T });
          });
        }
      }
      tape.discard(out);
    });
  }
  return out;
}

function tableRows(count: number, T: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => i % T);
}

function withPacked(tape: Tape, type: DType, N: number, C: number, use: (packed: DeviceBuffer) => void): void {
  const packed = tape.scratch(type, N * C);
  use(packed);
  tape.arena.release(packed);
}

/** Adds to a whole tensor's gradient, or replaces a slice's: a slice has one reader. */
function addToColumns(tape: Tape, columns: ReturnType<typeof toColumns>, gradient: DeviceBuffer, N: number): void {
  const { tensor, width: C } = columns;
  const isWhole = columns.offset === 0 && C === tensor.shape[1];
  if (isWhole) {
    const { buffer, accumulate } = tape.gradTarget(tensor);
    tape.kernels.scale(buffer, gradient, { length: N * C, alpha: 1, accumulate });
    return;
  }
  const target = columnGradient(tape, 'insertVirtualRows', columns);
  tape.kernels.copyRows(target, gradient, { N, C, ldOut: columnStride(columns) });
}
