/**
 * Attention: causal within packed segments, and one query a row over a key/value cache.
 * Legend: N rows, H query heads, G key/value heads, D head size, S segments, B decoding rows.
 */
import type { AttentionSizes, DeviceBuffer, Kernels } from '../contract.ts';
import { storeFloats, storeRows, toFloatRow, toFloats, toInts } from './memory.ts';

/** The rows that the queries of a segment see, in their order, and how many of them are a prefix's. */
function visibleRows(bounds: Int32Array, prefixes: Int32Array | null, s: number): { rows: number[]; before: number } {
  const rows: number[] = [];
  const prefix = prefixes?.[s] ?? -1;
  if (prefix >= 0) for (let n = bounds[prefix]!; n < bounds[prefix + 1]!; n++) rows.push(n);
  const before = rows.length;
  for (let n = bounds[s]!; n < bounds[s + 1]!; n++) rows.push(n);
  return { rows, before };
}

export const attention: Kernels['attention'] = (out, lse, q, k, v, segments, prefixes, sizes) => {
  const { N, H, G, D, ldQ, ldK, ldV, S, window = N } = sizes;
  if (N === 0) return;
  const queries = toFloats(q, (N - 1) * ldQ + H * D);
  const keys = toFloats(k, (N - 1) * ldK + G * D);
  const values = toFloats(v, (N - 1) * ldV + G * D);
  const to = toFloats(out, N * H * D);
  const logSums = toFloats(lse);
  const bounds = toInts(segments);
  const goesOnFrom = prefixes === null ? null : toInts(prefixes);
  const weights = new Float64Array(N);
  const row = new Float64Array(D);
  for (let s = 0; s < S; s++) {
    const { rows, before } = visibleRows(bounds, goesOnFrom, s);
    for (let i = before; i < rows.length; i++) {
      const n = rows[i]!;
      const first = Math.max(0, i - window + 1);
      for (let h = 0; h < H; h++) {
        const qAt = n * ldQ + h * D;
        const head = Math.floor((h * G) / H) * D;
        let largest = Number.NEGATIVE_INFINITY;
        const slope = slopeOf(h, sizes);
        for (let j = first; j <= i; j++) {
          const score = capped(dot(queries, qAt, keys, rows[j]! * ldK + head, D), sizes) - slope * (i - j);
          weights[j] = score;
          if (score > largest) largest = score;
        }
        let sum = 0;
        row.fill(0);
        for (let j = first; j <= i; j++) {
          const weight = Math.exp(weights[j]! - largest);
          sum += weight;
          const vAt = rows[j]! * ldV + head;
          for (let d = 0; d < D; d++) row[d]! += weight * values[vAt + d]!;
        }
        for (let d = 0; d < D; d++) to[(n * H + h) * D + d] = row[d]! / sum;
        logSums[n * H + h] = largest + Math.log(sum);
      }
    }
  }
  storeFloats(out, to);
};

export const attentionBackward: Kernels['attentionBackward'] = (
  dQ,
  dK,
  dV,
  dOut,
  q,
  k,
  v,
  out,
  lse,
  segments,
  prefixes,
  sizes,
) => {
  const { N, H, G, D, ldQ, ldK, ldV, S, scale = 1 / Math.sqrt(D), window = N } = sizes;
  if (N === 0) return;
  const dQueries = toFloats(dQ, (N - 1) * ldQ + H * D);
  const dKeys = toFloats(dK, (N - 1) * ldK + G * D);
  const dValues = toFloats(dV, (N - 1) * ldV + G * D);
  const dFrom = toFloats(dOut, N * H * D);
  const queries = toFloats(q, (N - 1) * ldQ + H * D);
  const keys = toFloats(k, (N - 1) * ldK + G * D);
  const values = toFloats(v, (N - 1) * ldV + G * D);
  const outs = toFloats(out, N * H * D);
  const logSums = toFloats(lse);
  const bounds = toInts(segments);
  const goesOnFrom = prefixes === null ? null : toInts(prefixes);
  // Summed in doubles, packed [N, G, D], then written at their strides.
  const keySums = new Float64Array(N * G * D);
  const valueSums = new Float64Array(N * G * D);
  const row = new Float64Array(D);
  for (let s = 0; s < S; s++) {
    const { rows, before } = visibleRows(bounds, goesOnFrom, s);
    for (let i = before; i < rows.length; i++) {
      const n = rows[i]!;
      const first = Math.max(0, i - window + 1);
      for (let h = 0; h < H; h++) {
        const qAt = n * ldQ + h * D;
        const outAt = (n * H + h) * D;
        const g = Math.floor((h * G) / H);
        const delta = dot(dFrom, outAt, outs, outAt, D);
        const logSum = logSums[n * H + h]!;
        const slope = slopeOf(h, sizes);
        row.fill(0);
        for (let j = first; j <= i; j++) {
          const kAt = rows[j]! * ldK + g * D;
          const vAt = rows[j]! * ldV + g * D;
          const sumAt = (rows[j]! * G + g) * D;
          const score = capped(dot(queries, qAt, keys, kAt, D), sizes);
          const p = Math.exp(score - slope * (i - j) - logSum);
          const dScore = p * (dot(dFrom, outAt, values, vAt, D) - delta) * scale * cappedSlope(score, sizes);
          for (let d = 0; d < D; d++) {
            row[d]! += dScore * keys[kAt + d]!;
            keySums[sumAt + d]! += dScore * queries[qAt + d]!;
            valueSums[sumAt + d]! += p * dFrom[outAt + d]!;
          }
        }
        for (let d = 0; d < D; d++) dQueries[qAt + d] = row[d]!;
      }
    }
  }
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < G * D; c++) {
      dKeys[n * ldK + c] = keySums[n * G * D + c]!;
      dValues[n * ldV + c] = valueSums[n * G * D + c]!;
    }
  }
  storeRows(dQ, dQueries, { N, C: H * D, ld: ldQ });
  storeRows(dK, dKeys, { N, C: G * D, ld: ldK });
  storeRows(dV, dValues, { N, C: G * D, ld: ldV });
};

