import { createKernelLedger, createReferenceKernels } from '@tuiqiao/kernels';
import { describe, expect, it } from 'vitest';
import { createArena } from './arena.ts';

const kernels = createReferenceKernels();

describe('createArena', () => {
  it('gives buffers that do not overlap, of any type and size', async () => {
    const arena = createArena(kernels);
    const buffers = [1, 300_000, 17, 0, 2_000_000].flatMap((length) =>
      (['f32', 'bf16', 'i32'] as const).map((dtype) => arena.allocate(dtype, length)),
    );
    for (const [i, buffer] of buffers.entries()) kernels.fill(buffer, i);
    for (const [i, buffer] of buffers.entries()) {
      const values = buffer.dtype === 'i32' ? await kernels.readInts(buffer) : await kernels.read(buffer);
      expect(values.every((x) => x === i)).toBe(true);
    }
  });

  it('zeroes memory it hands out again, unless told not to', async () => {
    const arena = createArena(kernels);
    kernels.fill(arena.allocate('f32', 100), 7);
    arena.reset();
    expect((await kernels.read(arena.allocate('f32', 100))).every((x) => x === 0)).toBe(true);
    arena.reset();
    kernels.fill(arena.allocate('f32', 100), 7);
    arena.reset();
    expect((await kernels.read(arena.allocate('f32', 100, false))).every((x) => x === 7)).toBe(true);
  });

  it('does not grow when the same step runs again', () => {
    const arena = createArena(kernels);
    const step = () => {
      arena.reset();
      for (let i = 0; i < 50; i++) {
        arena.allocate('f32', 10_000 + i);
        arena.allocate('bf16', 70_000);
      }
    };
    step();
    const { sizeBytes } = arena;
    for (let i = 0; i < 5; i++) step();
    expect(arena.sizeBytes).toBe(sizeBytes);
    expect(sizeBytes).toBeGreaterThan(50 * (4 * 10_000 + 2 * 70_000));
  });

  it('hardly grows with steps of other lengths, large blocks among small ones', async () => {
    // Kernels that only keep account of what is touched.
    const ledger = createKernelLedger(kernels.features);
    const arena = createArena(ledger.kernels);
    const step = (rows: number) => {
      arena.reset();
      for (let layer = 0; layer < 28; layer++) arena.allocate('f32', 3000 * rows);
      for (const width of [150_000, 1000, 200_000]) arena.allocate('f32', width * 250 + rows);
    };
    step(1000);
    const first = (await ledger.measure()).allocated;
    for (const rows of [1040, 1010, 1030, 970, 1020, 990]) step(rows);
    expect((await ledger.measure()).allocated).toBeLessThan(1.1 * first);
    expect(arena.sizeBytes).toBeGreaterThan(0);
  });

  it('holds one memory for large blocks of many lengths, one after another', async () => {
    const arena = createArena(kernels);
    for (const length of [17_000_000, 18_000_000, 17_500_000, 22_000_000]) {
      arena.reset();
      const first = arena.allocate('f32', length, false);
      arena.release(first);
      const second = arena.allocate('f32', length - 5, false);
      expect(second.length).toBe(length - 5);
    }
    expect(arena.sizeBytes).toBe(4 * 22_000_000 * 1.125);
    const third = arena.allocate('f32', 17_000_000);
    kernels.fill(third, 1);
    expect(arena.sizeBytes).toBe(4 * (22_000_000 + 17_000_000) * 1.125);
  });

  it('gives a released block to the next allocation of its size, and ignores foreign and repeated releases', async () => {
    const arena = createArena(kernels);
    const first = arena.allocate('f32', 5000);
    arena.release(first);
    arena.release(first);
    arena.release(kernels.allocate('f32', 5000));
    const second = arena.allocate('f32', 5000);
    const third = arena.allocate('f32', 5000);
    kernels.fill(second, 1);
    kernels.fill(third, 2);
    expect((await kernels.read(second)).every((x) => x === 1)).toBe(true);
    const { sizeBytes } = arena;
    for (let i = 0; i < 10_000; i++) arena.release(arena.allocate('f32', 5000));
    expect(arena.sizeBytes).toBe(sizeBytes);
  });

  it('keeps its views from step to step where it is told to, and no block overlaps another', async () => {
    const arena = createArena(kernels, { keepsViews: true });
    const step = (lengths: readonly number[]) => {
      arena.reset();
      return lengths.map((length) => arena.allocate('f32', length));
    };
    const first = step([100, 300_000, 7]);
    const again = step([100, 300_000, 7]);
    for (const [i, buffer] of again.entries()) expect(buffer).toBe(first[i]);
    const other = step([90, 300_000, 0, 7, 1_000_000]);
    expect(other.map(({ length }) => length)).toEqual([90, 300_000, 0, 7, 1_000_000]);
    expect(other[0]).not.toBe(first[0]);
    for (const [i, buffer] of other.entries()) kernels.fill(buffer, i + 1);
    for (const [i, buffer] of other.entries()) {
      expect((await kernels.read(buffer)).every((x) => x === i + 1)).toBe(true);
    }
  });
});
