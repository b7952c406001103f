/** RMSNorm, and rotary embedding with the optional per-head norm before it. Legend: N rows, C channels, D head size. */
import type { DeviceBuffer, FloatType, Kernels } from '@tuiqiao/kernels';
import { claimColumns, columnGradient, columnStride, columnValues, type Slice, toColumns } from '../columns.ts';
import { TensorError } from '../errors.ts';
import type { Parameter, Tape, Tensor } from '../tape.ts';

/**
 * out = x/√(mean(x²) + epsilon) ⊙ (weight + weightOffset): [N, C] of `outType` (the tape's compute type when absent).
 * `weightOffset` is 0 when absent.
 */
export function rmsNorm(
  tape: Tape,
  x: Tensor,
  weight: Parameter,
  options: { epsilon: number; outType?: FloatType; weightOffset?: number },
): Tensor {
  const { kernels, arena } = tape;
  const [N, C] = x.shape as readonly [number, number];
  const { epsilon, outType = tape.computeType, weightOffset = 0 } = options;
  const out = tape.tensor([N, C], outType, x.requiresGrad || weight.requiresGrad, false);
  const rstd = tape.scratch('f32', N);
  const run = () => kernels.rmsNorm(out.buffer, rstd, x.buffer, weight.compute, { N, C, epsilon, weightOffset });
  run();
  if (out.requiresGrad) {
    out.again = run;
    tape.push(() => {
      if (out.grad !== null) {
        const dWeight = weight.requiresGrad ? weight.grad : null;
        const target = x.requiresGrad
          ? tape.gradTarget(x)
          : { buffer: tape.scratch(x.buffer.dtype, N * C), accumulate: false };
        const sizes = { N, C, accumulate: target.accumulate, weightOffset };
        kernels.rmsNormBackward(target.buffer, dWeight, out.grad, x.buffer, weight.compute, rstd, sizes);
        if (!x.requiresGrad) arena.release(target.buffer);
      }
      arena.release(rstd);
      tape.discard(out);
    });
  } else {
    arena.release(rstd);
  }
  return out;
}

/** Angles of rotary position embedding: cos and sin, f32 [maxPositions, rotaryDim/2]. */
export interface Rope {
  readonly cos: DeviceBuffer;
  readonly sin: DeviceBuffer;
  readonly rotaryDim: number;
  /** Pairs are (2i, 2i + 1) instead of (i, i + rotaryDim/2). */
  readonly interleaved: boolean;
  readonly maxPositions: number;
}

export interface RopeOptions {
  /** Rotated elements of a head; even. */
  readonly rotaryDim: number;
  readonly theta: number;
  readonly maxPositions: number;
  readonly interleaved?: boolean;
  /** Replaces theta^(−2i/rotaryDim), for scaled variants (Llama 3, YaRN). [rotaryDim/2] */
  readonly inverseFrequencies?: readonly number[];
  /** Factor on cos and sin (YaRN); 1 when absent. */
  readonly attentionScale?: number;
}

/** The table of angles position · theta^(−2i/rotaryDim), computed in doubles. */
export function createRope(kernels: Kernels, options: RopeOptions): Rope {
  const { rotaryDim, theta, maxPositions, interleaved = false, attentionScale = 1 } = options;
  const half = rotaryDim / 2;
  const frequencies =
    options.inverseFrequencies ?? Array.from({ length: half }, (_, i) => theta ** ((-2 * i) / rotaryDim));
  if (frequencies.length !== half) {
    throw new TensorError(
      'tensor.shape',
      `createRope: expected ${half} inverse frequencies, got ${frequencies.length}`,
    );
  }
  const cosines = new Float32Array(maxPositions * half);
  const sines = new Float32Array(maxPositions * half);
  for (let position = 0; position < maxPositions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * frequencies[i]!;
      cosines[position * half + i] = attentionScale * Math.cos(angle);
      sines[position * half + i] = attentionScale * Math.sin(angle);
    }
  }
  const cos = kernels.allocate('f32', cosines.length);
  const sin = kernels.allocate('f32', sines.length);
  kernels.write(cos, cosines);
  kernels.write(sin, sines);
  return { cos, sin, rotaryDim, interleaved, maxPositions };
}

/**
 * Per head of x [N, heads · D]: RMSNorm with `weight` [D] plus `weightOffset` (skipped when null), then rotation by the row's position.
 * Returns [N, heads · D], packed, of x's type. `positions` i32 [N].
 */
export function headNormRope(
  tape: Tape,
  x: Slice,
  weight: Parameter | null,
  rope: Rope,
  positions: DeviceBuffer,
  options: { heads: number; headDim: number; epsilon: number; weightOffset?: number },
): Tensor {
  const { kernels, arena } = tape;
  const { heads, headDim: D, epsilon, weightOffset = 0 } = options;
  const columns = toColumns(x);
  const { tensor } = columns;
  const N = tensor.shape[0]!;
  if (columns.width !== heads * D) {
    throw new TensorError(
      'tensor.shape',
      `headNormRope: expected ${heads} heads of ${D}, got ${columns.width} columns`,
    );
  }
  claimColumns(tape, 'headNormRope', columns);
  const requiresGrad = tensor.requiresGrad || weight?.requiresGrad === true;
  const out = tape.tensor([N, heads * D], tensor.buffer.dtype, requiresGrad, false);
  const rstd = weight === null ? null : tape.scratch('f32', N * heads);
  const gain = weight === null ? null : weight.compute;
  const { cos, sin, rotaryDim, interleaved } = rope;
  const ldX = columnStride(columns);
  const sizes = { N, heads, D, rotaryDim, ldX, ldOut: heads * D, epsilon, interleaved, weightOffset };
  const values = columnValues(columns);
  const run = () => kernels.headNormRope(out.buffer, rstd, values, gain, cos, sin, positions, sizes);
  run();
  if (out.requiresGrad) {
    out.again = run;
    tape.push(() => {
      if (out.grad !== null) {
        const dX = columnGradient(tape, 'headNormRope', columns);
        const dWeight = weight?.requiresGrad ? weight.grad : null;
        kernels.headNormRopeBackward(dX, dWeight, out.grad, values, gain, rstd, cos, sin, positions, sizes);
      }
      if (rstd !== null) arena.release(rstd);
      tape.discard(out);
    });
  } else if (rstd !== null) {
    arena.release(rstd);
  }
  return out;
}