export const attentionCached: Kernels['attentionCached'] = (out, q, kCache, vCache, tables, lengths, sizes) => {
  const { B, H, G, D, pageSize, ldTable, window = ldTable * pageSize } = sizes;
  const width = G * D;
  const queries = toFloats(q, B * H * D);
  const to = toFloats(out, B * H * D);
  const pages = toInts(tables);
  const lengthOf = toInts(lengths);
  const weights = new Float64Array(ldTable * pageSize);
  const row = new Float64Array(D);
  for (let b = 0; b < B; b++) {
    const length = lengthOf[b]!;
    const first = Math.max(0, length - window);
    const gather = (cache: DeviceBuffer): Float32Array => {
      const rows = new Float32Array((length - first) * width);
      for (let position = first; position < length; position++) {
        const page = pages[b * ldTable + Math.floor(position / pageSize)]!;
        for (let g = 0; g < G; g++) {
          const at = ((page * G + g) * pageSize + (position % pageSize)) * D;
          rows.set(toFloatRow(cache, at, D), (position - first) * width + g * D);
        }
      }
      return rows;
    };
    const keys = gather(kCache);
    const values = gather(vCache);
    for (let h = 0; h < H; h++) {
      const qAt = (b * H + h) * D;
      const head = Math.floor((h * G) / H) * D;
      const slope = slopeOf(h, sizes);
      let largest = Number.NEGATIVE_INFINITY;
      for (let j = 0; j < length - first; j++) {
        const distance = length - 1 - first - j;
        weights[j] = capped(dot(queries, qAt, keys, j * width + head, D), sizes) - slope * distance;
        if (weights[j]! > largest) largest = weights[j]!;
      }
      let sum = 0;
      row.fill(0);
      for (let j = 0; j < length - first; j++) {
        const weight = Math.exp(weights[j]! - largest);
        sum += weight;
        for (let d = 0; d < D; d++) row[d]! += weight * values[j * width + head + d]!;
      }
      for (let d = 0; d < D; d++) to[qAt + d] = row[d]! / sum;
    }
  }
  storeFloats(out, to);
};

export const cacheAppend: Kernels['cacheAppend'] = (cache, x, rows, { N, G, D, pageSize, ldX = G * D }) => {
  for (const [n, row] of toInts(rows).subarray(0, N).entries()) {
    for (let g = 0; g < G; g++) {
      const at = (Math.floor(row / pageSize) * G + g) * pageSize + (row % pageSize);
      storeFloats(cache, toFloatRow(x, n * ldX + g * D, D), at * D);
    }
  }
};

type ScoreSizes = Pick<AttentionSizes, 'H' | 'D' | 'scale' | 'softCap' | 'alibi'>;

/** The scaled score of a product q·k, soft-capped where asked. */
function capped(product: number, { D, scale = 1 / Math.sqrt(D), softCap }: ScoreSizes): number {
  return softCap === undefined ? scale * product : softCap * Math.tanh((scale * product) / softCap);
}

/** Derivative of the cap at a capped score. */
function cappedSlope(score: number, { softCap }: ScoreSizes): number {
  return softCap === undefined ? 1 : 1 - (score / softCap) ** 2;
}

/** ALiBi's slope of head h, 0 without. */
function slopeOf(h: number, { H, alibi = false }: ScoreSizes): number {
  if (!alibi) return 0;
  const n = 2 ** Math.floor(Math.log2(H));
  return 2 ** (h < n ? (-8 * (h + 1)) / n : (-4 * (2 * (h - n) + 1)) / n);
}

function dot(a: Float32Array, aAt: number, b: Float32Array, bAt: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += a[aAt + i]! * b[bAt + i]!;
  return sum;
}
