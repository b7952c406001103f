/**
 * Step-scoped memory: allocations are cut from a few large slabs and all freed together by `reset`, so that a training
 * step neither calls the system allocator nor leaves work to the JavaScript collector.
 */
import type { DeviceBuffer, DType, Kernels } from '@tuiqiao/kernels';

export interface Arena {
  /** Zeroed unless `isZeroed` is false (for buffers the next kernel overwrites entirely). */
  allocate(dtype: DType, length: number, isZeroed?: boolean): DeviceBuffer;
  /** Makes all memory reusable; buffers handed out before must not be used again. */
  reset(): void;
  readonly sizeBytes: number;
}

export type CreateArena = (kernels: Kernels) => Arena;
