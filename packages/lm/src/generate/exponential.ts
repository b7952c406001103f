/**
 * exp of numbers that are not positive, about five times faster than `Math.exp`: sampling takes one or two per
 * vocabulary entry and token, which would otherwise cost as much as a small model's forward pass.
 *
 * exp(x) = 2^−a · 2^−(b/2048) · (1 + r + r²/2), |r| ≤ ln 2/2048: relative error below 7e−12.
 */
const STEPS = 2048;
const STEP_BITS = 11;
const SCALE = STEPS / Math.LN2;
/** Below this, exp is under 1e−304: no weight at all. */
const LOWEST = -700;

const fractions = Float64Array.from({ length: STEPS }, (_, i) => 2 ** (-i / STEPS));
const wholes = Float64Array.from({ length: 1024 }, (_, i) => 2 ** -i);

/**
 * weights[i] = exp((values[i] − best) / temperature), best ≥ every value. Returns their sum; NaN if a value is NaN.
 */
export function exponentiate(
  weights: Float64Array,
  values: Float32Array,
  sizes: { count: number; best: number; temperature: number },
): number {
  const { count, best, temperature } = sizes;
  const inverse = 1 / temperature;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const weight = expOfNegative((values[i]! - best) * inverse);
    weights[i] = weight;
    sum += weight;
  }
  return sum;
}

/** exp(x) for x ≤ 0. */
export function expOfNegative(x: number): number {
  if (!(x >= LOWEST)) return Number.isNaN(x) ? Number.NaN : 0;
  const y = -x * SCALE;
  const k = y | 0;
  const r = (k - y) / SCALE;
  return wholes[k >> STEP_BITS]! * fractions[k & (STEPS - 1)]! * (1 + r * (1 + 0.5 * r));
}
