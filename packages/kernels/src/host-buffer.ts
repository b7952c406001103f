/**
 * The buffer both host implementations share: a typed array over memory the processor reaches directly. bf16 is kept
 * as its bits in a Uint16Array. Kernels reach the memory through `array`; nothing else is needed.
 */
import type { DeviceBuffer, DType } from './contract.ts';

export type HostArray = Float32Array | Uint16Array | Int32Array | Uint8Array;

const BYTES_PER_ELEMENT = { f32: 4, bf16: 2, i32: 4, u8: 1 } as const satisfies Record<DType, number>;

/** Size of one element in bytes. */
export function bytesPerElement(dtype: DType): number {
  return BYTES_PER_ELEMENT[dtype];
}

/** The typed array for `length` elements of `dtype` at a byte offset of `memory`. */
export function hostArray(dtype: DType, memory: ArrayBufferLike, byteOffset: number, length: number): HostArray {
  switch (dtype) {
    case 'f32':
      return new Float32Array(memory, byteOffset, length);
    case 'bf16':
      return new Uint16Array(memory, byteOffset, length);
    case 'i32':
      return new Int32Array(memory, byteOffset, length);
    case 'u8':
      return new Uint8Array(memory, byteOffset, length);
    default:
      return dtype satisfies never;
  }
}

export class HostBuffer implements DeviceBuffer {
  readonly dtype: DType;
  readonly length: number;
  /** f32: the numbers; bf16: their bits; i32, u8: the integers. Views share its memory. */
  readonly array: HostArray;

  constructor(dtype: DType, array: HostArray) {
    this.dtype = dtype;
    this.length = array.length;
    this.array = array;
  }

  /** `length` elements from `offset` on; shares memory. */
  view(offset: number, length: number): HostBuffer {
    if (offset < 0 || length < 0 || offset + length > this.length) {
      throw new RangeError(
        `view: expected offset + length ≤ ${this.length}, got offset ${offset} and length ${length}`,
      );
    }
    return new HostBuffer(this.dtype, this.array.subarray(offset, offset + length));
  }
}

/** The buffer as a host buffer; buffers of these kernels always are. */
export function asHost(buffer: DeviceBuffer): HostBuffer {
  if (buffer instanceof HostBuffer) return buffer;
  throw new TypeError('kernels: expected a buffer allocated by host kernels, got another implementation’s');
}

const scratchFloat = new Float32Array(1);
const scratchBits = new Uint32Array(scratchFloat.buffer);

/** Bits of the bf16 nearest to `x` (ties to even). NaN stays NaN (made quiet), overflow becomes infinity. */
export function toBf16Bits(x: number): number {
  scratchFloat[0] = x;
  const bits = scratchBits[0]!;
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** The number whose bf16 bits are `bits`; exact. */
export function fromBf16Bits(bits: number): number {
  scratchBits[0] = bits << 16;
  return scratchFloat[0]!;
}
