/**
 * Reference matrix product: both operands are packed, a block of rows at a time, into doubles laid out along K, and a
 * 4 × 2 tile of dot products is kept in registers. Sums are doubles, rounded once on store.
 */
import type { DeviceBuffer, MatmulSizes } from '../contract.ts';
import { storeFloats, toFloats } from './memory.ts';

/** Rows of op(a) and columns of op(b) packed at a time: 96 · K doubles stay in the second-level cache for usual K. */
const BLOCK = 96;

export function matmul(out: DeviceBuffer, a: DeviceBuffer, b: DeviceBuffer, sizes: MatmulSizes): void {
  const { M, N, K, transposeA = false, transposeB = false, accumulate = false, alpha = 1 } = sizes;
  const { ldA = transposeA ? M : K, ldB = transposeB ? K : N, ldOut = N } = sizes;
  if (M === 0 || N === 0) return;
  const left = toFloats(a);
  const right = toFloats(b);
  const to = toFloats(out, (M - 1) * ldOut + N);
  // Padded with zero rows to a whole tile, so that the inner loop has no edges.
  const aBlock = new Float64Array(roundUp(Math.min(M, BLOCK), 4) * K);
  const bBlock = new Float64Array(roundUp(Math.min(N, BLOCK), 2) * K);

  for (let n0 = 0; n0 < N; n0 += BLOCK) {
    const columns = Math.min(BLOCK, N - n0);
    pack(bBlock, right, n0, columns, K, ldB, !transposeB);
    for (let m0 = 0; m0 < M; m0 += BLOCK) {
      const rows = Math.min(BLOCK, M - m0);
      pack(aBlock, left, m0, rows, K, ldA, transposeA);
      for (let m = 0; m < rows; m += 4) {
        for (let n = 0; n < columns; n += 2) {
          tile(aBlock, m * K, bBlock, n * K, K);
          const lastRow = Math.min(4, rows - m);
          const lastColumn = Math.min(2, columns - n);
          for (let i = 0; i < lastRow; i++) {
            const at = (m0 + m + i) * ldOut + n0 + n;
            for (let j = 0; j < lastColumn; j++) {
              to[at + j] = alpha * sums[i * 2 + j]! + (accumulate ? to[at + j]! : 0);
            }
          }
        }
      }
    }
  }
  storeFloats(out, to);
}

const sums = new Float64Array(8);

/** sums[i, j] = Σ_k a[i, k] · b[j, k] for a 4 × 2 tile. */
function tile(a: Float64Array, aAt: number, b: Float64Array, bAt: number, K: number): void {
  let s00 = 0;
  let s01 = 0;
  let s10 = 0;
  let s11 = 0;
  let s20 = 0;
  let s21 = 0;
  let s30 = 0;
  let s31 = 0;
  for (let k = 0; k < K; k++) {
    const a0 = a[aAt + k]!;
    const a1 = a[aAt + K + k]!;
    const a2 = a[aAt + 2 * K + k]!;
    const a3 = a[aAt + 3 * K + k]!;
    const b0 = b[bAt + k]!;
    const b1 = b[bAt + K + k]!;
    s00 += a0 * b0;
    s01 += a0 * b1;
    s10 += a1 * b0;
    s11 += a1 * b1;
    s20 += a2 * b0;
    s21 += a2 * b1;
    s30 += a3 * b0;
    s31 += a3 * b1;
  }
  sums[0] = s00;
  sums[1] = s01;
  sums[2] = s10;
  sums[3] = s11;
  sums[4] = s20;
  sums[5] = s21;
  sums[6] = s30;
  sums[7] = s31;
}

/** Copies rows `first … first + count` of op(x) into [count, K]; `isTransposed`: x is stored [K, rows]. */
function pack(
  block: Float64Array,
  x: Float32Array,
  first: number,
  count: number,
  K: number,
  ld: number,
  isTransposed: boolean,
): void {
  if (isTransposed) {
    for (let k = 0; k < K; k++) {
      const at = k * ld + first;
      for (let r = 0; r < count; r++) block[r * K + k] = x[at + r]!;
    }
  } else {
    for (let r = 0; r < count; r++) {
      const at = (first + r) * ld;
      for (let k = 0; k < K; k++) block[r * K + k] = x[at + k]!;
    }
  }
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
