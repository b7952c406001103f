// Regulated verse (近体诗): chooses the scheme that a text fits best and judges it by the rules. What it finds is
// structure and issues; wording is `findings.ts`.

import type { Book } from '../book-types.ts';
import { loadBook } from '../books.ts';
import { listSchemes, type Scheme } from '../forms.ts';
import { findSameSaying } from '../rules/hezhang.ts';
import { ISSUES, type Issue, LEVEL } from '../rules/issue.ts';
import { nameOppositions } from '../rules/opposition.ts';
import { findRepetitions } from '../rules/repetition.ts';
import {
  findRhyme,
  hasReading,
  judgeRhyme,
  listRhymes,
  type RhymeEvidence,
  type RhymeJudgement,
} from '../rules/rhyme.ts';
import { findRhymeEchoes, nameRhymePattern } from '../rules/rhyme-patterns.ts';
import { findMonotonousEnds } from '../rules/shangwei.ts';
import { type LineScan, scanLine, type ToneBits } from '../scan.ts';
import { type Script, traditionalForms } from '../scripts.ts';
import type { PoemText } from '../text.ts';
import { chooseScheme, countHardFaults, countMisfits, type SchemeChoice } from './choose-scheme.ts';
import { judgeTones } from './judge-tones.ts';

export interface RegulatedJudgement {
  readonly scheme: Scheme;
  readonly scans: readonly LineScan[];
  readonly evidence: RhymeEvidence;
  readonly rhyme: RhymeJudgement;
  /** All but those of shape, by line and position. */
  readonly issues: readonly Issue[];
  /** Lines (from 0) whose third character of the last five rescues the line before. */
  readonly rescuing: ReadonlySet<number>;
  /** Faults in the hard slots (second, fourth, sixth and last characters) by confirmed readings. */
  readonly hardFaults: number;
}

/** What judging a text needs, looked up once. */
export interface RegulatedText {
  readonly text: PoemText;
  readonly lineLength: 5 | 7;
  readonly book: Book;
  readonly script: Script;
  readonly scans: readonly LineScan[];
  /** Last characters of the lines; '' for a line without. */
  readonly ends: readonly string[];
  readonly evidence: RhymeEvidence;
}

/** Looks up what judging needs. */
export function readRegulated<Length extends 5 | 6 | 7>(
  text: PoemText,
  lineLength: Length,
  book: Book,
  script: Script,
): Omit<RegulatedText, 'lineLength'> & { readonly lineLength: Length } {
  const scans = text.lines.map((line) => scanLine(line, book, script));
  const ends = text.lines.map((line) => line.chars[line.chars.length - 1] ?? '');
  return { text, lineLength, book, script, scans, ends, evidence: findRhyme(ends, book, script) };
}

/**
 * Faults in the hard slots by the scheme that has the fewest: enough to tell that a text is not regulated at all. In
 * simplified verse each character counts in the traditional form that fits worst: never less than the same text breaks in
 * traditional characters, so that old-style verse is known in both scripts.
 */
export function countMostFaults({ text, scans, lineLength, book, script }: RegulatedText): number {
  const worst =
    script === 'traditional'
      ? scans.map(({ bits }) => bits)
      : scans.map(({ bits }, line) => narrowToForms(bits, text.lines[line]!.chars, book));
  let fewest = Number.POSITIVE_INFINITY;
  for (const { types } of listSchemes(scans.length, lineLength)) {
    let faults = 0;
    for (let line = 0; line < worst.length; line++) {
      if (scans[line]!.known.length === lineLength) faults += countMisfits(types[line]!, worst[line]!, lineLength);
    }
    if (faults < fewest) fewest = faults;
  }
  return fewest;
}

/** Without the tones that any one of the traditional forms lacks. */
function narrowToForms({ level, oblique }: ToneBits, chars: readonly string[], book: Book): ToneBits {
  let without = 0;
  let withoutOblique = 0;
  for (let position = 0; position < Math.min(chars.length, 7); position++) {
    for (const mask of formMasks(chars[position]!, book)) {
      if ((mask & 1) === 0) without |= 1 << position;
      if ((mask & 2) === 0) withoutOblique |= 1 << position;
    }
  }
  return { level: level & ~without, oblique: oblique & ~withoutOblique };
}

/** The confirmed tones of each character that a simplified form may stand for; none where it stands for itself only. */
export function formMasks(char: string, book: Book): readonly number[] {
  const forms = traditionalForms(char);
  if (forms.length === 0) return [];
  const traditional = loadBook(book.name);
  return [char, ...forms].map((form) => traditional.confirmedToneMask(form)).filter((mask) => mask !== 0);
}

