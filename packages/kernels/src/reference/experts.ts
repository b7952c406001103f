/**
 * Routed experts. Routing is a few numbers a token, so every host implementation uses this one; the products of rows with
 * their experts' matrices take the implementation's own matrix product.
 * Legend: N tokens, E experts, K experts a token, R = N·K grouped rows, C channels.
 */

import type { ExpertMatrices } from '../contract/experts.ts';
import type { DeviceBuffer, Kernels } from '../contract.ts';
import { storeFloats, toFloats, toInts } from './memory.ts';

export const routeExperts: Kernels['routeExperts'] = (weights, tokens, offsets, logits, sizes) => {
  const { N, E, K, isNormalised } = sizes;
  const scores = toFloats(logits, N * E);
  const to = toFloats(weights);
  const tokenOf = toInts(tokens);
  const bounds = toInts(offsets);
  const chosen = new Int32Array(N * K);
  const shares = new Float64Array(N * K);
  bounds.fill(0, 0, E + 1);
  for (let n = 0; n < N; n++) {
    const p = softmax(scores.subarray(n * E, (n + 1) * E));
    const best = largest(p, K);
    const sum = isNormalised ? best.reduce((total, e) => total + p[e]!, 0) : 1;
    for (const [k, e] of best.entries()) {
      chosen[n * K + k] = e;
      shares[n * K + k] = p[e]! / sum;
      bounds[e + 1]!++;
    }
  }
  for (let e = 0; e < E; e++) bounds[e + 1]! += bounds[e]!;
  const next = bounds.slice(0, E);
  for (let i = 0; i < N * K; i++) {
    const row = next[chosen[i]!]!++;
    tokenOf[row] = Math.floor(i / K);
    to[row] = shares[i]!;
  }
};

export const routeExpertsBackward: Kernels['routeExpertsBackward'] = (
  dLogits,
  dWeights,
  weights,
  tokens,
  offsets,
  logits,
  { N, E, isNormalised },
) => {
  const scores = toFloats(logits, N * E);
  const dShares = toFloats(dWeights);
  const shares = toFloats(weights);
  const tokenOf = toInts(tokens);
  const bounds = toInts(offsets);
  const dTo = toFloats(dLogits, N * E);
  // ∂loss/∂p, then through the softmax.
  const dP = new Float64Array(N * E);
  const pulls = new Float64Array(N);
  const sums = new Float64Array(N).fill(isNormalised ? 0 : 1);
  const probabilities = Array.from({ length: N }, (_, n) => softmax(scores.subarray(n * E, (n + 1) * E)));
  const eachRow = (use: (row: number, n: number, e: number) => void): void => {
    for (let e = 0; e < E; e++) for (let row = bounds[e]!; row < bounds[e + 1]!; row++) use(row, tokenOf[row]!, e);
  };
  if (isNormalised) {
    eachRow((row, n, e) => {
      pulls[n]! += dShares[row]! * shares[row]!;
      sums[n]! += probabilities[n]![e]!;
    });
  }
  eachRow((row, n, e) => {
    dP[n * E + e] = (dShares[row]! - pulls[n]!) / sums[n]!;
  });
  for (let n = 0; n < N; n++) {
    const p = probabilities[n]!;
    let dot = 0;
    for (let e = 0; e < E; e++) dot += p[e]! * dP[n * E + e]!;
    for (let e = 0; e < E; e++) dTo[n * E + e] = p[e]! * (dP[n * E + e]! - dot);
  }
  storeFloats(dLogits, dTo);
};

export const scatterWeighted: Kernels['scatterWeighted'] = (out, x, weights, tokens, { R, C }) => {
  const to = toFloats(out);
  const from = toFloats(x, R * C);
  const shares = weights === null ? null : toFloats(weights);
  const tokenOf = toInts(tokens);
  for (let r = 0; r < R; r++) {
    const share = shares === null ? 1 : shares[r]!;
    const at = tokenOf[r]! * C;
    for (let c = 0; c < C; c++) to[at + c]! += share * from[r * C + c]!;
  }
  storeFloats(out, to);
};

export const scatterWeightedBackward: Kernels['scatterWeightedBackward'] = (
  dX,
  dWeights,
  dOut,
  x,
  weights,
  tokens,
  { R, C },
) => {
  const dTo = toFloats(dX, R * C);
  const dShares = toFloats(dWeights);
  const dFrom = toFloats(dOut);
  const from = toFloats(x, R * C);
  const shares = toFloats(weights);
  const tokenOf = toInts(tokens);
  for (let r = 0; r < R; r++) {
    const at = tokenOf[r]! * C;
    let dot = 0;
    for (let c = 0; c < C; c++) {
      dot += dFrom[at + c]! * from[r * C + c]!;
      dTo[r * C + c] = shares[r]! * dFrom[at + c]!;
    }
    dShares[r] = dot;
  }
  storeFloats(dX, dTo);
};

/** The two grouped products, through a plain one. */
export function groupedProducts(matmul: Kernels['matmul']): Pick<Kernels, 'expertMatmul' | 'expertMatmulWeights'> {
  const eachExpert = (
    offsets: DeviceBuffer,
    E: number,
    use: (expert: number, first: number, count: number) => void,
  ) => {
    const bounds = toInts(offsets);
    for (let e = 0; e < E; e++) {
      const count = bounds[e + 1]! - bounds[e]!;
      if (count > 0) use(e, bounds[e]!, count);
    }
  };
  const matrixOf = (matrices: ExpertMatrices, expert: number, length: number): DeviceBuffer | null =>
    'view' in matrices ? matrices.view(expert * length, length) : (matrices[expert] ?? null);
  /** Rows from `first` on, of which the last may end before its `ld`. */
  const rowsOf = (buffer: DeviceBuffer, first: number, rows: number, width: number, ld: number): DeviceBuffer =>
    buffer.view(first * ld, (rows - 1) * ld + width);
  return {
    expertMatmul(out, a, b, offsets, { E, N, K, ldA = K, ldOut = N, ...options }) {
      eachExpert(offsets, E, (expert, first, M) => {
        const matrix = matrixOf(b, expert, N * K);
        if (matrix === null) return;
        const target = rowsOf(out, first, M, N, ldOut);
        matmul(target, rowsOf(a, first, M, K, ldA), matrix, { M, N, K, ldA, ldOut, ...options });
      });
    },
    expertMatmulWeights(dB, dOut, a, offsets, { E, O, I, alpha = 1, ldOut = O, ldA = I }) {
      eachExpert(offsets, E, (expert, first, count) => {
        const target = matrixOf(dB, expert, O * I);
        if (target === null) return;
        const sizes = { M: O, N: I, K: count, transposeA: true, accumulate: true, alpha, ldA: ldOut, ldB: ldA };
        matmul(target, rowsOf(dOut, first, count, O, ldOut), rowsOf(a, first, count, I, ldA), sizes);
      });
    },
  };
}

function softmax(row: Float32Array): Float64Array {
  let most = Number.NEGATIVE_INFINITY;
  for (const value of row) if (value > most) most = value;
  const p = Float64Array.from(row, (value) => Math.exp(value - most));
  const sum = p.reduce((total, value) => total + value, 0);
  return p.map((value) => value / sum);
}

/** Indices of the K largest, the lower index first on a tie. */
function largest(values: Float64Array, K: number): number[] {
  const order = Array.from(values.keys());
  return order.sort((a, b) => values[b]! - values[a]! || a - b).slice(0, K);
}
