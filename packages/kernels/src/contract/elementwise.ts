/** Element by element, row by row; any float types mixed. Legend and rules: `../contract.ts`. */
import type { DeviceBuffer } from './buffers.ts';

/** Element-wise functions: max(x, 0); x/(1 + e^−x), also called swish; gelu in its tanh form, as `geglu` has it. */
export const ACTIVATIONS = ['relu', 'silu', 'gelu'] as const;
export type Activation = (typeof ACTIVATIONS)[number];

export interface RowSizes {
  N: number;
  C: number;
  /** Row stride of the strided operand(s), in elements; C when absent. */
  ldX?: number;
}

export interface ElementwiseKernels {
  fill(out: DeviceBuffer, value: number): void;
  /** out[n, c] = a[n, c] with independent row strides; converts between f32 and bf16. */
  copyRows(out: DeviceBuffer, a: DeviceBuffer, sizes: { N: number; C: number; ldOut?: number; ldA?: number }): void;
  /** out = alpha · a (+ out). */
  scale(out: DeviceBuffer, a: DeviceBuffer, sizes: { length: number; alpha: number; accumulate?: boolean }): void;
  /** out = a + b. */
  add(out: DeviceBuffer, a: DeviceBuffer, b: DeviceBuffer, sizes: { length: number }): void;
  /** out = a ⊙ b (+ out). */
  multiply(out: DeviceBuffer, a: DeviceBuffer, b: DeviceBuffer, sizes: { length: number; accumulate?: boolean }): void;
  /** out[c] (+)= Σ_n x[n, c]; out f32. Bias gradients. */
  sumRows(out: DeviceBuffer, x: DeviceBuffer, sizes: RowSizes & { accumulate?: boolean }): void;
  /** x[n, c] += bias[c]. */
  addBias(x: DeviceBuffer, bias: DeviceBuffer, sizes: RowSizes): void;
  /** out[n, c] = a[n, c] · factors[c] (+ out); factors f32 [C], independent row strides. */
  scaleColumns(
    out: DeviceBuffer,
    a: DeviceBuffer,
    factors: DeviceBuffer,
    sizes: { N: number; C: number; ldOut?: number; ldA?: number; accumulate?: boolean },
  ): void;
  /** out[n, c] = factors[n] · a[n, c] (+ out); factors f32 [N], rows packed, any float types. */
  scaleRows(
    out: DeviceBuffer,
    a: DeviceBuffer,
    factors: DeviceBuffer,
    sizes: { N: number; C: number; accumulate?: boolean },
  ): void;
  /** out[n] = √Σ_c a[n, c]², or its reciprocal; out f32 [N], a any float type. */
  rowNorms(out: DeviceBuffer, a: DeviceBuffer, sizes: { N: number; C: number; isReciprocal?: boolean }): void;
  /** out[index] = Σ a². f32, accumulated in double. */
  sumSquares(out: DeviceBuffer, a: DeviceBuffer, sizes: { index: number; length: number }): void;
  /**
   * Inverted dropout: keeps element i with probability 1 − p, scaled by 1/(1 − p). The mask is a pure function of
   * (seed, i) (a counter-based generator), so the backward pass is the same call on the gradient.
   */
  dropout(out: DeviceBuffer, a: DeviceBuffer, sizes: { length: number; p: number; seed: number }): void;
  /** out = f(x); out may be x. */
  activate(out: DeviceBuffer, x: DeviceBuffer, sizes: { length: number; activation: Activation }): void;
  /** dX = dOut · f′(x); dX may be dOut. */
  activateBackward(
    dX: DeviceBuffer,
    dOut: DeviceBuffer,
    x: DeviceBuffer,
    sizes: { length: number; activation: Activation },
  ): void;
  /** out = silu(gate) ⊙ up, silu(x) = x/(1 + e^−x). gate and up rows have stride ldX, out is packed [N, C]. */
  swiglu(out: DeviceBuffer, gate: DeviceBuffer, up: DeviceBuffer, sizes: RowSizes): void;
  /** Replaces dGate and dUp (stride ldX). */
  swigluBackward(
    dGate: DeviceBuffer,
    dUp: DeviceBuffer,
    dOut: DeviceBuffer,
    gate: DeviceBuffer,
    up: DeviceBuffer,
    sizes: RowSizes,
  ): void;
  /** out = gelu(gate) ⊙ up, gelu(x) = x/2 · (1 + tanh(√(2/π)(x + 0.044715x³))); strides as `swiglu`. */
  geglu(out: DeviceBuffer, gate: DeviceBuffer, up: DeviceBuffer, sizes: RowSizes): void;
  /** Replaces dGate and dUp (stride ldX). */
  gegluBackward(
    dGate: DeviceBuffer,
    dUp: DeviceBuffer,
    dOut: DeviceBuffer,
    gate: DeviceBuffer,
    up: DeviceBuffer,
    sizes: RowSizes,
  ): void;
  /** out = cap · tanh(a/cap); out may be a. Gemma 2's logits. */
  softCap(out: DeviceBuffer, a: DeviceBuffer, sizes: { length: number; cap: number }): void;
  /** dA = dOut · (1 − (out/cap)²), from the capped values; dA may be dOut. */
  softCapBackward(
    dA: DeviceBuffer,
    dOut: DeviceBuffer,
    out: DeviceBuffer,
    sizes: { length: number; cap: number },
  ): void;
}
