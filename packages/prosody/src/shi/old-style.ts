// 古体: verse that keeps no tone pattern on purpose. Told from faulty regulated verse by its rhyme (oblique) or by how many
// places of the pattern it breaks; told from prose by its rhyme.

import { loadBook } from '../books.ts';
import { ISSUES, type Issue } from '../rules/issue.ts';
import type { RhymeEvidence } from '../rules/rhyme.ts';
import type { Script } from '../scripts.ts';
import { hasTable } from '../table-store.ts';
import type { PoemLine } from '../text.ts';
import type { BookName } from '../verdict.ts';
import type { RegulatedJudgement } from './regulated.ts';

/** A 绝句 with one broken place, or a longer poem with two, is regulated verse with slips. */
const SLIPS_JUEJU = 1;
const SLIPS_LONGER = 2;
/**
 * Share of hard slots that a poem with a level rhyme breaks at the least to be old style beyond doubt. Over the corpus
 * the counts of eight-line poems have two peaks, at none and at a third, and a valley below this.
 */
const OLD_FAULT_SHARE = 0.25;
/** Share of rhyming places that must rhyme with one beside them. */
const RHYME_SHARE = 0.6;
/** Share of lines of five or seven characters in verse of mixed lines (杂言). */
const COMMON_LENGTHS_SHARE = 0.6;
const FEWEST_LINES = 4;

/** Places with a 疵 of tones or rhyme. */
export function countBrokenPlaces(issues: readonly Issue[]): number {
  const places = new Set<number>();
  for (const issue of issues) {
    if (ISSUES[issue.kind].grade === '疵' && issue.position >= 0) places.add(issue.line * 64 + issue.position);
  }
  return places.size;
}

/**
 * True for more broken places than slips account for.
 *
 * @param mostFaults what simplified verse may break at the most: with one place broken for certain it counts, too
 */
export function hasMoreThanSlips(judgement: RegulatedJudgement, mostFaults = 0): boolean {
  const slips = judgement.scans.length === 4 ? SLIPS_JUEJU : SLIPS_LONGER;
  const broken = countBrokenPlaces(judgement.issues);
  return broken > slips || (broken > 0 && mostFaults > slips);
}

/**
 * Whether a poem that has the shape of regulated verse is old-style: by an oblique rhyme, with a level one by what it
 * breaks at the most; `possible` when it rhymes well and breaks less, as a learner's poem may, too; null if not.
 */
export function recogniseOldStyle(
  lines: readonly PoemLine[],
  judgement: RegulatedJudgement,
  { evidence, mostFaults }: { readonly evidence: RhymeEvidence; readonly mostFaults: number },
  script: Script,
): 'level' | 'oblique' | 'possible' | null {
  if (!hasMoreThanSlips(judgement, mostFaults) || !isRhymed(lines, script)) return null;
  if (evidence.tone === '仄') return 'oblique';
  const hardSlots = lines.reduce((sum, line) => sum + (line.chars.length >> 1) + 1, 0);
  if (mostFaults >= OLD_FAULT_SHARE * hardSlots) return 'level';
  return judgement.rhyme.offLines.length === 0 ? 'possible' : null;
}

/** Whether lines of any number and length are rhymed verse: four at least, most of five or seven characters. */
export function isFreeVerse(lines: readonly PoemLine[], script: Script): boolean {
  if (lines.length < FEWEST_LINES) return false;
  const common = lines.filter(({ chars }) => chars.length === 5 || chars.length === 7).length;
  const isUniform = lines.every(({ chars }) => chars.length === lines[0]!.chars.length);
  if (!isUniform && common < COMMON_LENGTHS_SHARE * lines.length) return false;
  if (isUniform && (lines[0]!.chars.length < 4 || lines[0]!.chars.length > 7)) return false;
  return isRhymed(lines, script);
}

/** Whether most sentence ends (where none are marked: even lines) rhyme with the one before or after. */
function isRhymed(lines: readonly PoemLine[], script: Script): boolean {
  const isMarked = lines.some(({ mark }) => /[。！？；.!?;]/u.test(mark));
  const isUniform = lines.every(({ chars }) => chars.length === lines[0]!.chars.length);
  const ends = lines
    .filter((line, index) =>
      isMarked && !isUniform ? index === lines.length - 1 || /[。！？；.!?;]/u.test(line.mark) : index % 2 === 1,
    )
    .map(({ chars }) => chars[chars.length - 1] ?? '');
  if (ends.length < 2) return false;
  // What old-style verse lets rhyme (通押) is about as wide as the parts of 词林正韵, which divide one group (灰).
  // A page that has not fetched 词林正韵 goes by 平水韵 alone.
  const names: readonly BookName[] = hasTable('cilin') ? ['pingshui', 'cilin'] : ['pingshui'];
  const books = names.map((name) => loadBook(name, script));
  const canRhyme = (a: string, b: string | undefined): boolean =>
    b !== undefined &&
    books.some(({ readings }) =>
      readings(a).some((one) => readings(b).some((other) => one.group === other.group && one.tone === other.tone)),
    );
  const rhyming = ends.filter((end, index) => canRhyme(end, ends[index - 1]) || canRhyme(end, ends[index + 1]));
  return rhyming.length >= RHYME_SHARE * ends.length;
}
