/** Token embedding and small moves of data. Legend: N rows, C channels, R gathered rows, V vocabulary. */
import type { DeviceBuffer, FloatType } from '@tuiqiao/kernels';
import { TensorError } from '../errors.ts';
import type { Parameter, Tape, Tensor } from '../tape.ts';

/** Index numbers (token ids, positions, segment offsets, rows) in step memory. */
export function uploadInts(tape: Tape, values: Int32Array): DeviceBuffer {
  const buffer = tape.arena.allocate('i32', values.length, false);
  if (values.length > 0) tape.kernels.write(buffer, values);
  return buffer;
}

/** out[n] = scale · table[ids[n]]: f32 [N, C], the start of the residual stream. `table` [V, C], `ids` i32 [N]. */
export function embed(tape: Tape, table: Parameter, ids: DeviceBuffer, options: { scale?: number } = {}): Tensor {
  const { kernels } = tape;
  const [V, C] = table.shape as readonly [number, number];
  const N = ids.length;
  const { scale = 1 } = options;
  const out = tape.tensor([N, C], 'f32', table.requiresGrad, false);
  kernels.embed(out.buffer, table.compute, ids, { N, C, scale });
  if (tape.embeddingNoise !== null) {
    const noise = tape.scratch('f32', N * C);
    kernels.write(noise, tape.embeddingNoise);
    kernels.add(out.buffer, out.buffer, noise, { length: N * C });
    tape.arena.release(noise);
  }
  if (out.requiresGrad) {
    tape.push(() => {
      if (out.grad !== null) kernels.embedBackward(table.grad!, out.grad, ids, { N, C, V, scale });
      tape.discard(out);
    });
  }
  return out;
}

/** out[r] = x[rows[r]]: [R, C] of x's type; `rows` i32 [R]. */
export function gatherRows(tape: Tape, x: Tensor, rows: DeviceBuffer): Tensor {
  const { kernels } = tape;
  const C = x.shape[1]!;
  const R = rows.length;
  const out = tape.tensor([R, C], x.buffer.dtype, x.requiresGrad, false);
  kernels.gatherRows(out.buffer, x.buffer, rows, { R, C });
  if (out.requiresGrad) {
    tape.push(() => {
      if (out.grad !== null) {
        kernels.scatterAddRows(tape.gradOf(x, x.buffer.dtype as FloatType), out.grad, rows, { R, C });
      }
      tape.discard(out);
    });
  }
  return out;
}

/** out = cap · tanh(x/cap), of x's type; in place when nothing is recorded. */
export function softCap(tape: Tape, x: Tensor, cap: number): Tensor {
  const { kernels } = tape;
  const length = x.buffer.length;
  const out = tape.isRecording ? tape.tensor(x.shape, x.buffer.dtype, x.requiresGrad, false) : x;
  kernels.softCap(out.buffer, x.buffer, { length, cap });
  if (out !== x && out.requiresGrad) {
    tape.push(() => {
      if (out.grad !== null) {
        kernels.softCapBackward(out.grad, out.grad, out.buffer, { length, cap });
        addGradient(tape, x, out.grad);
      }
      tape.discard(out);
    });
  }
  return out;
}

/** out = a + factor · b, of a's type. */
export function add(tape: Tape, a: Tensor, b: Tensor, factor = 1): Tensor {
  const { kernels } = tape;
  const length = a.buffer.length;
  if (b.buffer.length !== length) {
    throw new TensorError('tensor.shape', `add: expected [${a.shape.join(', ')}] twice, got [${b.shape.join(', ')}]`);
  }
  const out = tape.tensor(a.shape, a.buffer.dtype, a.requiresGrad || b.requiresGrad, false);
  if (factor === 1) {
    kernels.add(out.buffer, a.buffer, b.buffer, { length });
  } else {
    kernels.scale(out.buffer, a.buffer, { length, alpha: 1 });
    kernels.scale(out.buffer, b.buffer, { length, alpha: factor, accumulate: true });
  }
  if (out.requiresGrad) {
    tape.push(() => {
      if (out.grad !== null) {
        if (a.requiresGrad) addGradient(tape, a, out.grad);
        if (b.requiresGrad) addGradient(tape, b, out.grad, factor);
      }
      tape.discard(out);
    });
  }
  return out;
}

/** The same numbers in another float type; the tensor itself when it has that type. */
export function cast(tape: Tape, x: Tensor, dtype: FloatType): Tensor {
  if (x.buffer.dtype === dtype) return x;
  const { kernels } = tape;
  const out = tape.tensor(x.shape, dtype, x.requiresGrad, false);
  kernels.scale(out.buffer, x.buffer, { length: x.buffer.length, alpha: 1 });
  if (out.requiresGrad) {
    tape.push(() => {
      if (out.grad !== null) addGradient(tape, x, out.grad);
      tape.discard(out);
    });
  }
  return out;
}

/** Adds factor · `gradient` to the gradient of x. */
export function addGradient(tape: Tape, x: Tensor, gradient: DeviceBuffer, factor = 1): void {
  const { buffer, accumulate } = tape.gradTarget(x);
  tape.kernels.scale(buffer, gradient, { length: buffer.length, alpha: factor, accumulate });
}
