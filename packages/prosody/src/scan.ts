// The tones of a text's characters as masks, and the one tone each character is read with in the end.

import type { Book } from './book-types.ts';
import { type LineType, slotMask } from './forms.ts';
import { LEVEL, OBLIQUE } from './rules/issue.ts';
import type { Script } from './scripts.ts';
import type { PoemLine } from './text.ts';
import { toneByContext } from './tone-context.ts';
import { likelyMask, usualTone } from './tone-usage.ts';
import type { LineReading, Polyphone, ToneMark } from './verdict.ts';

/** Which places of a line can be level and which oblique, as bits: bit 0 is the first place. */
export interface ToneBits {
  readonly level: number;
  readonly oblique: number;
}

/** Tone masks of one line: 1 = 平, 2 = 仄, 3 = either. */
export interface LineScan {
  readonly chars: readonly string[];
  readonly script: Script;
  /** As the book knows them: 0 = unknown character. */
  readonly known: readonly number[];
  /** Every listed reading; unknown characters fit all slots. */
  readonly masks: readonly number[];
  /** Only confirmed readings; the same array as `masks` when nothing differs. */
  readonly confirmed: readonly number[];
  /** A character's confirmed tone is not among the listed ones at all. */
  readonly isContested: boolean;
  /** `confirmed` as bits; of the first seven places, more than any pattern has. */
  readonly bits: ToneBits;
}

/** Places that {@link ToneBits} tell of. */
const BIT_PLACES = 7;

/** Looks up one line. */
export function scanLine(line: PoemLine, book: Book, script: Script): LineScan {
  const { chars } = line;
  const { length } = chars;
  // Small arrays: typed ones of this size cost more to make than they save.
  const known = new Array<number>(length);
  let hasUnknown = false;
  let isNarrower = false;
  let isContested = false;
  let level = 0;
  let oblique = 0;
  for (let position = 0; position < length; position++) {
    const both = book.toneMasks(chars[position]!);
    const mask = both & 3;
    known[position] = mask;
    let confirmed = both >> 2;
    if (mask === 0) {
      hasUnknown = true;
      confirmed = 3;
    } else if (confirmed !== mask) {
      isNarrower = true;
      if ((confirmed & mask) === 0) isContested = true;
    }
    if (position < BIT_PLACES) {
      level |= (confirmed & LEVEL) << position;
      oblique |= (confirmed >> 1) << position;
    }
  }
  const masks = hasUnknown ? known.map((mask) => mask || 3) : known;
  const confirmed = isNarrower
    ? masks.map((mask, position) => (known[position] === 0 ? mask : book.confirmedToneMask(chars[position]!)))
    : masks;
  return { chars, script, known, masks, confirmed, isContested, bits: { level, oblique } };
}

const MARKS: readonly ToneMark[] = ['？', '平', '仄', '多'];

/**
 * The line as the verdict shows it. A character with both tones takes the one that its slot fixes, or that a rescue
 * (拗救) needs; where the slot is free, the confirmed one, then that of its neighbours, then the one that poets used more.
 *
 * @param type the line's type; null when no pattern is known.
 * @param rescues whether this line must rescue the line before it (second lines of couplets only).
 */
export function readLine(
  line: PoemLine,
  scan: LineScan,
  script: Script,
  type: LineType | null,
  rescues: boolean,
): LineReading {
  const { known } = scan;
  const readings: ToneMark[] = new Array(known.length);
  let tones = '';
  for (let position = 0; position < known.length; position++) {
    const mask = known[position]!;
    readings[position] = MARKS[mask]!;
    if (mask === 0) tones += '？';
    else if (mask !== 3) tones += mask === LEVEL ? '平' : '仄';
    else tones += decideTone(line, scan, script, type, rescues, position).tone;
  }
  return { text: line.text, tones, readings };
}

/** The tone that a character with both is read in, and why. */
export function decideTone(
  line: PoemLine,
  scan: LineScan,
  script: Script,
  type: LineType | null,
  rescues: boolean,
  position: number,
): { readonly tone: '平' | '仄'; readonly by: Polyphone['by'] } {
  const { length } = scan.known;
  const slots = type && (length === 5 || length === 7) ? slotMask(type, length) : null;
  const wanted = slots && type ? wantedTone(type, slots, scan, position, rescues) : 3;
  const confirmed = scan.confirmed[position]!;
  if (wanted !== 3) return { tone: toneOf(wanted), by: 'slot' };
  if (confirmed !== 3) return { tone: toneOf(confirmed), by: 'book' };
  const { chars } = line;
  const char = chars[position]!;
  const near = toneByContext(char, chars[position - 1], chars[position + 1], script);
  return near === null ? { tone: toneOf(usualTone(char, script)), by: 'usage' } : { tone: toneOf(near), by: 'context' };
}

const toneOf = (mask: number): '平' | '仄' => (mask === LEVEL ? '平' : '仄');

/** The tone that the pattern asks of a character with both, 3 if it leaves the choice. */
function wantedTone(
  type: LineType,
  slots: readonly number[],
  scan: LineScan,
  position: number,
  rescues: boolean,
): number {
  const { masks } = scan;
  const core = slots.length - 5;
  if (type === 'B' && position === core + 2 && (rescues || masks[core] === OBLIQUE)) return LEVEL;
  if (type === 'C') {
    // 特拗 平平仄平仄: third and fourth change together.
    if (position === core + 2 && masks[core + 3] === LEVEL) return OBLIQUE;
    const canBeTiao = masks[core + 2] === OBLIQUE && masks[core] !== OBLIQUE;
    if (
      position === core + 3 &&
      canBeTiao &&
      (likelyMask(scan.masks[position]!, scan.chars[position]!, scan.script) & LEVEL) !== 0
    )
      return LEVEL;
    if (position === core && masks[core + 2] === OBLIQUE && masks[core + 3] !== OBLIQUE) return LEVEL;
  }
  return slots[position]!;
}
