/**
 * Column slices: several linears that share their input write side by side into one tensor [N, W]; the op that reads a
 * slice takes it in place, with the row stride W. A slice has one reader: its backward kernel replaces the slice of the
 * gradient, so that gradient is neither zeroed nor added up.
 */
import type { DeviceBuffer } from '@tuiqiao/kernels';
import { TensorError } from './errors.ts';
import type { Tape, Tensor } from './tape.ts';

export interface Columns {
  readonly tensor: Tensor;
  readonly offset: number;
  readonly width: number;
  /** Shared by all slices of one cut. */
  readonly cut: Cut;
  /** True once a recorded op reads it. */
  isRead: boolean;
}

interface Cut {
  readonly slices: readonly Columns[];
  /** True once the tensor's gradient was allocated for these slices to fill. */
  hasGradient: boolean;
}

/** A whole tensor [N, W] or a column slice of one. */
export type Slice = Tensor | Columns;

/**
 * Cuts a tensor [N, W] into column slices of the given widths, whose sum is W.
 * @throws TensorError `tensor.shape`
 */
export function splitColumns(tensor: Tensor, widths: readonly number[]): Columns[] {
  const total = widths.reduce((sum, width) => sum + width, 0);
  if (total !== tensor.shape[1]) {
    throw new TensorError(
      'tensor.shape',
      `splitColumns: expected widths that sum to ${tensor.shape[1]}, got [${widths.join(', ')}]`,
    );
  }
  const slices: Columns[] = [];
  const cut: Cut = { slices, hasGradient: false };
  let offset = 0;
  for (const width of widths) {
    slices.push({ tensor, offset, width, cut, isRead: false });
    offset += width;
  }
  return slices;
}

export function toColumns(slice: Slice): Columns {
  return 'tensor' in slice ? slice : splitColumns(slice, [slice.shape[1] ?? 0])[0]!;
}

/**
 * Notes that a recorded op reads the slice.
 * @throws TensorError `tensor.state` when another one does already
 */
export function claimColumns(tape: Tape, op: string, columns: Columns): void {
  if (!tape.isRecording) return;
  if (columns.isRead) {
    throw new TensorError('tensor.state', `${op}: expected a column slice without a reader, got one that has one`);
  }
  columns.isRead = true;
}

/** Row stride of the slice, in elements. */
export function columnStride(columns: Columns): number {
  return columns.tensor.shape[1]!;
}

/** The slice's elements: from its first to the end of the tensor, rows `columnStride` apart. */
export function columnValues(columns: Columns): DeviceBuffer {
  return from(columns.tensor.buffer, columns);
}

/**
 * Where the slice's gradient goes, laid out as its values; zeroed only if a sibling has no reader to fill its part.
 * @throws TensorError `tensor.state` when another op, reading the whole tensor, left a gradient that would be lost
 */
export function columnGradient(tape: Tape, op: string, columns: Columns): DeviceBuffer {
  const { tensor, cut } = columns;
  if (!cut.hasGradient) {
    if (tensor.grad !== null) {
      throw new TensorError('tensor.state', `${op}: expected to be the tensor's only reader, got one with a gradient`);
    }
    const isCovered = cut.slices.every((slice) => slice.isRead);
    tensor.grad = tape.arena.allocate(tensor.buffer.dtype, tensor.buffer.length, !isCovered);
    cut.hasGradient = true;
  }
  return from(tensor.grad!, columns);
}

function from(buffer: DeviceBuffer, { offset }: Columns): DeviceBuffer {
  const start = Math.min(offset, buffer.length);
  return buffer.view(start, buffer.length - start);
}
