/** A variant laid out flat, slot by slot, as the checker compares it with a text. Computed once for each variant. */
import type { TuneLine, TuneVariant } from './tune.ts';
import { breaksOf } from './tune-format.ts';

/** A rhyme slot. */
export interface RhymePlace {
  /** Slot, from 0. */
  readonly slot: number;
  readonly set: number;
  /** Bit 1: 平, bit 2: 仄. */
  readonly tones: number;
  /** 叶: rhymes with its set in the other tone. */
  readonly isYe: boolean;
}

export interface VariantShape {
  readonly variant: TuneVariant;
  /** Tone bits by slot: 1 平, 2 仄, 3 中. */
  readonly slots: Uint8Array;
  /** Slots that are not 中. */
  readonly fixedCount: number;
  /** Slots before each line end (韵 or 句). */
  readonly breaks: readonly number[];
  readonly rhymes: readonly RhymePlace[];
}

const shapes = new WeakMap<TuneVariant, VariantShape>();

/** Tone bits of a slot of the tables. */
export const slotBits = (slot: TuneLine['slots'][number]): number => (slot === '平' ? 1 : slot === '仄' ? 2 : 3);

export function shapeOf(variant: TuneVariant): VariantShape {
  const known = shapes.get(variant);
  if (known !== undefined) return known;
  const slots = Uint8Array.from(
    variant.lines.flatMap((line) => line.slots),
    slotBits,
  );
  const rhymes: RhymePlace[] = [];
  let end = 0;
  for (const line of variant.lines) {
    end += line.slots.length;
    if (line.end === '韵') rhymes.push({ slot: end - 1, set: line.rhymeSet, tones: slots[end - 1]!, isYe: line.isYe });
  }
  const shape: VariantShape = {
    variant,
    slots,
    fixedCount: slots.filter((bits) => bits !== 3).length,
    breaks: breaksOf(variant.lines),
    rhymes,
  };
  shapes.set(variant, shape);
  return shape;
}

/** Breaks that two divisions of one length share, as a part of all they have (Jaccard index); both in order. */
export function sharedBreaks(a: readonly number[], b: readonly number[]): number {
  let shared = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const difference = a[i]! - b[j]!;
    if (difference === 0) shared++;
    if (difference <= 0) i++;
    if (difference >= 0) j++;
  }
  return shared / (a.length + b.length - shared);
}
