/**
 * The shape of the shared cases: named buffers, a forward call, and where there is one its backward call. Everything a
 * test does with a case (native = reference, gradient = central differences) follows from this description.
 */
import type { DeviceBuffer, DType, FloatType, Kernels } from '../../src/contract.ts';

export type Buffers = Readonly<Record<string, DeviceBuffer>>;

export interface BufferSpec {
  readonly dtype: DType;
  /** Length, filled with random numbers in −1 … 1 (integers: 0); or the values. */
  readonly values: number | readonly number[];
}

export interface KernelCase {
  readonly name: string;
  readonly buffers: Readonly<Record<string, BufferSpec>>;
  forward(kernels: Kernels, buffers: Buffers): void;
  /** Present when the kernel has a gradient. */
  backward?(kernels: Kernels, buffers: Buffers): void;
  /** Output buffer → buffer of its incoming gradient. */
  readonly seeds?: Readonly<Record<string, string>>;
  /** Input buffer → buffer its gradient goes to. */
  readonly gradients?: Readonly<Record<string, string>>;
  /** Gradient buffers the backward call adds to; it replaces the others. */
  readonly accumulated?: readonly string[];
}

/** A list of cases for one activation type. */
export type CaseList = (type: FloatType) => KernelCase[];

/** A buffer of `length` random numbers. */
export function floats(dtype: FloatType, length: number): BufferSpec {
  return { dtype, values: length };
}

export function values(dtype: FloatType, numbers: readonly number[]): BufferSpec {
  return { dtype, values: numbers };
}

export function ints(numbers: readonly number[]): BufferSpec {
  return { dtype: 'i32', values: numbers };
}

/** Elements spanned by N rows of C, `ld` apart, with a ragged end so that an overrun is seen. */
export function strided(N: number, C: number, ld: number): number {
  return N === 0 ? 0 : (N - 1) * ld + C;
}
