/**
 * Simplified → traditional for verse that came in simplified script (the ci collections) and for what a person types.
 * opencc-js converts; where one simplified character stands for several traditional ones, the neighbours decide by naive
 * Bayes (4.3 % of ambiguous characters wrong on held-out shi, 23 % by a character table). Still a guess: text that must be
 * judged is checked through the union of readings, never through this.
 */
import { Converter } from 'opencc-js/cn2t';
import { foldText } from './fold-variants.ts';
import { S2T_ALPHABET, S2T_ROWS } from './s2t-context-table.ts';

const ZERO = 32;
const STEP = 0.3;

/**
 * Characters that modern phrase tables turn into another word than verse means (菸 tobacco, 揹 to carry, 瀋 the river): in
 * shi, which came in traditional script, these forms make up nearly all of each.
 */
const VERSE_CHOICES = new Map(
  [...'烟煙梁梁沈沈熏熏姹姹抬擡缰韁肴肴璇璇背背家家念念出出'.matchAll(/(.)(.)/gu)].map(([, from, to]) => [from!, to!]),
);

interface Ambiguity {
  readonly candidates: readonly string[];
  /** Log prior of candidates 2… against the first. */
  readonly prior: readonly number[];
  readonly left: ReadonlyMap<string, readonly number[]>;
  readonly right: ReadonlyMap<string, readonly number[]>;
}

let ambiguities: ReadonlyMap<string, Ambiguity> | null = null;
let converter: ((text: string) => string) | null = null;

/** Converts punctuated simplified verse; the result is folded (`foldText`). Traditional characters pass unchanged. */
export function toTraditional(text: string): string {
  ambiguities ??= readAmbiguities();
  const convert = converter ?? Converter({ from: 'cn', to: 't' });
  converter = convert;
  const source = [...text];
  const converted = [...convert(text)];
  // Phrase tables keep the number of characters; should one ever not, convert character by character.
  const base = converted.length === source.length ? converted : source.map((character) => convert(character));
  for (let i = 0; i < source.length; i++) {
    const ambiguity = ambiguities.get(source[i]!);
    if (ambiguity) base[i] = choose(ambiguity, source[i - 1], source[i + 1]);
    else base[i] = VERSE_CHOICES.get(source[i]!) ?? base[i]!;
  }
  return foldText(base.join(''));
}

function choose(ambiguity: Ambiguity, before: string | undefined, after: string | undefined): string {
  const left = before === undefined ? undefined : ambiguity.left.get(before);
  const right = after === undefined ? undefined : ambiguity.right.get(after);
  let best = 0;
  let bestScore = 0;
  for (let i = 0; i < ambiguity.prior.length; i++) {
    const score = ambiguity.prior[i]! + (left?.[i] ?? 0) + (right?.[i] ?? 0);
    if (score > bestScore) {
      bestScore = score;
      best = i + 1;
    }
  }
  return ambiguity.candidates[best]!;
}

function readAmbiguities(): ReadonlyMap<string, Ambiguity> {
  const value = new Map([...S2T_ALPHABET].map((digit, index) => [digit, (index - ZERO) * STEP]));
  const table = new Map<string, Ambiguity>();
  for (const row of S2T_ROWS) {
    const [simplified, candidateText, prior, left, right] = row.split(' ') as [string, string, string, string, string];
    const candidates = [...candidateText];
    const others = candidates.length - 1;
    table.set(simplified, {
      candidates,
      prior: [...prior].map((digit) => value.get(digit)!),
      left: readNeighbours(left, others, value),
      right: readNeighbours(right, others, value),
    });
  }
  return table;
}

function readNeighbours(
  text: string,
  others: number,
  value: ReadonlyMap<string, number>,
): ReadonlyMap<string, readonly number[]> {
  const neighbours = new Map<string, readonly number[]>();
  const characters = [...text];
  for (let i = 0; i < characters.length; i += others + 1)
    neighbours.set(
      characters[i]!,
      characters.slice(i + 1, i + 1 + others).map((digit) => value.get(digit)!),
    );
  return neighbours;
}
