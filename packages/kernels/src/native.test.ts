import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { attentionCases } from '../test/cases/attention.case.ts';
import { elementwiseCases } from '../test/cases/elementwise.case.ts';
import { headCases } from '../test/cases/head.case.ts';
import { matmulCases } from '../test/cases/matmul.case.ts';
import { normCases } from '../test/cases/norm.case.ts';
import { errorOf, runCase } from '../test/run-case.ts';
import type { FloatType } from './contract.ts';
import { KernelsError } from './errors.ts';
import { createNativeKernels, measureGemmPeak, type NativeKernelOptions } from './native.ts';
import { createReferenceKernels } from './reference.ts';

const reference = createReferenceKernels();

/** The best set is the shared test's; instruction sets the processor lacks are left out. */
const VARIANTS: NativeKernelOptions[] = [
  ...['generic', 'avx2'].map((isa) => ({ isa, gemm: 'portable', threads: 3 }) as const),
  ...['avx512_bf16', 'amx_bf16'].map((isa) => ({ isa, threads: 3 })),
];
const isBuilt = loads({});

function loads(options: NativeKernelOptions): boolean {
  try {
    createNativeKernels(options);
    return true;
  } catch {
    return false;
  }
}

/** Numbers in −1 … 1 that are the same on every run (a linear congruential generator). */
function randomNumbers(length: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
}

/** One list of every test, so that every kernel of every instruction set this processor has is run. */
const GROUPS = { elementwiseCases, matmulCases, normCases, attentionCases, headCases };

describe.skipIf(!isBuilt)('kernels of every instruction set equal the reference', () => {
  for (const options of VARIANTS.filter(loads)) {
    for (const type of ['f32', 'bf16'] as const satisfies readonly FloatType[]) {
      it.each(Object.entries(GROUPS))(`${options.isa}, ${type}, %s`, (_, list) => {
        const native = createNativeKernels(options);
        for (const entry of list(type)) {
          const expected = runCase(reference, entry);
          const actual = runCase(native, entry);
          for (const [name, buffer] of Object.entries(expected)) {
            expect(errorOf(actual[name]!, buffer), `${entry.name}: ${name}`).toBeLessThanOrEqual(1);
          }
        }
      });
    }
  }
});