/** Judges a text as regulated verse of lines of five or seven; lines of another length are passed over. */
export function judgeRegulated(given: RegulatedText): RegulatedJudgement {
  return judgeAs(chooseScheme(given.scans, given.lineLength, given.evidence), given);
}

const countFaults = ({ issues }: RegulatedJudgement): number =>
  issues.reduce((count, { kind }) => count + (ISSUES[kind].grade === '疵' ? 1 : 0), 0);

/**
 * A simplified text is read in the most favourable way: which traditional characters it stands for is not known, and
 * what is left over is wrong whatever they are.
 */
export function judgeFavourably(given: RegulatedText, usual: RegulatedJudgement): RegulatedJudgement {
  const { scans, lineLength, ends, book, script } = given;
  if (script === 'traditional' || countFaults(usual) === 0) return usual;
  let best = usual;
  let fewest = countFaults(usual);
  const rhymes = listRhymes(ends, book);
  for (const scheme of listSchemes(scans.length, lineLength)) {
    const toneIssues = judgeTones(scheme, scans, lineLength);
    if (toneIssues.filter(({ kind }) => ISSUES[kind].grade === '疵').length >= fewest) continue;
    const hardFaults = countHardFaults(scheme, scans, lineLength);
    for (const evidence of rhymes) {
      const judgement = judgeAs({ scheme, hardFaults, toneIssues }, { ...given, evidence });
      const faults = countFaults(judgement);
      if (faults >= fewest) continue;
      best = judgement;
      fewest = faults;
    }
  }
  return best;
}

/** Judges by a scheme that was chosen. */
export function judgeAs({ scheme, hardFaults, toneIssues }: SchemeChoice, given: RegulatedText): RegulatedJudgement {
  const { text, lineLength, book, script, scans, ends, evidence } = given;
  const { lines } = text;
  const { firstLineRhymes } = scheme;
  const lastPositions = lines.map((line) => line.chars.length - 1);
  const rhyme = judgeRhyme(ends, evidence, firstLineRhymes, book, lastPositions, script);
  const masks = scans.map((scan) => (scan.known.length === lineLength ? scan.confirmed : null));
  const issues: Issue[] = [];
  if (toneIssues.length > 0) {
    const listed = scans.map((scan) => (scan.known.length === lineLength ? scan.masks : null));
    for (const issue of nameOppositions({ masks: listed, types: scheme.types, lineLength }, toneIssues)) {
      issues.push(nameCollision(issue, ends, lineLength, evidence, book));
    }
  }
  append(issues, nameRhymePattern(ends, evidence, rhyme, book));
  append(issues, findUnknown(scans));
  append(issues, findRhymeEchoes(lines, masks, evidence, rhyme, firstLineRhymes, book));
  append(issues, findMonotonousEnds(lines, masks, firstLineRhymes, book));
  append(issues, findSameSaying(lines));
  append(issues, findRepetitions(lines, rhyme.lines, script));
  if (issues.length > 1) issues.sort((a, b) => a.line - b.line || a.position - b.position);
  return { scheme, scans, evidence, rhyme, issues, rescuing: findRescuing(issues), hardFaults };
}

function append(issues: Issue[], found: readonly Issue[]): void {
  for (const issue of found) issues.push(issue);
}

const NO_LINES: ReadonlySet<number> = new Set();

function findRescuing(issues: readonly Issue[]): ReadonlySet<number> {
  let rescuing: Set<number> | undefined;
  for (const { kind, line } of issues) {
    if (kind !== 'daao-rescued' && kind !== 'xiaoao-rescued') continue;
    rescuing ??= new Set();
    rescuing.add(line + 1);
  }
  return rescuing ?? NO_LINES;
}

/** Characters that no book knows, each at its place. */
export function findUnknown(scans: readonly LineScan[]): Issue[] {
  const issues: Issue[] = [];
  for (let line = 0; line < scans.length; line++) {
    const { known, masks } = scans[line]!;
    if (known === masks) continue;
    for (let position = 0; position < known.length; position++) {
      if (known[position] === 0) issues.push({ kind: 'unknown-character', line, position });
    }
  }
  return issues;
}

/** 撞韵: an unrhymed line that ends in a level character of the very group that the poem rhymes in. */
function nameCollision(
  issue: Issue,
  ends: readonly string[],
  lineLength: number,
  evidence: RhymeEvidence,
  book: Book,
): Issue {
  const isUnrhymedEnd = issue.kind === 'slot' && issue.line % 2 === 0 && issue.position === lineLength - 1;
  if (!isUnrhymedEnd || issue.wanted === LEVEL || evidence.group === null || evidence.tone !== '平') return issue;
  if (!hasReading(book, ends[issue.line]!, evidence.group, '平')) return issue;
  return { ...issue, kind: 'zhuangyun', group: evidence.group };
}
