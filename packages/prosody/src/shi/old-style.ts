// 古体: verse that keeps no tone pattern on purpose. Told from faulty regulated verse by its rhyme (oblique) or by how many
// places of the pattern it breaks; told from prose by its rhyme.

import type { Book } from '../book-types.ts';
import { loadBook } from '../books.ts';
import { ISSUES, type Issue } from '../rules/issue.ts';
import type { RhymeEvidence } from '../rules/rhyme.ts';
import type { Script } from '../scripts.ts';
import { hasTable } from '../table-store.ts';
import type { PoemLine } from '../text.ts';
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
  let places: Set<number> | undefined;
  for (const { kind, line, position } of issues) {
    if (ISSUES[kind].grade !== '疵' || position < 0) continue;
    places ??= new Set();
    places.add(line * 64 + position);
  }
  return places?.size ?? 0;
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

const SENTENCE_END = /[。！？；.!?;]/u;

/** Whether most sentence ends (where none are marked: even lines) rhyme with the one before or after. */
function isRhymed(lines: readonly PoemLine[], script: Script): boolean {
  const isUniform = lines.every(({ chars }) => chars.length === lines[0]!.chars.length);
  const isMarked = !isUniform && lines.some(({ mark }) => SENTENCE_END.test(mark));
  const ends: string[] = [];
  for (let index = 0; index < lines.length; index++) {
    const { chars, mark } = lines[index]!;
    const isEnd = isMarked ? index === lines.length - 1 || SENTENCE_END.test(mark) : index % 2 === 1;
    if (isEnd) ends.push(chars[chars.length - 1] ?? '');
  }
  if (ends.length < 2) return false;
  // What old-style verse lets rhyme (通押) is about as wide as the parts of 词林正韵, which divide one group (灰).
  // A page that has not fetched 词林正韵 goes by 平水韵 alone.
  const pingshui = loadBook('pingshui', script);
  const cilin = hasTable('cilin') ? loadBook('cilin', script) : null;
  let count = 0;
  let isAfterRhyme = false;
  for (let index = 0; index < ends.length; index++) {
    const next = ends[index + 1];
    const end = ends[index]!;
    const isBeforeRhyme =
      next !== undefined && (shareReading(pingshui, end, next) || (cilin !== null && shareReading(cilin, end, next)));
    if (isAfterRhyme || isBeforeRhyme) count++;
    isAfterRhyme = isBeforeRhyme;
  }
  return count >= RHYME_SHARE * ends.length;
}

function shareReading(book: Book, a: string, b: string): boolean {
  if ((book.toneMask(a) & book.toneMask(b)) === 0) return false;
  for (const one of book.readings(a)) {
    for (const other of book.readings(b)) if (one.group === other.group && one.tone === other.tone) return true;
  }
  return false;
}
