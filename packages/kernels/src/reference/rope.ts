/** Per-head RMSNorm followed by rotary position embedding. Legend: N rows, D head size, P table positions. */
import type { Kernels } from '../contract.ts';
import { storeFloats, toFloats, toInts } from './memory.ts';
import { reciprocalNorm } from './norm.ts';

export const headNormRope: Kernels['headNormRope'] = (out, rstd, x, weight, cos, sin, positions, sizes) => {
  const { N, heads, D, rotaryDim, ldX, ldOut, epsilon, interleaved = false, weightOffset = 0 } = sizes;
  if (N === 0) return;
  const from = toFloats(x, (N - 1) * ldX + heads * D);
  const to = toFloats(out, (N - 1) * ldOut + heads * D);
  const gain = weight === null ? null : toFloats(weight, D);
  const inverse = rstd === null ? null : toFloats(rstd);
  const cosines = toFloats(cos);
  const sines = toFloats(sin);
  const at = toInts(positions);
  const half = rotaryDim / 2;
  const row = new Float64Array(D);
  for (let n = 0; n < N; n++) {
    const angle = at[n]! * half;
    for (let h = 0; h < heads; h++) {
      const xAt = n * ldX + h * D;
      const outAt = n * ldOut + h * D;
      for (let d = 0; d < D; d++) row[d] = from[xAt + d]!;
      if (gain !== null) {
        const r = reciprocalNorm(from, xAt, D, epsilon);
        if (inverse !== null) inverse[n * heads + h] = r;
        for (let d = 0; d < D; d++) row[d]! *= r * (gain[d]! + weightOffset);
      }
      for (let i = 0; i < half; i++) {
        const first = interleaved ? 2 * i : i;
        const second = interleaved ? 2 * i + 1 : i + half;
        const c = cosines[angle + i]!;
        const s = sines[angle + i]!;
        to[outAt + first] = row[first]! * c - row[second]! * s;
        to[outAt + second] = row[second]! * c + row[first]! * s;
      }
      for (let d = rotaryDim; d < D; d++) to[outAt + d] = row[d]!;
    }
  }
  storeFloats(out, to);
};

export const headNormRopeBackward: Kernels['headNormRopeBackward'] = (
  dX,
  dWeight,
  dOut,
  x,
  weight,
  rstd,
  cos,
  sin,
  positions,
  { N, heads, D, rotaryDim, ldX, ldOut, interleaved = false, weightOffset = 0 },
) => {
  if (N === 0) return;
  const dTo = toFloats(dX, (N - 1) * ldX + heads * D);
  const dFrom = toFloats(dOut, (N - 1) * ldOut + heads * D);
  const from = toFloats(x, (N - 1) * ldX + heads * D);
  const gain = weight === null ? null : toFloats(weight, D);
  const inverse = rstd === null ? null : toFloats(rstd);
  const cosines = toFloats(cos);
  const sines = toFloats(sin);
  const at = toInts(positions);
  const half = rotaryDim / 2;
  const dGain = new Float64Array(D);
  const row = new Float64Array(D);
  for (let n = 0; n < N; n++) {
    const angle = at[n]! * half;
    for (let h = 0; h < heads; h++) {
      const xAt = n * ldX + h * D;
      const outAt = n * ldOut + h * D;
      for (let i = 0; i < half; i++) {
        const first = interleaved ? 2 * i : i;
        const second = interleaved ? 2 * i + 1 : i + half;
        const c = cosines[angle + i]!;
        const s = sines[angle + i]!;
        const dFirst = dFrom[outAt + first]!;
        const dSecond = dFrom[outAt + second]!;
        row[first] = dFirst * c + dSecond * s;
        row[second] = dSecond * c - dFirst * s;
      }
      for (let d = rotaryDim; d < D; d++) row[d] = dFrom[outAt + d]!;
      if (gain === null || inverse === null) {
        for (let d = 0; d < D; d++) dTo[xAt + d] = row[d]!;
        continue;
      }
      const r = inverse[n * heads + h]!;
      let dot = 0;
      for (let d = 0; d < D; d++) {
        dot += row[d]! * (gain[d]! + weightOffset) * from[xAt + d]!;
        dGain[d]! += row[d]! * from[xAt + d]! * r;
      }
      const pull = (r * r * dot) / D;
      for (let d = 0; d < D; d++) dTo[xAt + d] = r * (row[d]! * (gain[d]! + weightOffset) - from[xAt + d]! * pull);
    }
  }
  storeFloats(dX, dTo);
  if (dWeight !== null) {
    const to = toFloats(dWeight);
    for (let d = 0; d < D; d++) to[d]! += dGain[d]!;
  }
};
