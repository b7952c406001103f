/** Buffers: made, filled, read. Legend and rules: `../contract.ts`. */
import type { DeviceBuffer, DType } from './buffers.ts';

export interface MemoryKernels {
  /** Zeroed, 64-byte aligned; lives until the buffer and all its views are unreachable. */
  allocate(dtype: DType, length: number): DeviceBuffer;
  /**
   * The same in a mapped temporary file that the system may page out, for state too large for memory; ordinary memory
   * where `features.hasPagedMemory` is false. The file is removed from `folder` at once and its space freed with the buffer.
   */
  allocatePaged(dtype: DType, length: number, folder: string): DeviceBuffer;
  /**
   * `length` numbers that lie in a file from byte `offset` on, little-endian, without a copy: pages are read when first
   * touched and shared with other processes; what is written stays in this buffer. Null where that cannot be done
   * (unaligned offset, no mapping of files): read and `write` them then. The file must not be cut short meanwhile.
   */
  mapFile(dtype: DType, file: string, offset: number, length: number): DeviceBuffer | null;
  /** Copies numbers in, converting to the buffer's type. `data.length` ≤ `out.length`. */
  write(out: DeviceBuffer, data: Float32Array | Float64Array | Int32Array | readonly number[]): void;
  /** Copies raw bf16 bits in (`out` is bf16). */
  writeBf16Bits(out: DeviceBuffer, bits: Uint16Array): void;
  /** A copy as f32 (i32 buffers as Int32Array through `readInts`). */
  read(buffer: DeviceBuffer): Promise<Float32Array>;
  readInts(buffer: DeviceBuffer): Promise<Int32Array>;
  /** Raw bytes, little-endian, as they lie in memory: for bit-exact checkpoints. */
  readBytes(buffer: DeviceBuffer): Promise<Uint8Array>;
  writeBytes(out: DeviceBuffer, bytes: Uint8Array): void;
}
