/** Every kernel of every implementation that is built here: equal to the reference, and its own derivative. */
import { describe, expect, it } from 'vitest';
import type { Kernels } from '../src/contract.ts';
import type { NativeKernelOptions } from '../src/native.ts';
import { createReferenceKernels } from '../src/reference.ts';
import { attentionCases } from './cases/attention.case.ts';
import { elementwiseCases } from './cases/elementwise.case.ts';
import { expertCases } from './cases/experts.case.ts';
import { headCases } from './cases/head.case.ts';
import type { CaseList, KernelCase } from './cases/kernel-case.ts';
import { matmulCases } from './cases/matmul.case.ts';
import { normCases } from './cases/norm.case.ts';
import { quantizedCases } from './cases/quantized.case.ts';
import { errorOf, fillBuffers, numbersOf, runCase } from './run-case.ts';
import { tryNative } from './try-native.ts';

const lists: CaseList[] = [
  elementwiseCases,
  matmulCases,
  normCases,
  attentionCases,
  headCases,
  expertCases,
  quantizedCases,
];
const cases = (type: 'f32' | 'bf16'): KernelCase[] => lists.flatMap((list) => list(type));

const reference = createReferenceKernels();
const implementations: [label: string, options: NativeKernelOptions][] = [
  ['native', {}],
  ['native, built-in matrix product', { gemm: 'portable' }],
];

for (const [label, options] of implementations) {
  const kernels = tryNative(options);
  const isMissing = typeof kernels === 'string';
  describe.each(['f32', 'bf16'] as const)(
    `${label} = reference, %s${isMissing ? ` (skipped: ${kernels})` : ''}`,
    (type) => {
      it.skipIf(isMissing).each(cases(type).map((entry) => [entry.name, entry] as const))('%s', (_, entry) => {
        if (isMissing) return;
        const expected = runCase(reference, entry);
        const actual = runCase(kernels, entry);
        for (const [name, buffer] of Object.entries(expected)) {
          expect(errorOf(actual[name]!, buffer), name).toBeLessThanOrEqual(1);
        }
      });
    },
  );
}

describe('backward = central differences of forward, in doubles', () => {
  const doubles = createReferenceKernels({ precision: 'double' });
  const differentiable = cases('f32').filter(({ backward }) => backward !== undefined);
  it.each(differentiable.map((entry) => [entry.name, entry] as const))('%s', (_, entry) => {
    checkGradient(doubles, entry);
  });
});

/** About as many elements of one input are checked, evenly spread; fewer of a large one, whose forward pass is slow. */
const PROBES = { usual: 24, large: 6 } as const;
const LARGE_LENGTH = 10_000;
const STEP = 1e-5;

function checkGradient(kernels: Kernels, entry: KernelCase): void {
  const gradients = entry.gradients ?? {};
  const seeds = entry.seeds ?? {};
  const accumulated = new Set(entry.accumulated);
  const outputs = new Set(Object.values(gradients));
  const isOutput = (name: string) => outputs.has(name);
  const buffers = fillBuffers(kernels, entry, isOutput);
  entry.forward(kernels, buffers);
  entry.backward?.(kernels, buffers);
  // Twice: a gradient that is replaced stays, one that is accumulated doubles.
  entry.backward?.(kernels, buffers);

  const lossAt = (name: string, index: number, change: number): number => {
    const probe = fillBuffers(kernels, entry, isOutput);
    const changed = numbersOf(probe[name]!);
    changed[index]! += change;
    kernels.write(probe[name]!, changed);
    entry.forward(kernels, probe);
    let loss = 0;
    for (const [output, seed] of Object.entries(seeds)) {
      const weights = numbersOf(probe[seed]!);
      const values = numbersOf(probe[output]!);
      for (let i = 0; i < values.length; i++) loss += weights[i]! * values[i]!;
    }
    return loss;
  };

  for (const [name, gradient] of Object.entries(gradients)) {
    const analytic = numbersOf(buffers[gradient]!);
    const times = accumulated.has(gradient) ? 2 : 1;
    // Odd, so that it meets every column of a row in turn.
    const probes = analytic.length < LARGE_LENGTH ? PROBES.usual : PROBES.large;
    const stride = Math.floor(analytic.length / probes) | 1;
    for (let i = 0; i < analytic.length; i += stride) {
      const numeric = (times * (lossAt(name, i, STEP) - lossAt(name, i, -STEP))) / (2 * STEP);
      const difference = Math.abs(analytic[i]! - numeric);
      expect(difference, `${gradient}[${i}] = ${analytic[i]}, differences give ${numeric}`).toBeLessThanOrEqual(
        1e-8 + 1e-6 * Math.abs(numeric),
      );
    }
  }
}

describe('dropout', () => {
  it('keeps 1 − p of the elements, scaled so that the mean stays, by a mask that seed and index alone decide', () => {
    const length = 100_000;
    const [ones, out, part] = [
      reference.allocate('f32', length),
      reference.allocate('f32', length),
      reference.allocate('f32', 10),
    ];
    reference.fill(ones!, 1);
    reference.dropout(out!, ones!, { length, p: 0.25, seed: 7 });
    const values = numbersOf(out!);
    expect(new Set(values)).toEqual(new Set([0, Math.fround(4 / 3)]));
    const kept = values.filter((x) => x > 0).length / length;
    // Five standard deviations of a binomial.
    expect(Math.abs(kept - 0.75)).toBeLessThan(5 * Math.sqrt((0.25 * 0.75) / length));
    reference.dropout(part!, ones!, { length: 10, p: 0.25, seed: 7 });
    expect(numbersOf(part!)).toEqual(values.slice(0, 10));
    reference.dropout(part!, ones!, { length: 10, p: 0.25, seed: 8 });
    expect(numbersOf(part!)).not.toEqual(values.slice(0, 10));
  });
});
