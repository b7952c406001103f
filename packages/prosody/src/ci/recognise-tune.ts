/**
 * Which tune a ci without a name follows: by line breaks, tones and rhymes against every variant of its length. Lines of one
 * length that make shi are not asked here; a text without a pause must keep tones and rhymes all the better.
 */
import { loadBook } from '../books.ts';
import { simplifyCharacter } from '../scripts.ts';
import type { PoemLine } from '../text.ts';
import { chooseVariant, FAULT_WEIGHT, type VariantFit } from './choose-variant.ts';
import { breaksOfLines, flattenText } from './set-text.ts';
import type { Tune, TuneVariant } from './tune.ts';
import { breaksOf } from './tune-format.ts';
import { tunes } from './tunes.ts';
import { sharedBreaks } from './variant-shape.ts';

/** Nine in ten ci of the Song share these with a variant of their own tune; prose of the same length does not. */
const LEAST_SCORE = 0.61;
/** A text without breaks shares none: 0 would be every tone and rhyme in its place. */
const LEAST_SCORE_UNDIVIDED = -0.12;
/** One line off rhyme in such a text, however many rhymes the tune has: long prose has tones and rhymes by chance. */
const OFF_RHYME_UNDIVIDED = 0.05;
/** Of variants that fit nearly alike, the one that poets wrote more: a tenth as many costs as much as one rhyme off of twenty-four. */
const RARITY_WEIGHT = 0.025;
/** Shorter texts fit some tune by chance. */
const LEAST_CHARACTERS = 16;
const LEAST_CHARACTERS_UNDIVIDED = 36;

export interface RecognisedTune {
  readonly tune: Tune;
  readonly variant: TuneVariant;
}

/** A tune, and how its variants of one length divide their characters. */
interface TuneOfLength {
  readonly tune: Tune;
  readonly breaks: readonly (readonly number[])[];
}

let byLength: ReadonlyMap<number, readonly TuneOfLength[]> | undefined;

/** The tunes with a variant of this many characters. */
function tunesOfLength(length: number): readonly TuneOfLength[] {
  byLength ??= indexByLength();
  return byLength.get(length) ?? [];
}

function indexByLength(): ReadonlyMap<number, readonly TuneOfLength[]> {
  const found = new Map<number, TuneOfLength[]>();
  for (const tune of tunes()) {
    const own = new Map<number, number[][]>();
    for (const { characterCount, lines } of tune.variants) {
      const others = own.get(characterCount);
      if (others === undefined) own.set(characterCount, [breaksOf(lines)]);
      else others.push(breaksOf(lines));
    }
    for (const [length, breaks] of own) {
      const others = found.get(length);
      if (others === undefined) found.set(length, [{ tune, breaks }]);
      else others.push({ tune, breaks });
    }
  }
  return found;
}

/**
 * Whether lines of these lengths may be a ci. An even number of lines of one length is told from old-style poems by name alone
 * (生查子, 玉楼春); not so 浣溪沙.
 */
function mayBeCi(lengths: readonly number[]): boolean {
  const isOneLength = lengths.length > 1 && lengths.every((length) => length === lengths[0]);
  return !isOneLength || lengths.length % 2 === 1 || (lengths.length === 6 && lengths[0] === 7);
}

/** The tune that lines of verse fit best, in either script, or undefined where none fits well. */
export function recogniseTune(lines: readonly PoemLine[]): RecognisedTune | undefined {
  if (!mayBeCi(lines.map(({ chars }) => chars.length))) return undefined;
  const breaks = breaksOfLines(lines);
  const length = breaks.at(-1) ?? 0;
  const isUndivided = breaks.length === 1;
  if (length < (isUndivided ? LEAST_CHARACTERS_UNDIVIDED : LEAST_CHARACTERS)) return undefined;
  const candidates = tunesOfLength(length);
  // What is below this has no merit that the commonest name could make up for.
  const commonest = candidates.reduce((most, { tune }) => Math.max(most, tune.corpusCount), 0);
  const leastMerit = (isUndivided ? LEAST_SCORE_UNDIVIDED : LEAST_SCORE) - rarityScore(commonest);
  const leastScore = (shared: number): number => (isUndivided ? shared + leastMerit : leastMerit);
  const possible = isUndivided
    ? candidates
    : candidates.filter((tune) => tune.breaks.some((own) => sharedBreaks(breaks, own) >= leastMerit));
  if (possible.length === 0) return undefined;
  // In simplified characters, so that either script is taken for the same tune.
  const book = loadBook('cilin', 'simplified');
  const text = flattenText(
    lines.map(({ chars }) => ({ chars: chars.map(simplifyCharacter) })),
    book,
  );
  let best: { tune: Tune; fit: VariantFit; score: number } | undefined;
  for (const { tune } of possible) {
    const fit = chooseVariant(tune.variants, text, book, leastScore);
    if (fit === undefined) continue;
    const score = fit.score + rarityScore(tune.corpusCount);
    if (best === undefined || score > best.score) best = { tune, fit, score };
  }
  if (best === undefined) return undefined;
  const { score, faultShare, off } = best.fit;
  const merit = isUndivided ? -FAULT_WEIGHT * faultShare - OFF_RHYME_UNDIVIDED * off : score;
  if (merit < (isUndivided ? LEAST_SCORE_UNDIVIDED : LEAST_SCORE)) return undefined;
  return { tune: best.tune, variant: best.fit.shape.variant };
}

const rarityScore = (corpusCount: number): number => RARITY_WEIGHT * Math.log10(1 + corpusCount);

/** The characters of an undivided text in the variant's lines and stanzas. */
export function divideAs({ lines, stanzas }: TuneVariant, chars: readonly string[]): string {
  const lastLines = new Set<number>();
  let count = 0;
  for (const stanza of stanzas) {
    count += stanza;
    lastLines.add(count - 1);
  }
  let text = '';
  let start = 0;
  for (const [index, { slots, end }] of lines.entries()) {
    text += chars.slice(start, start + slots.length).join('') + (end === '韵' ? '。' : end === '句' ? '，' : '、');
    if (lastLines.has(index)) text += '\n';
    start += slots.length;
  }
  return text.trim();
}