describe.skipIf(!isBuilt)('native kernels', () => {
  it('say what answers', () => {
    expect(createNativeKernels({ threads: 2 }).features).toMatchObject({ name: 'native', threads: 2 });
    expect(createNativeKernels({ gemm: 'portable' }).features).toMatchObject({ gemm: 'portable', hasFastBf16: false });
    expect(createNativeKernels().features.threads).toBeGreaterThan(0);
    expect(() => createNativeKernels({ threads: 1.5 })).toThrow(KernelsError);
    expect(() => createNativeKernels({ isa: 'mmx' })).toThrow('mmx');
  });

  it('allocate zeroed, aligned memory of any size', async () => {
    const native = createNativeKernels();
    for (const length of [0, 1, 1000, 3_000_001]) {
      const buffer = native.allocate('f32', length);
      expect(buffer.length).toBe(length);
      expect((await native.read(buffer)).every((x) => x === 0)).toBe(true);
    }
  });

  it('use the numbers of a file where they lie, and leave the file as it is', async () => {
    const native = createNativeKernels();
    const folder = await mkdtemp(path.join(tmpdir(), 'mapped-'));
    try {
      const file = path.join(folder, 'numbers');
      const numbers = Float32Array.from({ length: 3000 }, (_, i) => i);
      await writeFile(file, numbers);
      const mapped = native.mapFile('f32', file, 4 * 1500, 1500);
      expect(mapped).not.toBeNull();
      expect((await native.read(mapped!))[7]).toBe(1507);
      native.fill(mapped!, 3);
      expect((await native.read(mapped!))[7]).toBe(3);
      expect((await readFile(file)).readFloatLE(4 * 1507)).toBe(1507);
      expect(native.mapFile('f32', file, 2, 10)).toBeNull();
      expect(native.mapFile('f32', path.join(folder, 'absent'), 0, 10)).toBeNull();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('notice that a constant operand was written', async () => {
    const native = createNativeKernels();
    const a = native.allocate('f32', 64);
    const w = native.allocate('f32', 64 * 64);
    const out = native.allocate('f32', 64);
    const product = async (): Promise<number> => {
      native.matmul(out, a, w, { M: 1, N: 64, K: 64, transposeB: true, isConstantB: true });
      return (await native.read(out))[63]!;
    };
    native.fill(a, 1);
    native.fill(w, 1);
    expect(await product()).toBe(64);
    native.write(w.view(64 * 63, 64), new Float32Array(64).fill(2));
    expect(await product()).toBe(128);
    native.scale(w, w, { length: w.length, alpha: 0.5 });
    expect(await product()).toBe(64);
    native.writeBytes(w, new Uint8Array(64 * 64 * 4));
    expect(await product()).toBe(0);
  });

  it('keep NaN and infinity', async () => {
    const native = createNativeKernels();
    const numbers = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-40, -3];
    for (const dtype of ['f32', 'bf16'] as const) {
      const buffer = native.allocate(dtype, numbers.length);
      native.write(buffer, numbers);
      const back = [...(await native.read(buffer))];
      expect(back.slice(0, 3)).toEqual(numbers.slice(0, 3));
      const logits = native.allocate(dtype, 20);
      native.write(logits, new Float32Array(20).fill(1));
      native.write(logits.view(7, 1), [Number.NaN]);
      const logProbs = native.allocate('f32', 1);
      const lse = native.allocate('f32', 1);
      native.tokenLogProbs(logProbs, lse, null, null, null, logits, native.allocate('i32', 1), { R: 1, V: 20 });
      expect(await native.read(logProbs)).toEqual(Float32Array.of(Number.NaN));
    }
  });

  it('give the same bits twice', async () => {
    const native = createNativeKernels({ threads: 2 });
    const [N, C, V] = [700, 96, 301];
    const x = native.allocate('bf16', N * C);
    native.write(x, randomNumbers(N * C, 5));
    const ids = native.allocate('i32', N);
    native.write(
      ids,
      Int32Array.from({ length: N }, (_, i) => (i * i) % V),
    );
    const weight = native.allocate('f32', C);
    native.fill(weight, 1.5);
    const run = async (): Promise<Uint8Array[]> => {
      const out = native.allocate('bf16', N * C);
      const rstd = native.allocate('f32', N);
      const dX = native.allocate('f32', N * C);
      const dWeight = native.allocate('f32', C);
      const dTable = native.allocate('f32', V * C);
      const product = native.allocate('f32', C * C);
      native.rmsNorm(out, rstd, x, weight, { N, C, epsilon: 1e-6 });
      native.rmsNormBackward(dX, dWeight, out, x, weight, rstd, { N, C });
      native.embedBackward(dTable, out, ids, { N, C, V });
      native.matmul(product, x, out, { M: C, N: C, K: N, transposeA: true });
      return Promise.all([dX, dWeight, dTable, product].map((buffer) => native.readBytes(buffer)));
    };
    const first = await run();
    const second = await run();
    for (const [i, bytes] of first.entries()) expect(Buffer.compare(bytes, second[i]!)).toBe(0);
  });

  it.each([
    { segments: [0, 200], H: 6, G: 2, D: 40, window: 70 },
    { segments: [0, 1, 131, 131, 150], H: 2, G: 1, D: 128, window: 1000 },
    { segments: [0, 300], H: 1, G: 1, D: 7, window: 5 },
  ])('attend over several blocks of keys: $segments, heads of $D, window $window', ({ segments, ...sizes }) => {
    const N = segments.at(-1)!;
    const { H, G, D } = sizes;
    for (const type of ['f32', 'bf16'] as const) {
      const [ldQ, ldK, ldV] = [H * D + 6, G * D, G * D + 2];
      const lengths = { q: N * ldQ, k: N * ldK, v: N * ldV };
      const results = [reference, createNativeKernels()].map((kernels) => {
        const filled = (length: number, seed: number) => {
          const buffer = kernels.allocate(type, length);
          kernels.write(buffer, randomNumbers(length, seed));
          return buffer;
        };
        const [q, k, v] = [filled(lengths.q, 1), filled(lengths.k, 2), filled(lengths.v, 3)];
        const [out, dOut, lse] = [filled(N * H * D, 4), filled(N * H * D, 5), kernels.allocate('f32', N * H)];
        const [dQ, dK, dV] = [filled(lengths.q, 6), filled(lengths.k, 7), filled(lengths.v, 8)];
        const bounds = kernels.allocate('i32', segments.length);
        kernels.write(bounds, segments);
        const all = { N, ldQ, ldK, ldV, S: segments.length - 1, ...sizes };
        kernels.attention(out, lse, q, k, v, bounds, null, all);
        kernels.attentionBackward(dQ, dK, dV, dOut, q, k, v, out, lse, bounds, null, all);
        return { out, lse, dQ, dK, dV };
      });
      for (const name of ['out', 'lse', 'dQ', 'dK', 'dV'] as const) {
        expect(errorOf(results[1]![name], results[0]![name]), `${type} ${name}`).toBeLessThanOrEqual(1);
      }
    }
  });

  it('measure the matrix speed', async () => {
    const native = createNativeKernels();
    const peak = await measureGemmPeak(native, { M: 64, dtype: 'f32', shapes: [{ K: 64, N: 64 }], rounds: 2 });
    expect(peak).toBeGreaterThan(0.1);
  });
});
