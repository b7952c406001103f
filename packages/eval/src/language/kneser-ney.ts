/**
 * Interpolated modified Kneser–Ney n-gram model over token ids: the yardstick a neural model of the same data has to
 * beat. Not for generation. Source: Chen & Goodman, An Empirical Study of Smoothing Techniques for Language Modeling
 * (1998), with the usual three discounts per order.
 *
 * An n-gram is one double, a number of n digits to the base vocabularySize + 1, so that sorting and counting are typed-array work.
 * Keys of one context are neighbours in sorted order (the context is the high part).
 */

/** Doubles hold integers exactly up to 2^53. */
const MAX_KEY_BITS = 53;

interface Order {
  /** Distinct n-grams, ascending. */
  readonly keys: Float64Array;
  /** Raw counts at the highest order, continuation counts below. */
  readonly counts: Uint32Array;
  /** Distinct contexts (keys without their last token), ascending; context i owns keys starts[i] … starts[i+1] − 1. */
  readonly contexts: Float64Array;
  readonly starts: Uint32Array;
  /** Per context: Σ counts, and the weight γ of the lower order. */
  readonly totals: Float64Array;
  readonly backoff: Float64Array;
  /** D1, D2, D3+. */
  readonly discounts: readonly [number, number, number];
}

export interface KneserNeyModel {
  readonly order: number;
  readonly vocabularySize: number;
  /** log2 P(token | the preceding order − 1 tokens of `history`), history[history.length − 1] the nearest. */
  logProbability(history: ArrayLike<number>, token: number): number;
  /** Σ log2 P over a sequence that starts from the beginning-of-sequence context. */
  sequenceLogProbability(sequence: ArrayLike<number>): number;
}

export interface KneserNeyOptions {
  readonly order: number;
  /** Ids run from 0; one more id is taken internally for the beginning of a sequence. */
  readonly vocabularySize: number;
}

function countSorted(sorted: Float64Array): { keys: Float64Array; counts: Uint32Array } {
  let distinct = 0;
  for (let i = 0; i < sorted.length; i++) if (i === 0 || sorted[i] !== sorted[i - 1]) distinct++;
  const keys = new Float64Array(distinct);
  const counts = new Uint32Array(distinct);
  let at = -1;
  for (let i = 0; i < sorted.length; i++) {
    if (i === 0 || sorted[i] !== sorted[i - 1]) keys[++at] = sorted[i]!;
    counts[at] = counts[at]! + 1;
  }
  return { keys, counts };
}

/** D_k = k − (k+1)·Y·n_{k+1}/n_k with Y = n1/(n1 + 2·n2); n_k is the number of n-grams counted k times. */
function discountsOf(counts: Uint32Array): readonly [number, number, number] {
  const ofCount = [0, 0, 0, 0, 0];
  for (const count of counts) if (count <= 4) ofCount[count] = ofCount[count]! + 1;
  const [, n1, n2, n3, n4] = ofCount as [number, number, number, number, number];
  if (n1 === 0 || n2 === 0) return [0.5, 0.5, 0.5];
  const y = n1 / (n1 + 2 * n2);
  const clamp = (value: number, k: number): number => Math.min(k, Math.max(0, Number.isFinite(value) ? value : k / 2));
  return [clamp(1 - (2 * y * n2) / n1, 1), clamp(2 - (3 * y * n3) / n2, 2), clamp(3 - (4 * y * n4) / n3, 3)];
}

function discountFor(discounts: readonly [number, number, number], count: number): number {
  return count === 0 ? 0 : discounts[count >= 3 ? 2 : ((count - 1) as 0 | 1)];
}

