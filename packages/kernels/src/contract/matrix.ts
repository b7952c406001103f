/** Matrix products, and weights of four and eight bits. Legend and rules: `../contract.ts`. */
import type { DeviceBuffer } from './buffers.ts';

/** `out = alpha · op(a) · op(b) (+ out)`, row-major. Leading dimensions default to the packed row length. */
export interface MatmulSizes {
  /** Rows of op(a) and out. */
  M: number;
  /** Columns of op(b) and out. */
  N: number;
  /** Columns of op(a), rows of op(b). */
  K: number;
  /** a is stored [K, M]. */
  transposeA?: boolean;
  /** b is stored [N, K] (a Hugging Face linear weight used forward). */
  transposeB?: boolean;
  /** Add to out instead of replacing it. */
  accumulate?: boolean;
  alpha?: number;
  ldA?: number;
  ldB?: number;
  ldOut?: number;
  /** b does not change between calls (frozen weights): an implementation may cache a packed copy of it. */
  isConstantB?: boolean;
}

/** 4-bit weights in blocks over the flattened matrix, as bitsandbytes keeps them. */
export interface Dequantize4Sizes {
  /** First element wanted, even. */
  offset: number;
  length: number;
  blockSize: number;
  /** Blocks that share one `nestedAbsmax`, and the mean that was taken off before; with double quantisation only. */
  nestedBlockSize?: number;
  nestedOffset?: number;
}

export interface MatrixKernels {
  /** a, b both f32 or both bf16; out f32 or bf16. */
  matmul(out: DeviceBuffer, a: DeviceBuffer, b: DeviceBuffer, sizes: MatmulSizes): void;
  /**
   * out[i] = code[nibble(offset + i)] · absmax[⌊(offset + i)/blockSize⌋]; of a byte of `packed` (u8) the high nibble comes
   * first. `absmax` is f32, or u8 with double quantisation: then absmax[b] = nestedCode[absmax[b]] ·
   * nestedAbsmax[⌊b/nestedBlockSize⌋] + nestedOffset. out any float type; code f32 [16], nestedCode f32 [256].
   */
  dequantize4(
    out: DeviceBuffer,
    packed: DeviceBuffer,
    absmax: DeviceBuffer,
    code: DeviceBuffer,
    nestedAbsmax: DeviceBuffer | null,
    nestedCode: DeviceBuffer | null,
    sizes: Dequantize4Sizes,
  ): void;
  /**
   * The inverse, for finite values: absmax[b] = max |a| over blocks of `blockSize` (even) values, and of every value the
   * code nearest to value/absmax in f32 (the lower code on a tie; 0 where absmax is 0), packed as above; the nibble left
   * over of an odd count is the code of 0. packed u8 [⌈length/2⌉], absmax f32, a any float type, code f32 [16] in any order:
   * of equal codes the later one is for values above.
   */
  quantize4(
    packed: DeviceBuffer,
    absmax: DeviceBuffer,
    a: DeviceBuffer,
    code: DeviceBuffer,
    sizes: { length: number; blockSize: number },
  ): void;
  /**
   * weight [N, K] (any float type, K a multiple of 32) in 8-bit blocks as llama.cpp's Q8_0: scale = max |x| / 127 over 32
   * neighbours of a row, code = round(x/scale). codes u8 [16⌈N/16⌉·K], scales f32 [16⌈N/16⌉·K/32], both in the order
   * that `matmul8` reads. Blocks that were Q8_0 before keep their codes and scales.
   */
  quantize8(codes: DeviceBuffer, scales: DeviceBuffer, weight: DeviceBuffer, sizes: { N: number; K: number }): void;
  /**
   * out[M, N] = a · weightᵀ (+ out) with a weight from `quantize8`; rows of a are brought into the same blocks first, sums of
   * a block are exact. out, a any float type; rows of a are packed.
   */
  matmul8(
    out: DeviceBuffer,
    a: DeviceBuffer,
    codes: DeviceBuffer,
    scales: DeviceBuffer,
    sizes: { M: number; N: number; K: number; ldOut?: number; accumulate?: boolean },
  ): void;
}
