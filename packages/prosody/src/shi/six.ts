// 六言绝句 and 六言律诗: lines of three pairs that alternate (平平仄仄平平, 仄仄平平仄仄), the two of a couplet opposite. Couplets need
// not join (粘): most poets set them alike. Rhyme, repetition and unknown characters are judged as in the other forms.

import { type Issue, LEVEL, OBLIQUE } from '../rules/issue.ts';
import { findRepetitions } from '../rules/repetition.ts';
import { judgeRhyme, type RhymeEvidence, type RhymeJudgement } from '../rules/rhyme.ts';
import { decideTone, type LineScan } from '../scan.ts';
import type { Script } from '../scripts.ts';
import type { PoemLine } from '../text.ts';
import { usualTone } from '../tone-usage.ts';
import type { LineReading, ToneMark } from '../verdict.ts';
import type { RegulatedText } from './regulated.ts';
import { findUnknown, formMasks } from './regulated.ts';

export type SixForm = '六绝' | '六律';

const NAMES: Readonly<Record<string, SixForm>> = {
  六绝: '六绝',
  六言绝句: '六绝',
  六律: '六律',
  六言律诗: '六律',
};
/** More slips than these and the poem keeps no pattern. */
const SLIPS: Readonly<Record<SixForm, number>> = { 六绝: 1, 六律: 2 };

/** A form of six by any of its names, in either script, or undefined. */
export function findSixForm(name: string): SixForm | undefined {
  return NAMES[name.trim().replaceAll('絕', '绝').replaceAll('詩', '诗')];
}

/** Lines of a form of six characters. */
export const sixLineCount = (form: SixForm): 4 | 8 => (form === '六绝' ? 4 : 8);

/** The form of lines that all have six characters, or null: four or eight. */
export function sixFormOfShape(lines: readonly PoemLine[]): SixForm | null {
  if (lines.some(({ chars }) => chars.length !== 6)) return null;
  return lines.length === 4 ? '六绝' : lines.length === 8 ? '六律' : null;
}

export interface SixJudgement {
  readonly start: '平起' | '仄起';
  readonly firstLineRhymes: boolean;
  readonly evidence: RhymeEvidence;
  readonly rhyme: RhymeJudgement;
  readonly issues: readonly Issue[];
  /** Wanted tones by line: 1 = 平, 2 = 仄, 3 = either. */
  readonly slots: readonly (readonly number[])[];
}

/** Judges every couplet by the pattern that it fits best; lines of another length are passed over. */
export function judgeSix(given: Omit<RegulatedText, 'lineLength'>): SixJudgement {
  const { text, scans, ends, evidence, book, script } = given;
  const firstEnd = scans[0]?.masks[5] ?? 3;
  // A polyphone rhymes there if poets mostly read it so: 暗 (平 for 闇 now and then) does not.
  const isLevel = firstEnd === 3 ? usualTone(ends[0]!, script) === LEVEL : firstEnd === LEVEL;
  const firstLineRhymes = evidence.firstLine !== 'none' && isLevel;
  const issues: Issue[] = [];
  const slots: number[][] = [];
  let start: 1 | 2 = LEVEL;
  for (let line = 0; line < scans.length; line += 2) {
    const pair = [line, line + 1].filter((each) => scans[each]?.known.length === 6);
    const fits = ([LEVEL, OBLIQUE] as const).map((first) => {
      const own = [slotsOf(first, line === 0 && firstLineRhymes), slotsOf(first === LEVEL ? OBLIQUE : LEVEL, true)];
      return { first, own, found: pair.flatMap((each) => judgeLine(each, own[each - line]!, scans)) };
    });
    const best = fits[0]!.found.length <= fits[1]!.found.length ? fits[0]! : fits[1]!;
    if (line === 0) start = best.first;
    issues.push(...best.found);
    slots.push(...best.own.slice(0, scans.length - line));
  }
  const lastPositions = text.lines.map((each) => each.chars.length - 1);
  const rhyme = judgeRhyme(ends, evidence, firstLineRhymes, book, lastPositions, script);
  const all = [
    ...issues,
    ...rhyme.issues,
    ...findUnknown(scans),
    ...findRepetitions(text.lines, rhyme.lines, script),
  ].sort((a, b) => a.line - b.line || a.position - b.position);
  return { start: start === LEVEL ? '平起' : '仄起', firstLineRhymes, evidence, rhyme, issues: all, slots };
}

/**
 * Whether a text that nobody called 六言 keeps the pattern well enough to be called so. A simplified character counts in
 * the traditional form that fits worst, so that simplifying a text never makes old-style verse a faulty 六绝.
 */
export function keepsSixPattern(
  form: SixForm,
  { evidence, slots, rhyme }: SixJudgement,
  { text, scans, book, script }: Omit<RegulatedText, 'lineLength'>,
): boolean {
  if (evidence.tone !== '平') return false;
  let faults = rhyme.offLines.length;
  for (const [line, { masks }] of scans.entries()) {
    for (const position of [1, 3, 5]) {
      const wanted = slots[line]![position]!;
      const forms = script === 'simplified' ? formMasks(text.lines[line]!.chars[position]!, book) : [];
      if ((masks[position]! & wanted) === 0 || forms.some((mask) => (mask & wanted) === 0)) faults++;
    }
  }
  return faults <= SLIPS[form];
}

function slotsOf(first: 1 | 2, rhymes: boolean): number[] {
  return [3, first, 3, first === LEVEL ? OBLIQUE : LEVEL, 3, rhymes ? LEVEL : OBLIQUE];
}

function judgeLine(line: number, slots: readonly number[], scans: readonly LineScan[]): Issue[] {
  const { masks } = scans[line]!;
  return [1, 3, 5].flatMap((position): Issue[] => {
    const wanted = slots[position] as 1 | 2;
    if ((masks[position]! & wanted) !== 0) return [];
    const facing = line % 2 === 1 ? scans[line - 1]!.masks[position] : undefined;
    const isSame = position < 5 && facing === masks[position];
    const place = { line, position, wanted };
    return [isSame ? { kind: 'shidui', ...place, other: { line: line - 1, position } } : { kind: 'slot', ...place }];
  });
}

/** The line as the verdict shows it. */
export function readSixLine(line: PoemLine, scan: LineScan, script: Script, slots: readonly number[]): LineReading {
  const marks: readonly ToneMark[] = ['？', '平', '仄', '多'];
  const tones = scan.known.map((mask, position) => {
    if (mask !== 3) return mask === 0 ? '？' : marks[mask]!;
    const wanted = line.chars.length === 6 ? slots[position]! : 3;
    return wanted === 3 ? decideTone(line, scan, script, null, false, position).tone : marks[wanted]!;
  });
  return { text: line.text, tones: tones.join(''), readings: scan.known.map((mask) => marks[mask]!) };
}