function buildOrder(keys: Float64Array, counts: Uint32Array, base: number): Order {
  const discounts = discountsOf(counts);
  const contexts: number[] = [];
  const starts: number[] = [];
  for (let i = 0; i < keys.length; i++) {
    const context = (keys[i]! - (keys[i]! % base)) / base;
    if (contexts.length === 0 || contexts[contexts.length - 1] !== context) {
      contexts.push(context);
      starts.push(i);
    }
  }
  starts.push(keys.length);
  const totals = new Float64Array(contexts.length);
  const backoff = new Float64Array(contexts.length);
  for (let c = 0; c < contexts.length; c++) {
    let total = 0;
    let discounted = 0;
    for (let i = starts[c]!; i < starts[c + 1]!; i++) {
      total += counts[i]!;
      discounted += discountFor(discounts, counts[i]!);
    }
    totals[c] = total;
    backoff[c] = discounted / total;
  }
  return {
    keys,
    counts,
    contexts: Float64Array.from(contexts),
    starts: Uint32Array.from(starts),
    totals,
    backoff,
    discounts,
  };
}

/** Index of `value` in `sorted[from … to)`, or −1. */
function find(sorted: Float64Array, value: number, from: number, to: number): number {
  let low = from;
  let high = to - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const seen = sorted[middle]!;
    if (seen === value) return middle;
    if (seen < value) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** Trains on sequences of token ids. Memory: about 40 bytes a training token at order 4. */
export function trainKneserNey(sequences: readonly ArrayLike<number>[], options: KneserNeyOptions): KneserNeyModel {
  const { order, vocabularySize } = options;
  const begin = vocabularySize;
  const base = vocabularySize + 1;
  if (Math.log2(base) * order > MAX_KEY_BITS) {
    throw new RangeError(
      `trainKneserNey: expected (vocabularySize + 1)^order ≤ 2^${MAX_KEY_BITS}, got ${base}^${order}`,
    );
  }

  let length = 0;
  for (const sequence of sequences) length += sequence.length;
  const raw = new Float64Array(length);
  const context = base ** (order - 1);
  let at = 0;
  for (const sequence of sequences) {
    let key = 0;
    for (let i = 0; i < order; i++) key = key * base + begin;
    for (let i = 0; i < sequence.length; i++) {
      key = (key % context) * base + sequence[i]!;
      raw[at++] = key;
    }
  }
  raw.sort();

  const orders: Order[] = [];
  let { keys, counts } = countSorted(raw);
  orders[order] = buildOrder(keys, counts, base);
  for (let n = order - 1; n >= 1; n--) {
    // Continuation counts: in how many distinct contexts each shorter gram was seen.
    const modulus = base ** n;
    const suffixes = keys.map((key) => key % modulus).sort();
    ({ keys, counts } = countSorted(suffixes));
    orders[n] = buildOrder(keys, counts, base);
  }

  /** P_n(token | context of n − 1 tokens), the uniform distribution below order 1. */
  const probability = (n: number, contextKey: number, token: number): number => {
    if (n === 0) return 1 / vocabularySize;
    const level = orders[n]!;
    const shorter = n === 1 ? 0 : contextKey % base ** (n - 2);
    const lower = probability(n - 1, shorter, token);
    const c = find(level.contexts, contextKey, 0, level.contexts.length);
    if (c < 0) return lower;
    const i = find(level.keys, contextKey * base + token, level.starts[c]!, level.starts[c + 1]!);
    const count = i < 0 ? 0 : level.counts[i]!;
    return (count - discountFor(level.discounts, count)) / level.totals[c]! + level.backoff[c]! * lower;
  };

  const logProbability = (history: ArrayLike<number>, token: number): number => {
    let key = 0;
    for (let i = history.length - order + 1; i < history.length; i++) key = key * base + (i < 0 ? begin : history[i]!);
    return Math.log2(probability(order, key, token));
  };

  return {
    order,
    vocabularySize,
    logProbability,
    sequenceLogProbability: (sequence) => {
      let sum = 0;
      let key = 0;
      const width = base ** (order - 2);
      for (let i = 0; i < order - 1; i++) key = key * base + begin;
      for (let i = 0; i < sequence.length; i++) {
        sum += Math.log2(probability(order, key, sequence[i]!));
        key = (key % width) * base + sequence[i]!;
      }
      return sum;
    },
  };
}
