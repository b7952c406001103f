/**
 * Step-scoped memory: allocations are cut from a few large slabs and all freed together by `reset`, so that a training
 * step neither calls the system allocator nor leaves work to the JavaScript collector. Inside a step, `release` hands a
 * block back early: the backward pass of one layer then lives in the memory of the layer above it, and in its cache.
 */
import type { DeviceBuffer, DType, Kernels } from '@tuiqiao/kernels';

export interface Arena {
  /** Zeroed unless `isZeroed` is false (for buffers the next kernel overwrites entirely). */
  allocate(dtype: DType, length: number, isZeroed?: boolean): DeviceBuffer;
  /**
   * Gives back a buffer that `allocate` returned (not a view of it): the next allocation of its size may get its memory.
   * Buffers of another arena, or already released, are ignored.
   */
  release(buffer: DeviceBuffer): void;
  /** Makes all memory reusable; buffers handed out before must not be used again. */
  reset(): void;
  /** Memory held, in bytes: the high-water mark. */
  readonly sizeBytes: number;
}

export interface ArenaOptions {
  /**
   * A block where one of the same length lay before is the same buffer: a step that is short and much like the last one
   * makes no garbage. Nothing may then be released after `reset` that was handed out before. Default false.
   */
  readonly keepsViews?: boolean;
}

export type CreateArena = (kernels: Kernels, options?: ArenaOptions) => Arena;

/** First slab of a type; later ones double up to the common size, so that a small run stays small. */
const FIRST_SLAB_BYTES = 1 << 20;
const COMMON_SLAB_BYTES = 1 << 27;
/** A block above this has memory of its own: slabs would end where it does not fit, one step here and another there. */
const LARGE_BYTES = 1 << 26;
const LARGE_ROOM = 1.125;
/** Blocks start on cache lines, as vector loads and stores like it. */
const ALIGNMENT_BYTES = 64;

const BYTES: Readonly<Record<DType, number>> = { f32: 4, bf16: 2, i32: 4, u8: 1 };

interface Slab {
  readonly buffer: DeviceBuffer;
  used: number;
  /** By where they begin. */
  readonly views: Map<number, DeviceBuffer>;
}

/** Slabs of one element type, the blocks given back within this step by length, and large blocks that are not in use. */
interface Pool {
  readonly slabs: Slab[];
  readonly free: Map<number, DeviceBuffer[]>;
  readonly idleLarge: DeviceBuffer[];
}

/** An empty arena over the memory of `kernels`; it grows as needed and never shrinks. */
export function createArena(kernels: Kernels, { keepsViews = false }: ArenaOptions = {}): Arena {
  const pools: Record<DType, Pool> = { f32: createPool(), bf16: createPool(), i32: createPool(), u8: createPool() };
  const live = new Set<DeviceBuffer>();
  /** Large blocks in use, and the memory of each. */
  const large = new Map<DeviceBuffer, DeviceBuffer>();
  let sizeBytes = 0;

  function viewOf({ buffer, used, views }: Slab, length: number): DeviceBuffer {
    if (!keepsViews) return buffer.view(used, length);
    const known = views.get(used);
    if (known?.length === length) return known;
    const view = buffer.view(used, length);
    views.set(used, view);
    return view;
  }

  function cut(dtype: DType, pool: Pool, length: number): DeviceBuffer {
    const step = ALIGNMENT_BYTES / BYTES[dtype];
    const padded = Math.ceil(length / step) * step;
    // First fit: behind a large block there is room in the slabs before it.
    for (const slab of pool.slabs) {
      if (slab.used + padded > slab.buffer.length) continue;
      const block = viewOf(slab, length);
      slab.used += padded;
      return block;
    }
    const doubled = Math.min(FIRST_SLAB_BYTES * 2 ** pool.slabs.length, COMMON_SLAB_BYTES) / BYTES[dtype];
    // Steps differ in length: a slab cut to one block would be too short for that of a longer step. What is never used
    // of a slab is never touched, and so takes no memory.
    const slabLength = Math.max(2 ** Math.ceil(Math.log2(padded)), doubled);
    const buffer = kernels.allocate(dtype, slabLength);
    sizeBytes += slabLength * BYTES[dtype];
    const slab = { buffer, used: 0, views: new Map() };
    pool.slabs.push(slab);
    const block = viewOf(slab, length);
    slab.used = padded;
    return block;
  }

  /** The idle one of nearest length; in its place a new one where it is too short. */
  function takeLarge(dtype: DType, { idleLarge }: Pool, length: number): DeviceBuffer {
    const distance = (memory: DeviceBuffer) => Math.abs(memory.length - length);
    const nearest = idleLarge.reduce(
      (best, memory, i) => (distance(memory) < distance(idleLarge[best]!) ? i : best),
      0,
    );
    let memory = idleLarge.splice(nearest, 1)[0];
    if (memory === undefined || memory.length < length) {
      // Steps differ in length: what is never used of the room for a longer one is never touched, and takes no memory.
      const roomy = Math.ceil(length * LARGE_ROOM);
      sizeBytes += (roomy - (memory?.length ?? 0)) * BYTES[dtype];
      memory = kernels.allocate(dtype, roomy);
    }
    const block = memory.view(0, length);
    large.set(block, memory);
    return block;
  }

  function putBack(memory: DeviceBuffer): void {
    pools[memory.dtype].idleLarge.push(memory);
  }

  return {
    allocate(dtype, length, isZeroed = true) {
      const pool = pools[dtype];
      const isLarge = length * BYTES[dtype] > LARGE_BYTES;
      const block = isLarge
        ? takeLarge(dtype, pool, length)
        : (pool.free.get(length)?.pop() ?? cut(dtype, pool, length));
      live.add(block);
      if (isZeroed && length > 0) kernels.fill(block, 0);
      return block;
    },
    release(buffer) {
      if (!live.delete(buffer)) return;
      const memory = large.get(buffer);
      if (memory !== undefined) {
        large.delete(buffer);
        putBack(memory);
        return;
      }
      const { free } = pools[buffer.dtype];
      const blocks = free.get(buffer.length);
      if (blocks === undefined) free.set(buffer.length, [buffer]);
      else blocks.push(buffer);
    },
    reset() {
      live.clear();
      for (const memory of large.values()) putBack(memory);
      large.clear();
      for (const pool of Object.values(pools)) {
        pool.free.clear();
        for (const slab of pool.slabs) slab.used = 0;
      }
    },
    get sizeBytes() {
      return sizeBytes;
    },
  };
}

function createPool(): Pool {
  return { slabs: [], free: new Map(), idleLarge: [] };
}
