import { describe, expect, it } from 'vitest';
import type { Kernels } from '../src/contract.ts';
import { createReferenceKernels } from '../src/reference.ts';
import { createNumbers, numbersOf } from './run-case.ts';
import { tryNative } from './try-native.ts';

const native = tryNative();
const implementations: [string, Kernels | string][] = [
  ['reference', createReferenceKernels()],
  ['native', native],
];

describe.each(implementations)('8-bit blocks, %s', (_, built) => {
  it.skipIf(typeof built === 'string')('keep their codes and scales when they were Q8_0 before', () => {
    const kernels = built as Kernels;
    const next = createNumbers(3);
    const [N, K] = [16, 64];
    // As llama.cpp writes them: the largest number of a block is 127 steps, steps are f16.
    const codes = Array.from({ length: N * K }, (_, i) => (i % 32 === 5 ? 127 : Math.round(126 * next()) + 0));
    const scales = Array.from({ length: (N * K) / 32 }, (_, b) => (1024 + ((b * 37) % 1024)) * 2 ** -21);
    const weight = kernels.allocate('f32', N * K);
    kernels.write(
      weight,
      codes.map((code, i) => code * scales[Math.floor(i / 32)]!),
    );
    const [packed, factors] = [kernels.allocate('u8', N * K), kernels.allocate('f32', scales.length)];
    kernels.quantize8(packed, factors, weight, { N, K });
    const [bytes, steps] = [numbersOf(packed), numbersOf(factors)];
    for (let n = 0; n < N; n++) {
      for (let k = 0; k < K; k++) {
        const block = Math.floor(k / 32);
        const place = block * 512 + Math.floor((k % 32) / 4) * 64 + n * 4 + (k % 4);
        expect(bytes[place]! - 128).toBe(codes[n * K + k]);
        expect(steps[block * 16 + n]).toBe(scales[n * 2 + block]);
      }
    }
  });
});
