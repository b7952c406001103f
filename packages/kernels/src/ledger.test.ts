import { describe, expect, it } from 'vitest';
import type { DeviceBuffer, KernelFeatures } from './contract.ts';
import { createKernelLedger, timedKernels } from './ledger.ts';
import { createReferenceKernels } from './reference.ts';

const NATIVE: KernelFeatures = {
  ...createReferenceKernels().features,
  name: 'native',
  gemm: 'oneDNN',
  hasPagedMemory: true,
};

describe('the ledger', () => {
  it('counts memory once it is used, by kind', async () => {
    const { kernels, measure } = createKernelLedger(NATIVE);
    const [a, b] = [kernels.allocate('f32', 1000), kernels.allocate('bf16', 1000)];
    const held: DeviceBuffer[] = [
      a,
      b,
      kernels.mapFile('bf16', 'weights', 0, 100)!,
      kernels.allocatePaged('u8', 7, ''),
    ];
    expect(await measure()).toEqual({ allocated: 0, mapped: 0, paged: 0, packed: 0 });
    kernels.scale(a, b, { length: 1000, alpha: 1 });
    for (const buffer of held.slice(2)) kernels.fill(buffer, 0);
    expect(await measure()).toEqual({ allocated: 6000, mapped: 200, paged: 7, packed: 0 });
  });

  it('counts of a slab what was cut from it, and forgets what nobody holds', async () => {
    const { kernels, measure } = createKernelLedger(NATIVE);
    const slab = kernels.allocate('f32', 1 << 20);
    kernels.fill(slab.view(0, 100), 0);
    kernels.fill(slab.view(100, 50), 0);
    (() => kernels.fill(kernels.allocate('f32', 500), 0))();
    expect(await measure()).toMatchObject({ allocated: 600 });
    expect(slab.length).toBe(1 << 20);
  });

  it('counts the packed copies of constant f32 weights, one a direction', async () => {
    const { kernels, measure } = createKernelLedger(NATIVE);
    const [x, y, w] = [kernels.allocate('f32', 8), kernels.allocate('f32', 8), kernels.allocate('f32', 16)];
    for (const M of [1, 2]) kernels.matmul(y, x, w, { M, N: 4, K: 4, transposeB: true, isConstantB: true });
    kernels.matmul(y, x, w, { M: 1, N: 4, K: 4, isConstantB: true });
    expect(await measure()).toMatchObject({ packed: 2 * 64 });
    expect(w.length).toBe(16);
  });

  it('counts matrices that are given one by one, and calls of as many as one kind', async () => {
    const { kernels, measure, takeCalls } = createKernelLedger(NATIVE);
    const [x, y, offsets] = [kernels.allocate('f32', 4), kernels.allocate('f32', 4), kernels.allocate('i32', 4)];
    const matrices = [0, 1].map(() => kernels.allocate('f32', 16));
    for (const b of [
      [matrices[0]!, null, matrices[1]!],
      [null, ...matrices],
    ]) {
      kernels.expertMatmul(y, x, b, offsets, { E: 3, N: 4, K: 4 });
    }
    expect(await measure()).toMatchObject({ allocated: 4 * (4 + 4 + 4 + 16 + 16) });
    expect([...takeCalls().values()]).toEqual([2]);
  });

  it('counts calls by what their time depends on, reads zeros, and maps nothing that lies unevenly', async () => {
    const { kernels, takeCalls } = createKernelLedger(NATIVE);
    const x = kernels.allocate('f32', 4);
    kernels.dropout(x, x, { length: 4, p: 0.1, seed: 1 });
    kernels.dropout(x, x, { length: 4, p: 0.1, seed: 2 });
    kernels.fill(x, 1);
    expect([...takeCalls().values()]).toEqual([2, 1]);
    expect(takeCalls().size).toBe(0);
    expect(await kernels.read(x)).toEqual(new Float32Array(4));
    expect(kernels.mapFile('bf16', 'weights', 1, 4)).toBeNull();
  });
});

describe('timed kernels', () => {
  it('compute as before, and tell the mean of every kind of call by the clock given', async () => {
    let now = 0;
    const real = createReferenceKernels();
    const slow = new Proxy(real, {
      get: (target, name) => {
        if (name === 'fill') now += 3;
        return Reflect.get(target, name);
      },
    });
    const clock = timedKernels(slow, () => now++);
    const x = clock.kernels.allocate('f32', 2);
    clock.kernels.fill(x, 5);
    expect(clock.totalSeconds()).toBe(0);
    clock.start();
    clock.kernels.fill(x, 6);
    clock.kernels.add(x, x, x, { length: 2 });
    clock.stop();
    clock.kernels.fill(x, 7);
    expect([...clock.times().values()]).toEqual([1, 1]);
    expect(clock.totalSeconds()).toBe(2);
    expect(await clock.kernels.read(x)).toEqual(Float32Array.of(7, 7));
  });
});
