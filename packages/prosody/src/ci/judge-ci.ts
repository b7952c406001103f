/** Length and tones of a ci against the variant that it follows; a tone is a fault only where book and practice agree. */
import type { Book } from '../book-types.ts';
import { loadBook } from '../books.ts';
import type { Script } from '../scripts.ts';
import { alignLines, type LineStep, lineLengths } from './align-lines.ts';
import { chooseVariant, findPractice, SHARED_BREAKS_NEEDED } from './choose-variant.ts';
import type { CiIssue, SetText } from './set-text.ts';
import type { Tune, TunePractice, TuneVariant } from './tune.ts';
import { shapeOf, slotBits, type VariantShape } from './variant-shape.ts';

/** The variant, the slot of every character (−1: none), and what is wrong with length and tones. */
export interface Judgement {
  readonly variant: TuneVariant;
  readonly slotOf: Int32Array;
  readonly issues: readonly CiIssue[];
}

/** Chooses the variant and judges length and tones by it. */
export function judgeCi(
  tune: Tune,
  variants: readonly TuneVariant[],
  set: SetText,
  book: Book,
  script: Script,
): Judgement {
  const count = set.flat.chars.length;
  const unknown = set.places.flatMap((place, index): CiIssue[] =>
    set.known[index] === 0 ? [{ kind: 'unknown', ...place }] : [],
  );
  if (count === 0) {
    const issues: CiIssue[] = [{ kind: 'empty', line: 0, position: -1 }];
    return { variant: variants[0]!, slotOf: new Int32Array(0), issues };
  }
  const fit = chooseVariant(variants, set.flat, book);
  if (fit === undefined) return judgeWrongLength(variants, set, unknown);
  const slotOf = Int32Array.from({ length: count }, (_, slot) => slot);
  const division: CiIssue[] = fit.shared < SHARED_BREAKS_NEEDED ? [{ kind: 'division', line: 0, position: -1 }] : [];
  const tones = judgeTones(fit.shape, slotOf, set, findPractice(tune, set.flat), book, script);
  return { variant: fit.shape.variant, slotOf, issues: [...division, ...unknown, ...tones] };
}

/** No variant has this length: the nearest one, by lines; tones are judged where a line has its length. */
function judgeWrongLength(variants: readonly TuneVariant[], set: SetText, unknown: readonly CiIssue[]): Judgement {
  const textLengths = set.lines.map((line) => line.chars.length);
  let best: { variant: TuneVariant; lengths: number[]; cost: number; steps: LineStep[] } | undefined;
  for (const variant of variants) {
    const lengths = lineLengths(variant);
    const alignment = alignLines(textLengths, lengths);
    if (best === undefined || alignment.cost < best.cost) best = { variant, lengths, ...alignment };
  }
  const { variant, lengths, steps } = best!;
  const issues: CiIssue[] = [...unknown];
  const slotOf = new Int32Array(set.flat.chars.length).fill(-1);
  const slotBefore = startsOf(lengths);
  const charBefore = startsOf(textLengths);
  let lastLine = 0;
  for (const step of steps) {
    if (step.kind === 'missing') {
      issues.push({ kind: 'line-missing', line: lastLine, position: -1, expected: lengths[step.variantLine]! });
      continue;
    }
    lastLine = step.textLine;
    if (step.kind === 'extra') {
      issues.push({ kind: 'line-extra', line: step.textLine, position: -1 });
      continue;
    }
    const count = textLengths[step.textLine]!;
    const expected = lengths[step.variantLine]!;
    const char = charBefore[step.textLine]!;
    const slot = slotBefore[step.variantLine]!;
    if (count === expected) for (let offset = 0; offset < count; offset++) slotOf[char + offset] = slot + offset;
    else {
      // The rhyme at least stands where it must.
      slotOf[char + count - 1] = slot + expected - 1;
      issues.push({ kind: 'line-length', line: step.textLine, position: -1, count, expected });
    }
  }
  const shape = shapeOf(variant);
  for (let index = 0; index < slotOf.length; index++) {
    const bits = slotOf[index]! < 0 ? 3 : shape.slots[slotOf[index]!]!;
    if ((bits & set.flat.masks[index]!) === 0) issues.push({ kind: 'tone', ...set.places[index]!, wanted: bits });
  }
  return { variant, slotOf, issues };
}

function startsOf(lengths: readonly number[]): number[] {
  let sum = 0;
  return lengths.map((length) => {
    sum += length;
    return sum - length;
  });
}

function judgeTones(
  shape: VariantShape,
  slotOf: Int32Array,
  set: SetText,
  practice: TunePractice | undefined,
  book: Book,
  script: Script,
): CiIssue[] {
  // A few tones are in one transcription of 词林正韵 only; 平水韵 confirms the others.
  const confirming = book.name === 'cilin' ? loadBook('pingshui', script) : book;
  const issues: CiIssue[] = [];
  for (const [index, slot] of slotOf.entries()) {
    const wanted = shape.slots[slot]!;
    if (wanted === 3) continue;
    const place = set.places[index]!;
    if ((wanted & set.flat.masks[index]!) === 0) {
      const isAgreed = practice === undefined || slotBits(practice.slots[slot]!) === wanted;
      issues.push({ kind: isAgreed ? 'tone' : 'tone-practice', ...place, wanted });
    } else if (set.known[index] === 3) {
      const other = confirming.toneMask(set.flat.chars[index]!);
      if (other !== 0 && (other & wanted) === 0) issues.push({ kind: 'tone-reading', ...place, wanted });
    }
  }
  return issues;
}
