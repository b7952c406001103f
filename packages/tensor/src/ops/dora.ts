/**
 * DoRA (Liu 2024), on top of a LoRA delta: with V = W + s·B·A, g = magnitude/‖V‖ by rows and z = x Vᵀ the layer's output
 * is g ⊙ z, that is what plain LoRA gives plus (g − 1) ⊙ z. The norm is a constant in the backward pass, as in PEFT.
 * Legend: N rows, I input features, O output features, r rank.
 */
import type { DeviceBuffer } from '@tuiqiao/kernels';
import { TensorError } from '../errors.ts';
import { dequantizeInto } from '../quantize/quantized-parameter.ts';
import type { Linear, LowRankDelta, Parameter, Tape } from '../tape.ts';
import { multiplyBase, multiplyBaseBackward, type Target } from './base-product.ts';

/** What the backward pass needs. */
export interface DoraTrace {
  /** x Vᵀ, packed [N, O]. */
  readonly z: DeviceBuffer;
  /** 1/‖V‖ by rows, f32 [O]. */
  readonly reciprocal: DeviceBuffer;
  /** g − 1, f32 [O]. */
  readonly excess: DeviceBuffer;
}

/** Adds (g − 1) ⊙ z to the output. `input`: the delta's input, dropout applied; `hidden`: input Aᵀ. */
export function addDora(
  tape: Tape,
  out: Target,
  input: { readonly buffer: DeviceBuffer; readonly N: number },
  hidden: DeviceBuffer,
  layer: Linear,
  delta: LowRankDelta & { readonly magnitude: Parameter },
): DoraTrace {
  const { kernels } = tape;
  const { N } = input;
  const { outFeatures: O, weight } = layer;
  const reciprocal = reciprocalNorms(tape, layer, delta);
  const excess = tape.scratch('f32', O);
  kernels.fill(excess, -1);
  kernels.multiply(excess, delta.magnitude.value, reciprocal, { length: O, accumulate: true });
  const z = tape.scratch(input.buffer.dtype, N * O);
  multiplyBase(tape, { buffer: z, ld: O }, input, weight);
  const sizes = { M: N, N: O, K: delta.rank, transposeB: true, accumulate: true, alpha: delta.scaling };
  kernels.matmul(z, hidden, delta.b.compute, sizes);
  kernels.scaleColumns(out.buffer, z, excess, { N, C: O, ldOut: out.ld, ldA: O, accumulate: true });
  return { z, reciprocal, excess };
}

/**
 * dMagnitude += Σ_n dOut ⊙ z / ‖V‖, and dX += ((g − 1) ⊙ dOut) W unless `dX` is null. Returns g ⊙ dOut, packed [N, O]: the
 * gradient that reaches the low-rank product. The caller releases it.
 */
export function doraBackward(
  tape: Tape,
  dOut: Target,
  N: number,
  layer: Linear,
  magnitude: Parameter,
  trace: DoraTrace,
  dX: { readonly buffer: DeviceBuffer; readonly accumulate: boolean } | null,
): DeviceBuffer {
  const { kernels, arena } = tape;
  const { outFeatures: O, weight } = layer;
  const { z, reciprocal, excess } = trace;
  const packed = tape.scratch(z.dtype, N * O);
  kernels.copyRows(packed, dOut.buffer, { N, C: O, ldA: dOut.ld });
  if (magnitude.requiresGrad) {
    const sums = tape.scratch('f32', O);
    kernels.multiply(z, z, packed, { length: N * O });
    kernels.sumRows(sums, z, { N, C: O });
    kernels.multiply(magnitude.grad!, sums, reciprocal, { length: O, accumulate: true });
    arena.release(sums);
  }
  // Over z, which nothing needs any more: (g − 1) ⊙ dOut.
  kernels.scaleColumns(z, packed, excess, { N, C: O });
  if (dX !== null) multiplyBaseBackward(tape, dX, { buffer: z, ld: O }, N, weight);
  kernels.add(packed, packed, z, { length: N * O });
  for (const buffer of [z, reciprocal, excess]) arena.release(buffer);
  return packed;
}

/** 1/‖W + s·B·A‖ of each output row, f32 [O]. */
function reciprocalNorms(tape: Tape, layer: Linear, { a, b, rank, scaling }: LowRankDelta): DeviceBuffer {
  const { kernels, arena } = tape;
  const { outFeatures: O, inFeatures: I, weight } = layer;
  if (weight.eightBit) {
    throw new TensorError(
      'tensor.state',
      `linear: expected a weight in floats or 4 bits under DoRA, got ${weight.name} in 8 bits`,
    );
  }
  const sum = tape.scratch('f32', O * I);
  if (weight.quantized) dequantizeInto(kernels, sum, weight.quantized, { offset: 0, length: O * I });
  else kernels.scale(sum, weight.value, { length: O * I, alpha: 1 });
  kernels.matmul(sum, b.value, a.value, { M: O, N: I, K: rank, alpha: scaling, accumulate: true });
  const norms = tape.scratch('f32', O);
  kernels.rowNorms(norms, sum, { N: O, C: I, isReciprocal: true });
  arena.release(sum);
  return norms;
}
