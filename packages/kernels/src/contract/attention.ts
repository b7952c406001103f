/** Attention within packed segments, and over a key/value cache. Legend and rules: `../contract.ts`. */
import type { DeviceBuffer } from './buffers.ts';

export interface AttentionSizes {
  N: number;
  H: number;
  G: number;
  D: number;
  /** Row strides, in elements, of q, k, v (and of dQ, dK, dV); out and dOut are packed [N, H·D]. */
  ldQ: number;
  ldK: number;
  ldV: number;
  /** Number of segments; `segments` holds S + 1 offsets, the first 0, the last N. */
  S: number;
  /** Scores are multiplied by this; 1/√D by default. */
  scale?: number;
  /** A query sees at most this many positions including itself. */
  window?: number;
  /** Scaled scores s become cap · tanh(s/cap), before masks and biases (Gemma 2). */
  softCap?: number;
  /**
   * Adds −slopeₕ · distance to the scores (ALiBi): slopeₕ = 2^(−8(h+1)/n) for the first n heads, n the largest power of
   * two up to H, and 2^(−4(2(h−n)+1)/n) for the others.
   */
  alibi?: boolean;
}

export interface AttentionKernels {
  /**
   * Causal attention inside each segment (varlen): out[n, h] = Σ_j softmax_j(scale · q[n,h]·k[j,g]) v[j,g],
   * g = ⌊h·G/H⌋, j ≤ n in the same segment (and n − j < window). lse f32 [N, H] = log Σ exp of the scaled scores.
   *
   * With `prefixes` (i32 [S]) a segment goes on where another ends: queries of s see the rows of segment prefixes[s], then
   * their own; windows and distances count along both. Several segments may go on from the same one, which they follow
   * directly and which has no prefix itself: −1.
   */
  attention(
    out: DeviceBuffer,
    lse: DeviceBuffer,
    q: DeviceBuffer,
    k: DeviceBuffer,
    v: DeviceBuffer,
    segments: DeviceBuffer,
    prefixes: DeviceBuffer | null,
    sizes: AttentionSizes,
  ): void;
  /**
   * Replaces dQ, dK, dV (strides ldQ, ldK, ldV); those of a prefix are sums over all that go on from it. Recomputes
   * probabilities from q, k and lse.
   */
  attentionBackward(
    dQ: DeviceBuffer,
    dK: DeviceBuffer,
    dV: DeviceBuffer,
    dOut: DeviceBuffer,
    q: DeviceBuffer,
    k: DeviceBuffer,
    v: DeviceBuffer,
    out: DeviceBuffer,
    lse: DeviceBuffer,
    segments: DeviceBuffer,
    prefixes: DeviceBuffer | null,
    sizes: AttentionSizes,
  ): void;
  /**
   * One new query per row over a cache in pages: row b attends to positions 0 … lengths[b] − 1 of its sequence. Position p
   * lies in page tables[b, p div pageSize], of which only pages that are seen need be there.
   * kCache, vCache: [pages, G, pageSize, D], pageSize a power of two; tables i32 [B, ldTable]. out [B, H·D], q [B, H·D];
   * all one float type.
   */
  attentionCached(
    out: DeviceBuffer,
    q: DeviceBuffer,
    kCache: DeviceBuffer,
    vCache: DeviceBuffer,
    tables: DeviceBuffer,
    lengths: DeviceBuffer,
    sizes: { B: number; H: number; G: number; D: number; pageSize: number; ldTable: number } & Pick<
      AttentionSizes,
      'scale' | 'window' | 'softCap' | 'alibi'
    >,
  ): void;
  /**
   * Rows x[n] of G heads (stride ldX, G·D by default) into a cache as above: position rows[n] mod pageSize of page
   * rows[n] div pageSize.
   */
  cacheAppend(
    cache: DeviceBuffer,
    x: DeviceBuffer,
    rows: DeviceBuffer,
    sizes: { N: number; G: number; D: number; pageSize: number; ldX?: number },
  ): void;
}
