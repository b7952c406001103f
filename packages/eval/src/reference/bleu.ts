/**
 * BLEU (Papineni et al. 2002): brevity penalty × geometric mean of clipped 1- to 4-gram precisions, 0–100, in the
 * arithmetic of sacreBLEU 2 (exponential smoothing by default), so that figures can be set beside published ones.
 */
import { countMatches, countNgrams } from './ngrams.ts';
import { type BleuTokenizer, tokenizeForBleu } from './tokenize.ts';

/** A text and what it should have been; several references are equally right. */
export interface ReferencePair {
  readonly hypothesis: string;
  readonly references: readonly string[];
}

export interface BleuOptions {
  /** Default `zh`. */
  readonly tokenizer?: BleuTokenizer;
  /** What is done with precisions of 0. Default `exp`. */
  readonly smoothing?: 'exp' | 'floor' | 'add-k' | 'none';
  /** For `floor` (default 0.1) and `add-k` (default 1). */
  readonly smoothingValue?: number;
  /** Stop at the longest n-gram the text has room for. Default false for a corpus, true for a sentence. */
  readonly useEffectiveOrder?: boolean;
}

export interface BleuScore {
  /** 0–100. */
  readonly score: number;
  /** Per order, percent, smoothed. */
  readonly precisions: readonly number[];
  readonly counts: readonly number[];
  readonly totals: readonly number[];
  readonly brevityPenalty: number;
  readonly hypothesisLength: number;
  readonly referenceLength: number;
}

const MAX_ORDER = 4;
/** What the logarithm of 0 counts as: e to the mean of it is 0 in doubles. */
const LOG_ZERO = -9_999_999_999;

/** What one pair adds to the corpus figure. */
export interface BleuStatistics {
  readonly counts: readonly number[];
  readonly totals: readonly number[];
  readonly hypothesisLength: number;
  readonly referenceLength: number;
}

export function bleuStatistics(
  { hypothesis, references }: ReferencePair,
  tokenizer: BleuTokenizer = 'zh',
): BleuStatistics {
  const tokens = tokenizeForBleu(hypothesis.trimEnd(), tokenizer);
  const others = references.map((reference) => tokenizeForBleu(reference.trimEnd(), tokenizer));
  const distance = (length: number): number => Math.abs(length - tokens.length);
  // The closest length counts; of two as close the shorter.
  const lengths = others.map(({ length }) => length).sort((a, b) => distance(a) - distance(b) || a - b);
  const counts: number[] = [];
  const totals: number[] = [];
  for (let n = 1; n <= MAX_ORDER; n++) {
    const best = new Map<string, number>();
    for (const other of others) {
      for (const [gram, count] of countNgrams(other, n)) best.set(gram, Math.max(count, best.get(gram) ?? 0));
    }
    counts.push(countMatches(countNgrams(tokens, n), best));
    totals.push(Math.max(0, tokens.length - n + 1));
  }
  return { counts, totals, hypothesisLength: tokens.length, referenceLength: lengths[0] ?? 0 };
}

function scoreOf(statistics: BleuStatistics, options: BleuOptions): BleuScore {
  const { smoothing = 'exp', useEffectiveOrder = false } = options;
  const { hypothesisLength, referenceLength } = statistics;
  const value = options.smoothingValue ?? (smoothing === 'floor' ? 0.1 : 1);
  const addend = (n: number): number => (smoothing === 'add-k' && n > 1 ? value : 0);
  const counts = statistics.counts.map((count, i) => count + addend(i + 1));
  const totals = statistics.totals.map((total, i) => total + addend(i + 1));
  const brevityPenalty =
    hypothesisLength >= referenceLength
      ? 1
      : hypothesisLength === 0
        ? 0
        : Math.exp(1 - referenceLength / hypothesisLength);
  const precisions = Array<number>(MAX_ORDER).fill(0);
  const facts = { precisions, counts, totals, brevityPenalty, hypothesisLength, referenceLength };
  if (statistics.counts.every((count) => count === 0)) return { score: 0, ...facts };
  let order = MAX_ORDER;
  let halvings = 1;
  for (let n = 1; n <= MAX_ORDER; n++) {
    const total = totals[n - 1]!;
    const count = counts[n - 1]!;
    if (total === 0) break;
    if (useEffectiveOrder) order = n;
    if (count > 0) precisions[n - 1] = (100 * count) / total;
    else if (smoothing === 'exp') {
      halvings *= 2;
      precisions[n - 1] = 100 / (halvings * total);
    } else if (smoothing === 'floor') precisions[n - 1] = (100 * value) / total;
  }
  const logs = precisions.slice(0, order).map((precision) => (precision === 0 ? LOG_ZERO : Math.log(precision)));
  return { score: brevityPenalty * Math.exp(logs.reduce((sum, log) => sum + log, 0) / order), ...facts };
}

/** One figure for all pairs: counts are added up before they are divided. */
export function corpusBleu(pairs: readonly ReferencePair[], options: BleuOptions = {}): BleuScore {
  return bleuOf(
    pairs.map((pair) => bleuStatistics(pair, options.tokenizer)),
    options,
  );
}

/** The same from what was counted before: for resampling. */
export function bleuOf(all: readonly BleuStatistics[], options: BleuOptions = {}): BleuScore {
  const sum = (of: (statistics: BleuStatistics) => number): number => all.reduce((total, each) => total + of(each), 0);
  const orders = Array.from({ length: MAX_ORDER }, (_, i) => i);
  return scoreOf(
    {
      counts: orders.map((i) => sum(({ counts }) => counts[i]!)),
      totals: orders.map((i) => sum(({ totals }) => totals[i]!)),
      hypothesisLength: sum(({ hypothesisLength }) => hypothesisLength),
      referenceLength: sum(({ referenceLength }) => referenceLength),
    },
    options,
  );
}

export function sentenceBleu(pair: ReferencePair, options: BleuOptions = {}): BleuScore {
  return scoreOf(bleuStatistics(pair, options.tokenizer), { useEffectiveOrder: true, ...options });
}
