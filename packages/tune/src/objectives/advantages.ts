/**
 * Rewards of groups of completions → advantages: how much better each is than the others for the same prompt. As TRL's
 * GRPOTrainer computes them: the n − 1 standard deviation, and 1e-4 added to it.
 *
 * Legend: N completions in groups of G, F reward functions.
 */
import { TuneError } from '../errors.ts';

export interface AdvantageOptions {
  /** G: completions of one prompt, neighbours in the list. */
  readonly groupSize: number;
  /** Divide by the deviation of the own group, of the whole batch, or by nothing (Dr. GRPO). Default `group`. */
  readonly scale?: 'group' | 'batch' | 'none';
  /** [F] default 1 each. */
  readonly weights?: readonly number[];
  /** `normalize_then_sum` makes every function's rewards comparable inside its group before they are weighed. */
  readonly aggregation?: 'sum_then_normalize' | 'normalize_then_sum';
}

export interface GroupAdvantages {
  /** [N] 0 where no function gave a reward. */
  readonly advantages: Float64Array;
  /** [N] weighted sum of the functions that gave one, NaN where none did. */
  readonly rewards: Float64Array;
  /** [N / G] mean and standard deviation of each group's rewards. */
  readonly groupMeans: Float64Array;
  readonly groupDeviations: Float64Array;
}

/** Keeps a group of equal rewards from dividing by zero. */
const DEVIATION_FLOOR = 1e-4;

/**
 * @param rewards [N][F]; NaN where a function does not apply
 * @throws TuneError `tune-objective` when the completions do not fill whole groups
 */
export function groupAdvantages(rewards: readonly (readonly number[])[], options: AdvantageOptions): GroupAdvantages {
  const { groupSize, scale = 'group', aggregation = 'sum_then_normalize' } = options;
  const N = rewards.length;
  if (!(Number.isInteger(groupSize) && groupSize > 0) || N % groupSize !== 0) {
    throw new TuneError('tune-objective', `advantages: expected whole groups of ${groupSize}, got ${N} completions`);
  }
  const weighted = Float64Array.from(rewards, (row) => weightedSum(row, options.weights));
  const groupMeans = new Float64Array(N / groupSize);
  const groupDeviations = new Float64Array(N / groupSize);
  for (let g = 0; g < groupMeans.length; g++) {
    const group = weighted.subarray(g * groupSize, (g + 1) * groupSize);
    groupMeans[g] = mean(group);
    groupDeviations[g] = deviation(group);
  }
  const advantages = new Float64Array(N);
  if (aggregation === 'normalize_then_sum') {
    const sums = normalizedSums(rewards, options);
    const center = mean(sums);
    const divisor = deviation(sums) + DEVIATION_FLOOR;
    for (let i = 0; i < N; i++) advantages[i] = (sums[i]! - center) / divisor;
  } else {
    const batchDeviation = scale === 'batch' ? deviation(weighted) : 0;
    for (let i = 0; i < N; i++) {
      const g = Math.floor(i / groupSize);
      const spread = scale === 'batch' ? batchDeviation : groupDeviations[g]!;
      const divisor = scale === 'none' ? 1 : spread + DEVIATION_FLOOR;
      advantages[i] = (weighted[i]! - groupMeans[g]!) / divisor;
    }
  }
  for (let i = 0; i < N; i++) if (Number.isNaN(advantages[i]!)) advantages[i] = 0;
  return { advantages, rewards: weighted, groupMeans, groupDeviations };
}

/** Σ over functions of weight × the function's reward in units of its group's deviation; NaN where none applies. */
function normalizedSums(rewards: readonly (readonly number[])[], options: AdvantageOptions): Float64Array {
  const { groupSize, weights } = options;
  const normalized = rewards.map((row) => [...row]);
  for (let start = 0; start < rewards.length; start += groupSize) {
    const rows = normalized.slice(start, start + groupSize);
    for (let f = 0; f < (rewards[0]?.length ?? 0); f++) {
      const column = Float64Array.from(rows, (row) => row[f]!);
      const center = mean(column);
      const divisor = deviation(column) + DEVIATION_FLOOR;
      for (const row of rows) row[f] = (row[f]! - center) / divisor;
    }
  }
  return Float64Array.from(normalized, (row) => weightedSum(row, weights));
}

function weightedSum(row: readonly number[], weights: readonly number[] | undefined): number {
  let sum = 0;
  let known = 0;
  for (const [f, value] of row.entries()) {
    if (Number.isNaN(value)) continue;
    sum += value * (weights?.[f] ?? 1);
    known++;
  }
  return known === 0 ? Number.NaN : sum;
}

/** Of the numbers that are some; NaN for none. */
function mean(values: Float64Array): number {
  let sum = 0;
  let count = 0;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    sum += value;
    count++;
  }
  return sum / count;
}

/** Bessel-corrected, of the numbers that are some; 0 for one. */
function deviation(values: Float64Array): number {
  const center = mean(values);
  let squares = 0;
  let count = 0;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    squares += (value - center) ** 2;
    count++;
  }
  // TRL's `nanstd` takes n / (n − 1) in single precision, which moves an advantage by some 1e-8: done alike.
  return count < 2 ? 0 : Math.sqrt((squares / count) * Math.fround(count / (count - 1)));
}

/**
 * Credits of single tokens → advantages: each minus the mean of its group's tokens at the same place. Completions of one
 * prompt have one shape, so the same place is the same slot of the form; where they have not, the mean is only noisier.
 *
 * @param credits [N] of each completion's tokens; null counts as 0 everywhere
 * @returns [N], empty where a completion has no credits
 */
export function creditAdvantages(credits: readonly (Float64Array | null)[], groupSize: number): Float64Array[] {
  return credits.map((own, i) => {
    const start = i - (i % groupSize);
    const group = credits.slice(start, start + groupSize);
    return Float64Array.from(own ?? [], (credit, t) => {
      const others = group.filter((tokens) => tokens !== null && t < tokens.length);
      return credit - others.reduce((sum, tokens) => sum + tokens![t]!, 0) / others.length;
    });
  });
}
