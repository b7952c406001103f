/** Rows by index, norms and rotary positions. Legend and rules: `../contract.ts`. */
import type { DeviceBuffer } from './buffers.ts';

export interface LayerKernels {
  /** out[n] = scale · table[ids[n]]; out, table any float type. */
  embed(
    out: DeviceBuffer,
    table: DeviceBuffer,
    ids: DeviceBuffer,
    sizes: { N: number; C: number; scale?: number },
  ): void;
  /** dTable[ids[n]] += scale · dOut[n]; dTable f32; deterministic order. */
  embedBackward(
    dTable: DeviceBuffer,
    dOut: DeviceBuffer,
    ids: DeviceBuffer,
    sizes: { N: number; C: number; V: number; scale?: number },
  ): void;
  /** out[r] = x[rows[r]]. */
  gatherRows(out: DeviceBuffer, x: DeviceBuffer, rows: DeviceBuffer, sizes: { R: number; C: number }): void;
  /** dX[rows[r]] += dOut[r], in the order of r. */
  scatterAddRows(dX: DeviceBuffer, dOut: DeviceBuffer, rows: DeviceBuffer, sizes: { R: number; C: number }): void;
  /**
   * out = x · rstd ⊙ (weight + weightOffset), rstd[n] = 1/√(mean(x[n]²) + epsilon). rstd f32 [N]; out any type; x any
   * type. `weightOffset` is 0 by default, 1 for Gemma.
   */
  rmsNorm(
    out: DeviceBuffer,
    rstd: DeviceBuffer,
    x: DeviceBuffer,
    weight: DeviceBuffer,
    sizes: { N: number; C: number; epsilon: number; weightOffset?: number },
  ): void;
  /**
   * dX (+)= …; dWeight += Σ_n dOut ⊙ x · rstd when given. With g = dOut ⊙ (weight + weightOffset):
   * dX = rstd · (g − x · rstd² · mean(g ⊙ x)). dWeight f32.
   */
  rmsNormBackward(
    dX: DeviceBuffer,
    dWeight: DeviceBuffer | null,
    dOut: DeviceBuffer,
    x: DeviceBuffer,
    weight: DeviceBuffer,
    rstd: DeviceBuffer,
    sizes: { N: number; C: number; accumulate?: boolean; weightOffset?: number },
  ): void;
  /**
   * Per-head RMSNorm (skipped when `weight` is null) followed by rotary embedding, in one pass over head rows:
   * out[n, h] = rotate(norm(x[n, h]), positions[n]). x rows have stride `ldX`, out rows stride `ldOut`.
   * `cos`, `sin`: f32 [P, rotaryDim/2]. Pairs are (i, i + rotaryDim/2), or (2i, 2i + 1) when `interleaved`:
   * out_i = a·cos − b·sin, out_j = b·cos + a·sin. Elements from rotaryDim on pass through. rstd f32 [N, heads].
   */
  headNormRope(
    out: DeviceBuffer,
    rstd: DeviceBuffer | null,
    x: DeviceBuffer,
    weight: DeviceBuffer | null,
    cos: DeviceBuffer,
    sin: DeviceBuffer,
    positions: DeviceBuffer,
    sizes: {
      N: number;
      heads: number;
      D: number;
      rotaryDim: number;
      ldX: number;
      ldOut: number;
      epsilon: number;
      interleaved?: boolean;
      /** Added to the weight; 0 by default. */
      weightOffset?: number;
    },
  ): void;
  /** Inverse rotation of dOut, then the RMSNorm backward; replaces dX (stride ldX). dOut has stride ldOut. */
  headNormRopeBackward(
    dX: DeviceBuffer,
    dWeight: DeviceBuffer | null,
    dOut: DeviceBuffer,
    x: DeviceBuffer,
    weight: DeviceBuffer | null,
    rstd: DeviceBuffer | null,
    cos: DeviceBuffer,
    sin: DeviceBuffer,
    positions: DeviceBuffer,
    sizes: {
      N: number;
      heads: number;
      D: number;
      rotaryDim: number;
      ldX: number;
      ldOut: number;
      interleaved?: boolean;
      weightOffset?: number;
    },
  ): void;
}
