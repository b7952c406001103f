/**
 * The product of a linear layer with its base weight, whatever that weight is kept in: floats, or 4-bit blocks that are
 * de-quantised a tile of output rows at a time, so that the float matrix never exists.
 * Legend: N rows, I input features, O output features.
 */
import type { DeviceBuffer } from '@tuiqiao/kernels';
import { TensorError } from '../errors.ts';
import { dequantizeInto } from '../quantize/quantized-parameter.ts';
import type { Parameter, QuantizedWeight, Tape } from '../tape.ts';

/** A layer's columns of an output or gradient buffer. */
export interface Target {
  readonly buffer: DeviceBuffer;
  /** Row stride. */
  readonly ld: number;
}

/** A tile should be read from cache by the product that follows its de-quantisation. */
const TILE_BYTES = 2 << 20;
/** Output rows of a tile come in multiples of this, to suit the product kernels. */
const TILE_ROWS = 64;

/** out[N, O] (+)= x[N, I] Wᵀ. */
export function multiplyBase(
  tape: Tape,
  out: Target,
  x: { readonly buffer: DeviceBuffer; readonly N: number },
  weight: Parameter,
  accumulate = false,
): void {
  const [O, I] = weight.shape as readonly [number, number];
  const { kernels } = tape;
  if (weight.eightBit && !tape.isRecording) {
    const { codes, scales } = weight.eightBit;
    kernels.matmul8(out.buffer, x.buffer, codes, scales, { M: x.N, N: O, K: I, ldOut: out.ld, accumulate });
    return;
  }
  if (weight.eightBit && weight.compute.length === 0) throw withoutGradient(weight);
  const sizes = { M: x.N, K: I, transposeB: true, ldOut: out.ld, accumulate };
  if (!weight.quantized) {
    kernels.matmul(out.buffer, x.buffer, weight.compute, { ...sizes, N: O, isConstantB: !weight.requiresGrad });
    return;
  }
  eachTile(tape, weight, weight.quantized, (tile, first, rows) => {
    const part = out.buffer.view(first, Math.max(0, out.buffer.length - first));
    kernels.matmul(part, x.buffer, tile, { ...sizes, N: rows });
  });
}

/** dX[N, I] (+)= dOut[N, O] W. */
export function multiplyBaseBackward(
  tape: Tape,
  dX: { readonly buffer: DeviceBuffer; readonly accumulate: boolean },
  dOut: Target,
  N: number,
  weight: Parameter,
): void {
  const [O, I] = weight.shape as readonly [number, number];
  const { kernels, arena } = tape;
  if (!weight.quantized) {
    const { accumulate } = dX;
    const isConstantB = !weight.requiresGrad;
    kernels.matmul(dX.buffer, dOut.buffer, weight.compute, { M: N, N: I, K: O, ldA: dOut.ld, accumulate, isConstantB });
    return;
  }
  // The tiles' shares are added up in f32: rounding each to bf16 would cost bits.
  const isExact = dX.buffer.dtype === 'f32';
  const sum = isExact ? dX.buffer : tape.scratch('f32', N * I);
  eachTile(tape, weight, weight.quantized, (tile, first, rows) => {
    const part = dOut.buffer.view(first, Math.max(0, dOut.buffer.length - first));
    const accumulate = first > 0 || (isExact && dX.accumulate);
    kernels.matmul(sum, part, tile, { M: N, N: I, K: rows, ldA: dOut.ld, accumulate });
  });
  if (isExact) return;
  kernels.scale(dX.buffer, sum, { length: N * I, alpha: 1, accumulate: dX.accumulate });
  arena.release(sum);
}

function withoutGradient({ name }: Parameter): TensorError {
  return new TensorError(
    'tensor.state',
    `linear: expected a weight in floats or 4 bits to train over, got ${name} in 8 bits`,
  );
}

/** Calls `use` with rows [first, first + rows) of the weight in the compute type, one tile after the other. */
function eachTile(
  tape: Tape,
  weight: Parameter,
  quantized: QuantizedWeight,
  use: (tile: DeviceBuffer, first: number, rows: number) => void,
): void {
  const [O, I] = weight.shape as readonly [number, number];
  const type = weight.compute.dtype;
  const fitting = Math.floor(TILE_BYTES / (I * (type === 'bf16' ? 2 : 4)) / TILE_ROWS) * TILE_ROWS;
  const tileRows = Math.min(O, Math.max(TILE_ROWS, fitting));
  const memory = tape.scratch(type, tileRows * I);
  for (let first = 0; first < O; first += tileRows) {
    const rows = Math.min(tileRows, O - first);
    const tile = memory.view(0, rows * I);
    dequantizeInto(tape.kernels, tile, quantized, { offset: first * I, length: rows * I });
    use(tile, first, rows);
  }
  tape.arena.release(memory);
}
