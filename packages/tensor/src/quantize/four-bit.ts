/**
 * 4-bit weights byte for byte as bitsandbytes stores them: NF4 and FP4 codes over blocks of the flattened matrix, and the
 * optional second quantisation of the block maxima, as plain arrays; what multiplies with such weights is elsewhere.
 *
 * Sources: QLoRA (Dettmers et al. 2023), sections 2 and 3; bitsandbytes `functional.py` and `csrc/kernels.cu`.
 */
import type { DeviceBuffer, Kernels } from '@tuiqiao/kernels';
import { TensorError } from '../errors.ts';
import { dequantizeBlockwise, quantizeBlockwise } from './blockwise.ts';

export type FourBitType = 'nf4' | 'fp4';

/** Elements that share one maximum. */
export const FOUR_BIT_BLOCK = 64;
/** Maxima that share one second-level maximum. */
export const NESTED_BLOCK = 256;

/** Quantiles of N(0, 1) scaled to −1 … 1, with an exact zero; ascending. */
const NF4_CODE = Float32Array.of(
  -1,
  -0.6961928009986877,
  -0.5250730514526367,
  -0.39491748809814453,
  -0.28444138169288635,
  -0.18477343022823334,
  -0.09105003625154495,
  0,
  0.07958029955625534,
  0.16093020141124725,
  0.24611230194568634,
  0.33791524171829224,
  0.44070982933044434,
  0.5626170039176941,
  0.7229568362236023,
  1,
);

/** Sign, two bits of exponent, one of mantissa; index order, not sorted. */
const FP4_CODE = Float32Array.from(
  [0, 0.0625, 8, 12, 4, 6, 2, 3, 0, -0.0625, -8, -12, -4, -6, -2, -3],
  (value) => value / 12,
);

/** The first-level maxima, quantised to 8 bits: value = code[q] · maxima[⌊i/256⌋] + offset. */
export interface NestedMaxima {
  /** One code a block. */
  readonly codes: Uint8Array;
  /** One f32 a 256 codes. */
  readonly maxima: Float32Array;
  /** Mean of the maxima, taken off before quantising. */
  readonly offset: number;
}

export interface FourBitWeights {
  readonly type: FourBitType;
  /** Elements before packing. */
  readonly length: number;
  /** Two values a byte, the first in the high nibble; ⌈length/2⌉ bytes. */
  readonly packed: Uint8Array;
  /** |x| largest of each block of `FOUR_BIT_BLOCK`, or its quantised form (double quantisation). */
  readonly maxima: Float32Array | NestedMaxima;
}

/** The 16 values of a type by code. */
export function fourBitCode(type: FourBitType): Float32Array {
  return type === 'nf4' ? NF4_CODE : FP4_CODE;
}

/**
 * Each value becomes the code nearest to x / max|x| of its block (the lower on a tie). A block of zeros has maximum 0.
 * @param values the flattened matrix, row-major, of any float type; blocks run across row ends
 */
export async function quantizeFourBit(
  kernels: Kernels,
  values: DeviceBuffer,
  options: { type: FourBitType; doubleQuant?: boolean },
): Promise<FourBitWeights> {
  const { type, doubleQuant = false } = options;
  const { length } = values;
  const packed = kernels.allocate('u8', Math.ceil(length / 2));
  const absmax = kernels.allocate('f32', Math.ceil(length / FOUR_BIT_BLOCK));
  const code = kernels.allocate('f32', fourBitCode(type).length);
  kernels.write(code, fourBitCode(type));
  kernels.quantize4(packed, absmax, values, code, { length, blockSize: FOUR_BIT_BLOCK });
  const maxima = await kernels.read(absmax);
  return { type, length, packed: await kernels.readBytes(packed), maxima: doubleQuant ? nestMaxima(maxima) : maxima };
}

/** Values of `weights`, f32. @throws TensorError `tensor.shape` when bytes or maxima do not fit the length */
export function dequantizeFourBit(weights: FourBitWeights): Float32Array {
  const { length, packed } = weights;
  const maxima = blockMaxima(weights);
  if (packed.length !== Math.ceil(length / 2) || maxima.length !== Math.ceil(length / FOUR_BIT_BLOCK)) {
    throw new TensorError(
      'tensor.shape',
      `dequantizeFourBit: expected ${Math.ceil(length / 2)} bytes and ${Math.ceil(length / FOUR_BIT_BLOCK)} maxima for ${length} values, got ${packed.length} and ${maxima.length}`,
    );
  }
  const code = fourBitCode(weights.type);
  const values = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    const byte = packed[i >> 1]!;
    values[i] = code[i % 2 === 0 ? byte >> 4 : byte & 15]! * maxima[Math.floor(i / FOUR_BIT_BLOCK)]!;
  }
  return values;
}

/** The block maxima as f32, whether nested or not. */
export function blockMaxima({ maxima }: Pick<FourBitWeights, 'maxima'>): Float32Array {
  if (maxima instanceof Float32Array) return maxima;
  const restored = dequantizeBlockwise({ codes: maxima.codes, maxima: maxima.maxima, blockSize: NESTED_BLOCK });
  return restored.map((value) => value + maxima.offset);
}

function nestMaxima(maxima: Float32Array): NestedMaxima {
  const sum = maxima.reduce((total, value) => total + value, 0);
  const offset = maxima.length === 0 ? 0 : Math.fround(sum / maxima.length);
  const quantized = quantizeBlockwise(
    maxima.map((value) => value - offset),
    NESTED_BLOCK,
    { rounding: 'table' },
  );
  return { codes: quantized.codes, maxima: quantized.maxima, offset };
}
