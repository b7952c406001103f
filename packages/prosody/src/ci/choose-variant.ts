/** Which variant of a tune a text follows: of those of its length, the one with its line breaks, tones and rhymes, weighed. */
import type { Book } from '../book-types.ts';
import { countOffRhymes } from './ci-rhyme.ts';
import type { Tune, TunePractice, TuneVariant } from './tune.ts';
import { shapeOf, sharedBreaks, type VariantShape } from './variant-shape.ts';

/**
 * Song poets regroup the same characters freely, so four fifths of the breaks are enough; fewer is another division.
 * (With breaks alone, too strict a variant is chosen: the book's later variants have no 中.)
 */
export const SHARED_BREAKS_NEEDED = 0.8;

/**
 * What a share of broken slots, and a share of rhymes off, weigh against a share of common breaks: the weights by which the
 * recorded measurements of Song ci come out, to the tenth of a point (满庭芳, 水龙吟).
 */
export const FAULT_WEIGHT = 2;
const OFF_RHYME_WEIGHT = 0.6;

export interface VariantFit {
  readonly shape: VariantShape;
  /** Jaccard index of the line breaks. */
  readonly shared: number;
  /** Share of the fixed slots that hold the other tone. */
  readonly faultShare: number;
  /** Rhymes off. */
  readonly off: number;
  readonly score: number;
}

/** The text as one row of characters, with the characters before each line end. */
export interface FlatText {
  readonly chars: readonly string[];
  readonly breaks: readonly number[];
  /** Tone bits by character; 3 for unknown ones. */
  readonly masks: Uint8Array;
}

/**
 * The best variant of exactly the text's length; undefined when there is none.
 *
 * @param leastScore what a variant must score at the least, by the share of breaks it has in common with the text
 */
export function chooseVariant(
  variants: readonly TuneVariant[],
  text: FlatText,
  book: Book,
  leastScore: (shared: number) => number = () => Number.NEGATIVE_INFINITY,
): VariantFit | undefined {
  let best: VariantFit | undefined;
  for (const variant of variants) {
    if (variant.characterCount !== text.chars.length) continue;
    const shape = shapeOf(variant);
    const shared = sharedBreaks(text.breaks, shape.breaks);
    const least = leastScore(shared);
    if (shared < least) continue;
    const faultShare = countFaults(shape, text.masks) / Math.max(1, shape.fixedCount);
    const withTones = shared - FAULT_WEIGHT * faultShare;
    // Rhyme can only lower the score: most variants are out before it is looked at.
    if (withTones < least || (best !== undefined && withTones <= best.score)) continue;
    const off = countOffRhymes(shape.rhymes, text.chars, book);
    const score = withTones - OFF_RHYME_WEIGHT * (off / Math.max(1, shape.rhymes.length));
    if (best === undefined || score > best.score) best = { shape, shared, faultShare, off, score };
  }
  return best;
}

function countFaults(shape: VariantShape, masks: Uint8Array): number {
  const { slots } = shape;
  let faults = 0;
  for (let slot = 0; slot < slots.length; slot++) if ((slots[slot]! & masks[slot]!) === 0) faults++;
  return faults;
}

/** What Song poets did where they divide the tune as this text does; undefined where too few ci tell. */
export function findPractice(tune: Tune, text: FlatText): TunePractice | undefined {
  let best: TunePractice | undefined;
  let bestShared = 0;
  for (const practice of tune.practices) {
    if (practice.slots.length !== text.chars.length) continue;
    const shared = sharedBreaks(text.breaks, practice.breaks);
    if (shared < SHARED_BREAKS_NEEDED || shared <= bestShared) continue;
    best = practice;
    bestShared = shared;
  }
  return best;
}
