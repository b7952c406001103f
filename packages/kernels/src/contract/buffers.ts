/** What kernels work on, and what a set of them says of itself. */

export type FloatType = 'f32' | 'bf16';
export type DType = FloatType | 'i32' | 'u8';

/**
 * A run of numbers the kernels can reach: off the JavaScript heap, 64-byte aligned at allocation, zeroed.
 * `view` shares memory and does not own it.
 */
export interface DeviceBuffer {
  readonly dtype: DType;
  readonly length: number;
  view(offset: number, length: number): DeviceBuffer;
}

export interface KernelFeatures {
  /** Which implementation answers. */
  readonly name: 'native' | 'reference';
  /** e.g. `oneDNN 2.6.3`, `portable`, `reference`. */
  readonly gemm: string;
  /** True where bf16 matrix products are faster than f32 (AVX512-BF16, AMX). */
  readonly hasFastBf16: boolean;
  /** Instruction set in use: `amx_bf16`, `avx512_bf16`, `avx2` or `generic`. */
  readonly isa: string;
  readonly threads: number;
  /** True where `allocatePaged` gives memory backed by a file. */
  readonly hasPagedMemory: boolean;
}
