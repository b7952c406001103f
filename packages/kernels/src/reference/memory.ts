/**
 * Memory of the reference kernels, and the two helpers every reference kernel uses: `toFloats` gives numbers to compute
 * with, `storeFloats` puts them back. For f32 both are free (the buffer's own array); bf16 is decoded and rounded.
 * Decoding and re-encoding an untouched bf16 element is exact, so strided outputs may be handled as whole runs.
 */
import type { DeviceBuffer, DType } from '../contract.ts';
import { asHost, bytesPerElement, HostBuffer, hostArray, toBf16Bits } from '../host-buffer.ts';

/** The first `length` elements as numbers: the array itself for f32, a decoded copy for bf16. */
export function toFloats(buffer: DeviceBuffer, length: number = buffer.length): Float32Array {
  const { dtype, array } = asHost(buffer);
  if (dtype === 'f32') return array as Float32Array;
  if (dtype !== 'bf16') throw new TypeError(`reference kernels: expected a float buffer, got ${dtype}`);
  return decodeBf16(array as Uint16Array, 0, length);
}

/** `length` elements from `offset` on, as numbers; for rows of a large table. f32 shares memory, bf16 is a copy. */
export function toFloatRow(buffer: DeviceBuffer, offset: number, length: number): Float32Array {
  const { dtype, array } = asHost(buffer);
  if (dtype === 'f32') return (array as Float32Array).subarray(offset, offset + length);
  return decodeBf16(array as Uint16Array, offset, length);
}

function decodeBf16(bits: Uint16Array, offset: number, length: number): Float32Array {
  const out = new Float32Array(length);
  const words = new Uint32Array(out.buffer);
  for (let i = 0; i < length; i++) words[i] = bits[offset + i]! << 16;
  return out;
}

/** Writes `values` to the buffer from `offset` on, rounding to its type; nothing to do when it already is its array. */
export function storeFloats(buffer: DeviceBuffer, values: Float32Array, offset = 0): void {
  const { dtype, array } = asHost(buffer);
  if (dtype === 'bf16') {
    encodeBf16(array as Uint16Array, values, offset);
  } else if (array !== values) {
    (array as Float32Array).set(values, offset);
  }
}

/**
 * As `storeFloats`, but only the C columns of each of the N rows, `ld` apart: for kernels with several strided outputs,
 * which may be column slices of one buffer and were decoded before any of them was written.
 */
export function storeRows(
  buffer: DeviceBuffer,
  values: Float32Array,
  sizes: { N: number; C: number; ld: number },
): void {
  const { N, C, ld } = sizes;
  if (asHost(buffer).array === values) return;
  for (let n = 0; n < N; n++) storeFloats(buffer, values.subarray(n * ld, n * ld + C), n * ld);
}

/** As `toBf16Bits`, over a run. */
function encodeBf16(bits: Uint16Array, values: Float32Array, offset: number): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    bits[offset + i] =
      (word & 0x7fffffff) > 0x7f800000 ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
}

export function toInts(buffer: DeviceBuffer): Int32Array {
  const { dtype, array } = asHost(buffer);
  if (dtype !== 'i32') throw new TypeError(`reference kernels: expected an i32 buffer, got ${dtype}`);
  return array as Int32Array;
}

/**
 * Memory for gradient checks: "f32" buffers hold doubles, so that central differences are exact to many digits. bf16 is
 * refused.
 */
export function allocateDouble(dtype: DType, length: number): HostBuffer {
  if (dtype === 'i32' || dtype === 'u8') return allocate(dtype, length);
  if (dtype === 'bf16') throw new TypeError('reference kernels: expected f32 or i32 in double precision, got bf16');
  return new HostBuffer(dtype, new Float64Array(length) as unknown as Float32Array);
}

export function allocate(dtype: DType, length: number): HostBuffer {
  return new HostBuffer(dtype, hostArray(dtype, new ArrayBuffer(length * bytesPerElement(dtype)), 0, length));
}

export function write(out: DeviceBuffer, data: Float32Array | Float64Array | Int32Array | readonly number[]): void {
  const { dtype, array } = asHost(out);
  if (dtype === 'bf16') {
    for (let i = 0; i < data.length; i++) array[i] = toBf16Bits(data[i]!);
  } else {
    array.set(data);
  }
}

export function writeBf16Bits(out: DeviceBuffer, bits: Uint16Array): void {
  asHost(out).array.set(bits);
}

export async function read(buffer: DeviceBuffer): Promise<Float32Array> {
  return toFloats(buffer).slice();
}

export async function readInts(buffer: DeviceBuffer): Promise<Int32Array> {
  return toInts(buffer).slice();
}

function bytesOf(buffer: DeviceBuffer): Uint8Array {
  const { array } = asHost(buffer);
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

export async function readBytes(buffer: DeviceBuffer): Promise<Uint8Array> {
  return bytesOf(buffer).slice();
}

export function writeBytes(out: DeviceBuffer, bytes: Uint8Array): void {
  bytesOf(out).set(bytes);
}
