/**
 * exp of numbers that are not positive, many times faster than `Math.exp`: sampling takes one or two per vocabulary entry
 * and token, which would otherwise cost as much as a small model's forward pass.
 *
 * exp(x) = 2^−a · 2^−(b/2048) · (1 + r + r²/2), |r| ≤ ln 2/2048: relative error below 7e−12.
 */
const STEPS = 2048;
const STEP_BITS = 11;
const SCALE = STEPS / Math.LN2;
const STEP = Math.LN2 / STEPS;
/** Steps below 1 at which exp is under 1e−304: no weight at all. */
const LAST_STEP = 700 * SCALE;
/** Values whose weights are added up at once. */
export const SUM_BLOCK = 256;

const fractions = Float64Array.from({ length: STEPS }, (_, i) => 2 ** (-i / STEPS));
const wholes = Float64Array.from({ length: 1024 }, (_, i) => 2 ** -i);

export interface Exponents {
  /** Not below any of the values. */
  readonly best: number;
  readonly temperature: number;
}

/**
 * weights[i] = exp((values[i] − best) / temperature). Returns their sum; NaN if a value is NaN.
 */
export function exponentiate(weights: Float64Array, values: Float32Array, { best, temperature }: Exponents): number {
  const scale = SCALE / temperature;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const weight = weightOf((best - values[i]!) * scale);
    weights[i] = weight;
    sum += weight;
  }
  return sum;
}

/**
 * The sums of the same weights over blocks of SUM_BLOCK values, which is all that a draw needs: nothing of the
 * vocabulary's size is written.
 * @param sums [⌈values/SUM_BLOCK⌉]
 * @returns their sum, NaN if a value is NaN
 */
export function sumExponentials(sums: Float64Array, values: Float32Array, { best, temperature }: Exponents): number {
  const scale = SCALE / temperature;
  let total = 0;
  for (let begin = 0, block = 0; begin < values.length; begin += SUM_BLOCK, block++) {
    const end = Math.min(values.length, begin + SUM_BLOCK);
    let sum = 0;
    for (let i = begin; i < end; i++) sum += weightOf((best - values[i]!) * scale);
    sums[block] = sum;
    total += sum;
  }
  return total;
}

/** exp(x) for x ≤ 0. */
export function expOfNegative(x: number): number {
  return weightOf(-x * SCALE);
}

/** 2^(−y/STEPS). */
function weightOf(y: number): number {
  if (!(y <= LAST_STEP)) return Number.isNaN(y) ? Number.NaN : 0;
  const k = y | 0;
  const r = (k - y) * STEP;
  return wholes[k >> STEP_BITS]! * fractions[k & (STEPS - 1)]! * (1 + r * (1 + 0.5 * r));
}
