/** Runs shared cases: fills their buffers the same way for any implementation, and compares what is left in them. */
import type { DeviceBuffer, Kernels } from '../src/contract.ts';
import { asHost, fromBf16Bits } from '../src/host-buffer.ts';
import type { KernelCase } from './cases/kernel-case.ts';

/** A small linear congruential generator: the same numbers in every run. */
export function createNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32) * 2 - 1;
  };
}

export type CaseBuffers = Record<string, DeviceBuffer>;

const caseNumbers = new WeakMap<KernelCase, Map<string, Float64Array | Int32Array>>();

/** What a case's buffers are filled with; the same at every call. */
function numbersFor(kernelCase: KernelCase): Map<string, Float64Array | Int32Array> {
  const known = caseNumbers.get(kernelCase);
  if (known !== undefined) return known;
  const next = createNumbers(1);
  const numbers = new Map(
    Object.entries(kernelCase.buffers).map(([name, { dtype, values }]): [string, Float64Array | Int32Array] => {
      if (dtype === 'i32') return [name, typeof values === 'number' ? new Int32Array(values) : Int32Array.from(values)];
      return [name, typeof values === 'number' ? new Float64Array(values).map(next) : Float64Array.from(values)];
    }),
  );
  caseNumbers.set(kernelCase, numbers);
  return numbers;
}

/** Buffers of a case, filled; `isZero` names those to leave at zero. */
export function fillBuffers(
  kernels: Kernels,
  kernelCase: KernelCase,
  isZero: (name: string) => boolean = () => false,
): CaseBuffers {
  const buffers: CaseBuffers = {};
  for (const [name, numbers] of numbersFor(kernelCase)) {
    const buffer = kernels.allocate(kernelCase.buffers[name]!.dtype, numbers.length);
    if (!isZero(name)) kernels.write(buffer, numbers);
    buffers[name] = buffer;
  }
  return buffers;
}

/** The numbers in a buffer, without rounding. */
export function numbersOf(buffer: DeviceBuffer): Float64Array {
  const { array, dtype } = asHost(buffer);
  const numbers = Float64Array.from(array);
  return dtype === 'bf16' ? numbers.map(fromBf16Bits) : numbers;
}

/** Forward, then backward where there is one. */
export function runCase(kernels: Kernels, kernelCase: KernelCase): CaseBuffers {
  const buffers = fillBuffers(kernels, kernelCase);
  kernelCase.forward(kernels, buffers);
  kernelCase.backward?.(kernels, buffers);
  return buffers;
}

/**
 * The largest error of `actual` in units of what is allowed: 1e-5 relative and 1e-5 of the buffer's root mean square
 * for f32; one unit in the last place (2⁻⁷) and 2⁻⁹ of the root mean square for bf16; none for i32. ≤ 1 passes.
 */
export function errorOf(actual: DeviceBuffer, expected: DeviceBuffer): number {
  const [a, e] = [numbersOf(actual), numbersOf(expected)];
  if (a.length !== e.length || actual.dtype !== expected.dtype) return Number.POSITIVE_INFINITY;
  const [relative, share] = { f32: [1e-5, 1e-5], bf16: [2 ** -7, 2 ** -9], i32: [0, 0], u8: [0, 0] }[
    expected.dtype
  ] as [number, number];
  const size = Math.sqrt(e.reduce((sum, x) => sum + x * x, 0) / Math.max(1, e.length));
  let worst = 0;
  for (const [i, x] of e.entries()) {
    const difference = Math.abs(a[i]! - x);
    if (difference === 0) continue;
    const error = difference / (relative * Math.abs(x) + share * size);
    if (!(error <= worst)) worst = error;
  }
  return worst;
}
