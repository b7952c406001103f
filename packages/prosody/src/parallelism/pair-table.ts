/**
 * How readily two characters face each other in parallel couplets (对仗), from the generated table. A character has a
 * count and a vector of 32 numbers; a pair that the vectors underrate is listed with its count besides.
 *
 * Digits are the 64 of {@link DIGITS}. A count is 2^(digit/3). A number of a vector is (digit − 32)/14. The list of a
 * character holds its pairs with itself and the characters after it, in the order of the table: the gap to the one
 * before in base 32, lowest digit first, all but the last plus 32, then the digit of the count.
 */
import { useTable } from '../table-store.ts';

/** The table as strings; tests build others. */
export interface EncodedPairs {
  readonly characters: string;
  readonly counts: string;
  readonly total: number;
  readonly vectors: string;
  readonly pairs: readonly string[];
}

/** Scores one pair of simplified characters. */
export type PairScore = (upper: string, lower: string) => number;

export interface PairTable {
  readonly score: PairScore;
  /** Simplified, commonest first. */
  readonly characters: readonly string[];
  /**
   * How alike two characters are in what they face (cosine of their vectors, −1 … 1): characters of one meaning field are.
   * 0 for a character that is not in the table.
   */
  likeness(a: string, b: string): number;
}

const DIGITS = '!#$%&()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_abcd';
const DIMENSIONS = 32;
const VECTOR_STEPS = 14;
const COUNT_STEPS = 3;
/** What the vectors say weighs as much as this many expected meetings. */
const PRIOR = 10;
/** A pair says no more than this, so that one stock phrase does not make a couplet. */
const LIMIT = 6;

let shipped: PairTable | undefined;

/** The shipped table, decoded at the first call. */
export function loadPairs(): PairTable {
  if (shipped) return shipped;
  const table = useTable('pairs');
  shipped = decodePairs({
    characters: table.PARALLEL_CHARACTERS,
    counts: table.PARALLEL_COUNTS,
    total: table.PARALLEL_TOTAL,
    vectors: table.PARALLEL_VECTORS,
    pairs: table.PARALLEL_PAIRS,
  });
  return shipped;
}

/**
 * Scores are pointwise mutual information (natural logarithm), smoothed: ln((n + 10·c)/(e + 10)), where n is how often the two face
 * each other, e how often they would by chance, and c = exp(u·v) what the vectors expect in its place. 0 for a character
 * that is not in the table.
 */
export function decodePairs(table: EncodedPairs): PairTable {
  const digits = new Int8Array(128).fill(-1);
  for (let value = 0; value < DIGITS.length; value++) digits[DIGITS.charCodeAt(value)] = value;
  const digitAt = (text: string, index: number): number => digits[text.charCodeAt(index)]!;
  const countOf = (digit: number): number => 2 ** (digit / COUNT_STEPS);

  const ids = new Map<string, number>();
  for (const char of table.characters) ids.set(char, ids.size);
  const size = ids.size;
  const counts = new Float64Array(size);
  for (let id = 0; id < size; id++) counts[id] = countOf(digitAt(table.counts, id));
  const vectors = new Float32Array(size * DIMENSIONS);
  for (let index = 0; index < vectors.length; index++) {
    vectors[index] = (digitAt(table.vectors, index) - 32) / VECTOR_STEPS;
  }
  const decodeListed = (): ReadonlyMap<number, number> => {
    const pairs = new Map<number, number>();
    for (let first = 0; first < table.pairs.length; first++) {
      const row = table.pairs[first]!;
      let second = first - 1;
      for (let index = 0; index < row.length; ) {
        let gap = 0;
        let scale = 1;
        let digit = digitAt(row, index++);
        for (; digit >= 32; digit = digitAt(row, index++)) {
          gap += (digit - 32) * scale;
          scale *= 32;
        }
        second += 1 + gap + digit * scale;
        pairs.set(first * size + second, countOf(digitAt(row, index++)));
      }
    }
    return pairs;
  };
  // Likeness needs the vectors alone, and the first suggestion should not wait for the rest.
  let listed: ReadonlyMap<number, number> | undefined;

  const score: PairScore = (upper, lower) => {
    const a = ids.get(upper);
    const b = ids.get(lower);
    if (a === undefined || b === undefined) return 0;
    let closeness = 0;
    for (let d = 0; d < DIMENSIONS; d++) {
      const product = vectors[a * DIMENSIONS + d]! * vectors[b * DIMENSIONS + d]!;
      closeness += d % 4 === 3 ? -product : product;
    }
    listed ??= decodeListed();
    const meetings = listed.get(a < b ? a * size + b : b * size + a) ?? 0;
    const expected = (counts[a]! * counts[b]!) / table.total;
    const information = Math.log((meetings + PRIOR * Math.exp(closeness)) / (expected + PRIOR));
    return Math.max(-LIMIT, Math.min(LIMIT, information));
  };
  const norms = Float32Array.from({ length: size }, (_, id) => Math.sqrt(plainProduct(vectors, id, id)));
  const likeness = (a: string, b: string): number => {
    const first = ids.get(a);
    const second = ids.get(b);
    if (first === undefined || second === undefined) return 0;
    return plainProduct(vectors, first, second) / (norms[first]! * norms[second]! || 1);
  };
  return { score, characters: [...ids.keys()], likeness };
}

function plainProduct(vectors: Float32Array, a: number, b: number): number {
  let sum = 0;
  for (let d = 0; d < DIMENSIONS; d++) sum += vectors[a * DIMENSIONS + d]! * vectors[b * DIMENSIONS + d]!;
  return sum;
}
