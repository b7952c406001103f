/**
 * Bits per character: how well a model foresees poems it has not seen, comparable across tokenizers because the bits of
 * whole texts (punctuation and end included) are divided by Chinese characters, not by tokens. The yardstick is an
 * n-gram model of the same data.
 */
import { bootstrap } from '../intervals.ts';
import type { KneserNeyModel } from './kneser-ney.ts';

export interface BitsPerChar {
  /** Σ −log2 P(text) / Σ characters. */
  readonly bitsPerChar: number;
  /** 95 %, percentile bootstrap over poems. */
  readonly ci: readonly [number, number];
  readonly poems: number;
  readonly characters: number;
}

/** What one poem cost, and over how many characters the cost is spread. */
interface PoemBits {
  readonly bits: number;
  readonly characters: number;
}

/** Chinese characters of a text; punctuation does not count. */
export function hanCharacterCount(text: string): number {
  let count = 0;
  for (const char of text) if (/\p{Script=Han}/u.test(char)) count++;
  return count;
}

/**
 * From natural logarithms, one list for each text: the log-probability of every token the model had to foresee.
 *
 * @throws RangeError when the lists do not match the texts, a log-probability is positive or not finite, or no text has a
 *   Chinese character
 */
export function bitsPerChar(logProbs: readonly ArrayLike<number>[], texts: readonly string[], seed = 1): BitsPerChar {
  if (logProbs.length !== texts.length) {
    throw new RangeError(`bitsPerChar: expected one list a text (${texts.length}), got ${logProbs.length}`);
  }
  const poems = texts.map((text, i): PoemBits => {
    let nats = 0;
    for (const logProb of Array.from(logProbs[i]!)) {
      if (!Number.isFinite(logProb) || logProb > 0) {
        throw new RangeError(`bitsPerChar: expected log-probabilities ≤ 0, got ${logProb} in text ${i}`);
      }
      nats -= logProb;
    }
    return { bits: nats / Math.LN2, characters: hanCharacterCount(text) };
  });
  return summarize(poems, seed);
}

/**
 * The same figure of an n-gram model over token sequences, each with its end token where the model's lists have theirs.
 *
 * @throws RangeError when the sequences do not match the texts, or no text has a Chinese character
 */
export function kneserNeyBitsPerChar(
  model: KneserNeyModel,
  sequences: readonly ArrayLike<number>[],
  texts: readonly string[],
  seed = 1,
): BitsPerChar {
  if (sequences.length !== texts.length) {
    throw new RangeError(
      `kneserNeyBitsPerChar: expected one sequence a text (${texts.length}), got ${sequences.length}`,
    );
  }
  const poems = texts.map(
    (text, i): PoemBits => ({
      bits: -model.sequenceLogProbability(sequences[i]!),
      characters: hanCharacterCount(text),
    }),
  );
  return summarize(poems, seed);
}

function summarize(poems: readonly PoemBits[], seed: number): BitsPerChar {
  const characters = poems.reduce((sum, poem) => sum + poem.characters, 0);
  if (characters === 0) throw new RangeError('bitsPerChar: expected texts with Chinese characters, got none');
  const { mean, ci } = bootstrap(poems, ratio, seed);
  return { bitsPerChar: mean, ci, poems: poems.length, characters };
}

/** Ratio of sums, not mean of ratios: a short poem must not weigh as much as a long one. */
function ratio(poems: readonly PoemBits[]): number {
  let bits = 0;
  let characters = 0;
  for (const poem of poems) {
    bits += poem.bits;
    characters += poem.characters;
  }
  return characters === 0 ? 0 : bits / characters;
}
