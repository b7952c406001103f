/**
 * Which character n-grams (n ≥ 3, inside one line) a corpus has: a Bloom filter of 16 bits a gram, 6 probes, 0.1 % false
 * hits. A gram counts only when all its shorter grams are there too, so a false hit on a long one is out of the question.
 */

/** Two characters in a row are the language's own; three begin to be somebody's. */
export const MIN_GRAM = 3;
/** Longer than any line but the longest of ci; longer matches are reported as this. */
export const MAX_GRAM = 9;

const BITS_PER_GRAM = 16;
const PROBES = 6;

export class GramFilter {
  private readonly bits: Uint32Array;
  private readonly mask: number;

  /** @param bits a stored filter's words (a power of two), for reading it back */
  constructor(expectedGrams: number, bits?: Uint32Array) {
    let words = 1024;
    while (words * 32 < expectedGrams * BITS_PER_GRAM) words *= 2;
    this.bits = bits ?? new Uint32Array(words);
    this.mask = this.bits.length * 32 - 1;
  }

  get words(): Uint32Array {
    return this.bits;
  }

  /** Adds every n-gram of the line, MIN_GRAM ≤ n ≤ MAX_GRAM. */
  addLine(line: string): void {
    forEachGram(line, (first, second) => {
      for (let probe = 0; probe < PROBES; probe++) {
        const bit = (first + Math.imul(probe, second)) & this.mask;
        this.bits[bit >>> 5]! |= 1 << (bit & 31);
      }
    });
  }

  /** Length of the longest n-gram of the line that the corpus has; 0 when not even three characters are shared. */
  longest(line: string): number {
    const units = [...line];
    let best = 0;
    // hits[n] of the gram ending at `end`; a gram of n needs both grams of n − 1 inside it.
    let previous: boolean[] = [];
    for (let end = MIN_GRAM; end <= units.length; end++) {
      const current: boolean[] = [];
      for (let n = MIN_GRAM; n <= Math.min(MAX_GRAM, end); n++) {
        const isPossible = n === MIN_GRAM || (current[n - 1] === true && previous[n - 1] === true);
        if (!isPossible) break;
        const isHit = this.has(units, end - n, end);
        current[n] = isHit;
        if (!isHit) break;
        best = Math.max(best, n);
      }
      previous = current;
    }
    return best;
  }

  private has(units: readonly string[], from: number, to: number): boolean {
    let first = 0x811c9dc5 ^ (to - from);
    let second = 0x2545f491;
    for (let i = from; i < to; i++) {
      const code = units[i]!.codePointAt(0)!;
      first = Math.imul(first ^ code, 0x01000193);
      second = Math.imul(second ^ code, 0x5bd1e995);
    }
    [first, second] = finish(first, second);
    for (let probe = 0; probe < PROBES; probe++) {
      const bit = (first + Math.imul(probe, second)) & this.mask;
      if ((this.bits[bit >>> 5]! & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }
}

/** How many n-grams a line has, for sizing. */
export function countGrams(characters: number): number {
  let count = 0;
  for (let n = MIN_GRAM; n <= Math.min(MAX_GRAM, characters); n++) count += characters - n + 1;
  return count;
}

function forEachGram(line: string, visit: (first: number, second: number) => void): void {
  const codes: number[] = [];
  for (const character of line) codes.push(character.codePointAt(0)!);
  for (let from = 0; from + MIN_GRAM <= codes.length; from++) {
    for (let n = MIN_GRAM; n <= Math.min(MAX_GRAM, codes.length - from); n++) {
      let first = 0x811c9dc5 ^ n;
      let second = 0x2545f491;
      for (let i = from; i < from + n; i++) {
        first = Math.imul(first ^ codes[i]!, 0x01000193);
        second = Math.imul(second ^ codes[i]!, 0x5bd1e995);
      }
      const [a, b] = finish(first, second);
      visit(a, b);
    }
  }
}

// Multiplication alone carries nothing from high bits to low ones, and the filter takes the low bits.
function finish(first: number, second: number): [number, number] {
  let a = first ^ (first >>> 16);
  a = Math.imul(a, 0x85ebca6b);
  a ^= a >>> 13;
  let b = second ^ (second >>> 15);
  b = Math.imul(b, 0xc2b2ae35);
  b ^= b >>> 16;
  return [a, b | 1];
}
