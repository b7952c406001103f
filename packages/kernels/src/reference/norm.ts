/** Embedding rows, row gathering and RMSNorm. Legend: N rows, C channels, V vocabulary, R gathered rows. */
import type { DeviceBuffer, Kernels } from '../contract.ts';
import { storeFloats, toFloatRow, toFloats, toInts } from './memory.ts';

export const embed: Kernels['embed'] = (out, table, ids, { N, C, scale = 1 }) => {
  const tokens = toInts(ids);
  const to = toFloats(out, N * C);
  for (let n = 0; n < N; n++) {
    const row = toFloatRow(table, tokens[n]! * C, C);
    for (let c = 0; c < C; c++) to[n * C + c] = scale * row[c]!;
  }
  storeFloats(out, to);
};

export const embedBackward: Kernels['embedBackward'] = (dTable, dOut, ids, { N, C, scale = 1 }) => {
  const tokens = toInts(ids);
  const from = toFloats(dOut, N * C);
  const to = toFloats(dTable);
  for (let n = 0; n < N; n++) {
    const at = tokens[n]! * C;
    for (let c = 0; c < C; c++) to[at + c]! += scale * from[n * C + c]!;
  }
};

export const gatherRows: Kernels['gatherRows'] = (out, x, rows, { R, C }) => {
  const at = toInts(rows);
  for (let r = 0; r < R; r++) storeFloats(out, toFloatRow(x, at[r]! * C, C), r * C);
};

export const scatterAddRows: Kernels['scatterAddRows'] = (dX, dOut, rows, { R, C }) => {
  const at = toInts(rows);
  const from = toFloats(dOut, R * C);
  for (let r = 0; r < R; r++) {
    const row = toFloatRow(dX, at[r]! * C, C).slice();
    for (let c = 0; c < C; c++) row[c]! += from[r * C + c]!;
    storeFloats(dX, row, at[r]! * C);
  }
};

export const rmsNorm: Kernels['rmsNorm'] = (out, rstd, x, weight, { N, C, epsilon, weightOffset = 0 }) => {
  const from = toFloats(x, N * C);
  const gain = toFloats(weight, C);
  const inverse = toFloats(rstd);
  const to = toFloats(out, N * C);
  for (let n = 0; n < N; n++) {
    inverse[n] = reciprocalNorm(from, n * C, C, epsilon);
    const r = inverse[n]!;
    for (let c = 0; c < C; c++) to[n * C + c] = from[n * C + c]! * r * (gain[c]! + weightOffset);
  }
  storeFloats(out, to);
};

/** 1/√(mean(x²) + epsilon) of `length` elements from `at` on. */
export function reciprocalNorm(x: Float32Array, at: number, length: number, epsilon: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += x[at + i]! * x[at + i]!;
  return 1 / Math.sqrt(sum / length + epsilon);
}

export function rmsNormBackward(
  dX: DeviceBuffer,
  dWeight: DeviceBuffer | null,
  dOut: DeviceBuffer,
  x: DeviceBuffer,
  weight: DeviceBuffer,
  rstd: DeviceBuffer,
  { N, C, accumulate = false, weightOffset = 0 }: Parameters<Kernels['rmsNormBackward']>[6],
): void {
  const dTo = toFloats(dX, N * C);
  const dFrom = toFloats(dOut, N * C);
  const from = toFloats(x, N * C);
  const gain = toFloats(weight, C);
  const inverse = toFloats(rstd);
  const dGain = new Float64Array(C);
  for (let n = 0; n < N; n++) {
    const at = n * C;
    const r = inverse[n]!;
    let dot = 0;
    for (let c = 0; c < C; c++) {
      dot += dFrom[at + c]! * (gain[c]! + weightOffset) * from[at + c]!;
      dGain[c]! += dFrom[at + c]! * from[at + c]! * r;
    }
    const pull = (r * r * dot) / C;
    for (let c = 0; c < C; c++) {
      const value = r * (dFrom[at + c]! * (gain[c]! + weightOffset) - from[at + c]! * pull);
      dTo[at + c] = accumulate ? dTo[at + c]! + value : value;
    }
  }
  storeFloats(dX, dTo);
  if (dWeight !== null) {
    const to = toFloats(dWeight);
    for (let c = 0; c < C; c++) to[c]! += dGain[c]!;
  }
}
