/**
 * Which tune a ci without a name follows: by line breaks, tones and rhymes against every variant of its length. Lines of one
 * length that make shi are not asked here; a text without a pause must keep tones and rhymes all the better.
 */
import type { Book } from '../book-types.ts';
import { chooseVariant, type FlatText, type VariantFit } from './choose-variant.ts';
import type { Tune, TuneVariant } from './tune.ts';
import { tunes } from './tunes.ts';

/** Nine in ten ci of the Song share these with a variant of their own tune; prose of the same length does not. */
const LEAST_SCORE = 0.65;
/** A text without breaks shares none: 1 would be every tone and rhyme in its place. */
const LEAST_SCORE_UNDIVIDED = -0.12;
/** Of variants that fit nearly alike, the one that poets wrote more: a tenth as many costs as much as half a line off rhyme. */
const RARITY_WEIGHT = 0.025;
/** Shorter texts fit some tune by chance. */
const LEAST_CHARACTERS = 16;
const LEAST_CHARACTERS_UNDIVIDED = 36;

export interface RecognisedTune {
  readonly tune: Tune;
  readonly variant: TuneVariant;
}

let byLength: ReadonlyMap<number, readonly Tune[]> | undefined;

/** The tunes with a variant of this many characters. */
function tunesOfLength(length: number): readonly Tune[] {
  if (byLength === undefined) {
    const found = new Map<number, Tune[]>();
    for (const tune of tunes()) {
      for (const count of new Set(tune.variants.map(({ characterCount }) => characterCount))) {
        const others = found.get(count);
        if (others === undefined) found.set(count, [tune]);
        else others.push(tune);
      }
    }
    byLength = found;
  }
  return byLength.get(length) ?? [];
}

/**
 * Whether lines of these lengths may be a ci. An even number of lines of one length is told from old-style poems by name alone
 * (生查子, 玉楼春); not so 浣溪沙.
 */
export function mayBeCi(lengths: readonly number[]): boolean {
  const isOneLength = lengths.length > 1 && lengths.every((length) => length === lengths[0]);
  return !isOneLength || lengths.length % 2 === 1 || (lengths.length === 6 && lengths[0] === 7);
}

/** The tune that the text fits best, or undefined where none fits well. */
export function recogniseTune(text: FlatText, book: Book): RecognisedTune | undefined {
  const isUndivided = text.breaks.length === 1;
  if (text.chars.length < (isUndivided ? LEAST_CHARACTERS_UNDIVIDED : LEAST_CHARACTERS)) return undefined;
  let best: { tune: Tune; fit: VariantFit; score: number } | undefined;
  for (const tune of tunesOfLength(text.chars.length)) {
    const fit = chooseVariant(tune.variants, text, book);
    if (fit === undefined) continue;
    const score = fit.score + RARITY_WEIGHT * Math.log10(1 + tune.corpusCount);
    if (best === undefined || score > best.score) best = { tune, fit, score };
  }
  if (best === undefined) return undefined;
  // Without breaks `shared` is what the last one alone is worth.
  const merit = isUndivided ? best.fit.score - best.fit.shared : best.fit.score;
  if (merit < (isUndivided ? LEAST_SCORE_UNDIVIDED : LEAST_SCORE)) return undefined;
  return { tune: best.tune, variant: best.fit.shape.variant };
}

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
