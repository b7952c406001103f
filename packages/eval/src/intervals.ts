/** Uncertainty of every figure: Wilson intervals for rates, seeded bootstrap for means and paired differences. */

/** k successes of n, with the 95 % Wilson score interval [low, high]; the interval is [0, 1] when n is 0. */
export interface Rate {
  readonly k: number;
  readonly n: number;
  readonly ci: readonly [number, number];
}

/** A mean of n values with its 95 % interval. */
export interface Mean {
  readonly mean: number;
  readonly n: number;
  readonly ci: readonly [number, number];
}

/** 97.5 % quantile of the normal distribution. */
const Z = 1.959963984540054;
const BOOTSTRAP_SAMPLES = 1000;

/** Wilson (1927): (p̂ + z²/2n ± z√(p̂(1−p̂)/n + z²/4n²)) / (1 + z²/n). */
export function wilson(k: number, n: number): Rate {
  if (n === 0) return { k, n, ci: [0, 1] };
  const p = k / n;
  const centre = p + (Z * Z) / (2 * n);
  const spread = Z * Math.sqrt((p * (1 - p)) / n + (Z * Z) / (4 * n * n));
  const scale = 1 + (Z * Z) / n;
  return { k, n, ci: [Math.max(0, (centre - spread) / scale), Math.min(1, (centre + spread) / scale)] };
}

/** A small seeded generator (mulberry32): resampling must repeat, it need not be strong. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Percentile bootstrap of a statistic over `items` resampled with replacement. */
export function bootstrap<T>(
  items: readonly T[],
  statistic: (sample: readonly T[]) => number,
  seed = 1,
  samples = BOOTSTRAP_SAMPLES,
): Mean {
  const mean = statistic(items);
  if (items.length < 2) return { mean, n: items.length, ci: [mean, mean] };
  const random = uniform(seed);
  const values: number[] = [];
  for (let b = 0; b < samples; b++) {
    const sample = Array.from({ length: items.length }, () => items[Math.floor(random() * items.length)]!);
    values.push(statistic(sample));
  }
  values.sort((a, b) => a - b);
  return {
    mean,
    n: items.length,
    ci: [values[Math.floor(0.025 * samples)]!, values[Math.ceil(0.975 * samples) - 1]!],
  };
}

export function bootstrapMean(values: readonly number[], seed = 1): Mean {
  return bootstrap(values, (sample) => sample.reduce((sum, x) => sum + x, 0) / Math.max(1, sample.length), seed);
}

/**
 * Two models on the same prompts: the share of prompts on which `a` scores higher, ties counted half, with a paired
 * bootstrap interval over prompts.
 *
 * @throws RangeError when the lists differ in length
 */
export function pairedWinRate(
  a: readonly number[],
  b: readonly number[],
  seed = 1,
): { winRate: number; ci: readonly [number, number] } {
  if (a.length !== b.length) {
    throw new RangeError(`pairedWinRate: expected two lists of one length, got ${a.length} and ${b.length}`);
  }
  const outcomes = a.map((x, i) => (x > b[i]! ? 1 : x < b[i]! ? 0 : 0.5));
  const { mean, ci } = bootstrapMean(outcomes, seed);
  return { winRate: mean, ci };
}
