/**
 * chrF (Popović 2015): F-score of character n-grams up to 6, recall weighted β² = 4 times, 0–100; chrF++ adds word
 * n-grams. In the arithmetic of sacreBLEU 2.
 */
import type { ReferencePair } from './bleu.ts';
import { countMatches, countNgrams } from './ngrams.ts';

export interface ChrfOptions {
  /** Longest character n-gram. Default 6. */
  readonly charOrder?: number;
  /** Longest word n-gram; 0 for chrF, 2 for chrF++. Default 0. */
  readonly wordOrder?: number;
  /** Default 2. */
  readonly beta?: number;
  /** White space counts as characters. Default false. */
  readonly withWhitespace?: boolean;
  /** As chrF++.py: orders without n-grams count with a tiny score instead of being left out. Default false. */
  readonly useEpsilon?: boolean;
}

/** Of one order: n-grams of the text, of the reference, in both. */
export type ChrfCounts = readonly [hypothesis: number, reference: number, matches: number];

const EPSILON = 1e-16;
const PUNCTUATION = /[!-/:-@[-`{-~]/u;

/** Words with the punctuation at one end set apart. */
function wordsOf(text: string): string[] {
  return text
    .split(/\s+/u)
    .filter((word) => word !== '')
    .flatMap((word) => {
      const characters = [...word];
      if (characters.length === 1) return [word];
      const last = characters.at(-1)!;
      if (PUNCTUATION.test(last)) return [characters.slice(0, -1).join(''), last];
      const first = characters[0]!;
      return PUNCTUATION.test(first) ? [first, characters.slice(1).join('')] : [word];
    });
}

const sizeOf = (counts: ReadonlyMap<string, number>): number => {
  let size = 0;
  for (const count of counts.values()) size += count;
  return size;
};

function statisticsOf(hypothesis: string, reference: string, options: ChrfOptions): ChrfCounts[] {
  const { charOrder = 6, wordOrder = 0, withWhitespace = false } = options;
  const charactersOf = (text: string): string[] => [...(withWhitespace ? text : text.replaceAll(/\s/gu, ''))];
  const count = (a: readonly string[], b: readonly string[], order: number): ChrfCounts[] =>
    Array.from({ length: order }, (_, i) => {
      const own = countNgrams(a, i + 1);
      const other = countNgrams(b, i + 1);
      // Where the reference has no n-gram of this order, those of the text are not held against it.
      return [other.size === 0 ? 0 : sizeOf(own), sizeOf(other), countMatches(own, other)] as const;
    });
  return [
    ...count(charactersOf(hypothesis), charactersOf(reference), charOrder),
    ...(wordOrder === 0 ? [] : count(wordsOf(hypothesis), wordsOf(reference), wordOrder)),
  ];
}

function scoreOf(statistics: readonly ChrfCounts[], { beta = 2, useEpsilon = false }: ChrfOptions): number {
  const factor = beta * beta;
  const f = (precision: number, recall: number): number =>
    factor * precision + recall > 0 ? ((1 + factor) * precision * recall) / (factor * precision + recall) : 0;
  if (useEpsilon) {
    const scores = statistics.map(([own, other, matches]) => {
      const score = f(own > 0 ? matches / own : EPSILON, other > 0 ? matches / other : EPSILON);
      return score > 0 ? score : EPSILON;
    });
    return (100 * scores.reduce((sum, score) => sum + score, 0)) / statistics.length;
  }
  const counted = statistics.filter(([own, other]) => own > 0 && other > 0);
  if (counted.length === 0) return 0;
  const mean = (of: (counts: ChrfCounts) => number): number =>
    counted.reduce((sum, counts) => sum + of(counts), 0) / counted.length;
  return (
    100 *
    f(
      mean(([own, , matches]) => matches / own),
      mean(([, other, matches]) => matches / other),
    )
  );
}

/** Of several references the one that fits best counts. */
export function chrfStatistics({ hypothesis, references }: ReferencePair, options: ChrfOptions = {}): ChrfCounts[] {
  const all = references.map((reference) => statisticsOf(hypothesis, reference, options));
  return all.reduce(
    (best, other) => (scoreOf(other, options) > scoreOf(best, options) ? other : best),
    all[0] ?? statisticsOf(hypothesis, '', options),
  );
}

/** One figure for all pairs, 0–100. */
export function corpusChrf(pairs: readonly ReferencePair[], options: ChrfOptions = {}): number {
  return chrfOf(
    pairs.map((pair) => chrfStatistics(pair, options)),
    options,
  );
}

/** The same from what was counted before: for resampling. */
export function chrfOf(all: readonly (readonly ChrfCounts[])[], options: ChrfOptions = {}): number {
  const orders = (options.charOrder ?? 6) + (options.wordOrder ?? 0);
  const sums = Array.from({ length: orders }, (_, i) => {
    const sum = (place: 0 | 1 | 2): number => all.reduce((total, counts) => total + counts[i]![place], 0);
    return [sum(0), sum(1), sum(2)] as const;
  });
  return scoreOf(sums, options);
}

export function sentenceChrf(pair: ReferencePair, options: ChrfOptions = {}): number {
  return scoreOf(chrfStatistics(pair, options), options);
}
