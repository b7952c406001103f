/** Element-wise reference kernels. Legend: N rows, C channels. */
import type { DeviceBuffer, Kernels, RowSizes } from '../contract.ts';
import { asHost } from '../host-buffer.ts';
import { storeFloats, toFloats } from './memory.ts';

export function fill(out: DeviceBuffer, value: number): void {
  const { dtype, array } = asHost(out);
  if (dtype !== 'bf16') {
    array.fill(value);
    return;
  }
  const one = new Float32Array([value]);
  storeFloats(out.view(0, Math.min(1, out.length)), one.subarray(0, Math.min(1, out.length)));
  if (out.length > 1) array.fill(array[0]!);
}

export function copyRows(
  out: DeviceBuffer,
  a: DeviceBuffer,
  { N, C, ldOut = C, ldA = C }: { N: number; C: number; ldOut?: number; ldA?: number },
): void {
  if (N === 0 || C === 0) return;
  const from = toFloats(a, (N - 1) * ldA + C);
  const to = toFloats(out, (N - 1) * ldOut + C);
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) to[n * ldOut + c] = from[n * ldA + c]!;
  }
  storeFloats(out, to);
}

export const scale: Kernels['scale'] = (out, a, { length, alpha, accumulate = false }) => {
  const from = toFloats(a, length);
  const to = toFloats(out, length);
  if (accumulate) for (let i = 0; i < length; i++) to[i]! += alpha * from[i]!;
  else for (let i = 0; i < length; i++) to[i] = alpha * from[i]!;
  storeFloats(out, to);
};

export const add: Kernels['add'] = (out, a, b, { length }) => {
  const left = toFloats(a, length);
  const right = toFloats(b, length);
  const to = toFloats(out, length);
  for (let i = 0; i < length; i++) to[i] = left[i]! + right[i]!;
  storeFloats(out, to);
};

export const multiply: Kernels['multiply'] = (out, a, b, { length, accumulate = false }) => {
  const left = toFloats(a, length);
  const right = toFloats(b, length);
  const to = toFloats(out, length);
  if (accumulate) for (let i = 0; i < length; i++) to[i]! += left[i]! * right[i]!;
  else for (let i = 0; i < length; i++) to[i] = left[i]! * right[i]!;
  storeFloats(out, to);
};

export function sumRows(
  out: DeviceBuffer,
  x: DeviceBuffer,
  { N, C, ldX = C, accumulate = false }: RowSizes & { accumulate?: boolean },
): void {
  const from = toFloats(x);
  const to = toFloats(out);
  const sums = new Float64Array(C);
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) sums[c]! += from[n * ldX + c]!;
  }
  for (let c = 0; c < C; c++) to[c] = (accumulate ? to[c]! : 0) + sums[c]!;
}

export function addBias(x: DeviceBuffer, bias: DeviceBuffer, { N, C, ldX = C }: RowSizes): void {
  const to = toFloats(x);
  const from = toFloats(bias);
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) to[n * ldX + c]! += from[c]!;
  }
  storeFloats(x, to);
}

export const sumSquares: Kernels['sumSquares'] = (out, a, { index, length }) => {
  const from = toFloats(a, length);
  let sum = 0;
  for (let i = 0; i < length; i++) sum += from[i]! * from[i]!;
  toFloats(out)[index] = sum;
};

/**
 * The 32 random bits behind element i of a dropout mask: Wellons' `lowbias32` integer hash of i + seed·0x9e3779b9
 * (mod 2³²). Element i is kept when the bits are at least ⌊p·2³²⌋.
 */
export function dropoutBits(seed: number, i: number): number {
  let x = (i + Math.imul(seed, 0x9e3779b9)) | 0;
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  x ^= x >>> 16;
  return x >>> 0;
}

export const dropout: Kernels['dropout'] = (out, a, { length, p, seed }) => {
  const from = toFloats(a, length);
  const to = toFloats(out, length);
  const threshold = Math.floor(p * 2 ** 32);
  const factor = Math.fround(1 / (1 - p));
  for (let i = 0; i < length; i++) to[i] = dropoutBits(seed, i) >= threshold ? from[i]! * factor : 0;
  storeFloats(out, to);
};

export const scaleColumns: Kernels['scaleColumns'] = (out, a, factors, sizes) => {
  const { N, C, ldOut = C, ldA = C, accumulate = false } = sizes;
  const source = toFloats(a);
  const target = toFloats(out);
  const scales = toFloats(factors);
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) {
      const value = source[n * ldA + c]! * scales[c]!;
      target[n * ldOut + c] = accumulate ? target[n * ldOut + c]! + value : value;
    }
  }
  storeFloats(out, target);
};

export const scaleRows: Kernels['scaleRows'] = (out, a, factors, { N, C, accumulate = false }) => {
  const source = toFloats(a, N * C);
  const target = toFloats(out, N * C);
  const scales = toFloats(factors);
  for (let n = 0; n < N; n++) {
    for (let i = n * C; i < (n + 1) * C; i++) {
      const value = source[i]! * scales[n]!;
      target[i] = accumulate ? target[i]! + value : value;
    }
  }
  storeFloats(out, target);
};

export const rowNorms: Kernels['rowNorms'] = (out, a, { N, C, isReciprocal = false }) => {
  const source = toFloats(a, N * C);
  const norms = toFloats(out);
  for (let n = 0; n < N; n++) {
    let sum = 0;
    for (let c = 0; c < C; c++) sum += source[n * C + c]! ** 2;
    norms[n] = isReciprocal ? 1 / Math.sqrt(sum) : Math.sqrt(sum);
  }
};
