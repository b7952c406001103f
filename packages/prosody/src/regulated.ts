// Regulated verse (近体诗): chooses the scheme that a text fits best and judges it by the rules. What it finds is
// structure and issues; wording is `findings.ts`.

import type { Book } from './book-types.ts';
import { loadBook } from './books.ts';
import { type LineType, listSchemes, type Scheme, type Start, slotMask } from './forms.ts';
import { judgeCouplet } from './rules/couplet.ts';
import { findSameSaying } from './rules/hezhang.ts';
import { ISSUES, type Issue, LEVEL, type LineInPattern } from './rules/issue.ts';
import { nameOppositions } from './rules/opposition.ts';
import { findRepetitions } from './rules/repetition.ts';
import {
  findRhyme,
  hasReading,
  judgeRhyme,
  listRhymes,
  type RhymeEvidence,
  type RhymeJudgement,
} from './rules/rhyme.ts';
import { findRhymeEchoes, nameRhymePattern } from './rules/rhyme-patterns.ts';
import { findMonotonousEnds } from './rules/shangwei.ts';
import { type LineScan, scanLine } from './scan.ts';
import { type Script, traditionalForms } from './scripts.ts';
import type { PoemText } from './text.ts';

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
  const forms =
    script === 'simplified' ? text.lines.map((line) => line.chars.map((char) => formMasks(char, book))) : [];
  const isFault = (line: number, position: number, slot: number): boolean =>
    (scans[line]!.confirmed[position]! & slot) === 0 ||
    (forms[line]?.[position]?.some((mask) => (mask & slot) === 0) ?? false);
  const schemes = listSchemes(scans.length, lineLength);
  return Math.min(...schemes.map((scheme) => countHardFaults(scheme, scans, lineLength, isFault)));
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

function judgeAs({ scheme, hardFaults, toneIssues }: SchemeChoice, given: RegulatedText): RegulatedJudgement {
  const { text, lineLength, book, script, scans, ends, evidence } = given;
  const { lines } = text;
  const { firstLineRhymes } = scheme;
  const lastPositions = lines.map((line) => line.chars.length - 1);
  const rhyme = judgeRhyme(ends, evidence, firstLineRhymes, book, lastPositions, script);
  const masks = scans.map((scan) => (scan.known.length === lineLength ? scan.confirmed : null));
  const listed = scans.map((scan) => (scan.known.length === lineLength ? scan.masks : null));
  const named = nameOppositions({ masks: listed, types: scheme.types, lineLength }, toneIssues).map((issue) =>
    nameCollision(issue, ends, lineLength, evidence, book),
  );
  const issues = [
    ...named,
    ...nameRhymePattern(ends, evidence, rhyme, book),
    ...findUnknown(scans),
    ...findRhymeEchoes(lines, masks, evidence, rhyme, firstLineRhymes, book),
    ...findMonotonousEnds(lines, masks, firstLineRhymes, book),
    ...findSameSaying(lines),
    ...findRepetitions(lines, rhyme.lines, script),
  ];
  if (issues.length > 1) issues.sort((a, b) => a.line - b.line || a.position - b.position);
  const rescuing = new Set<number>();
  for (const issue of issues) {
    if (issue.kind === 'daao-rescued' || issue.kind === 'xiaoao-rescued') rescuing.add(issue.line + 1);
  }
  return { scheme, scans, evidence, rhyme, issues, rescuing, hardFaults };
}

/** A poem whose couplets are right, each by itself, and do not join. */
export interface BrokenWaist {
  /** By the couplets' own patterns. */
  readonly judgement: RegulatedJudgement;
  /** Lines (from 0) that do not join the couplet before. */
  readonly joints: readonly number[];
}

/** 折腰体: every couplet is right by a pattern of its own, and only the joints between couplets (粘) break; else null. */
export function judgeBrokenWaist(given: RegulatedText, scheme: Scheme, hardFaults: number): BrokenWaist | null {
  const { scans, lineLength } = given;
  const types: LineType[] = [];
  const joints: number[] = [];
  const starts: Start[] = [];
  for (let line = 0; line < scans.length; line += 2) {
    const pair = scans.slice(line, line + 2);
    const patterns = listSchemes(2, lineLength).filter(
      (pattern) =>
        pattern.firstLineRhymes === (line === 0 && scheme.firstLineRhymes) &&
        judgeTones(pattern, pair, lineLength).every((issue) => ISSUES[issue.kind].grade !== '疵'),
    );
    // Couplets that join begin by turns level and oblique.
    const before = starts.at(-1);
    const pattern = patterns.find(({ start }) => start !== before) ?? patterns[0];
    if (pattern === undefined) return null;
    if (pattern.start === before) joints.push(line);
    starts.push(pattern.start);
    types.push(...pattern.types);
  }
  if (joints.length === 0) return null;
  const own: Scheme = { start: starts[0]!, firstLineRhymes: scheme.firstLineRhymes, types };
  const judgement = judgeAs({ scheme: own, hardFaults, toneIssues: judgeTones(own, scans, lineLength) }, given);
  return { judgement, joints };
}

/** Characters that no book knows, each at its place. */
export function findUnknown(scans: readonly LineScan[]): Issue[] {
  const issues: Issue[] = [];
  scans.forEach((scan, line) => {
    for (let position = 0; position < scan.known.length; position++) {
      if (scan.known[position] === 0) issues.push({ kind: 'unknown-character', line, position });
    }
  });
  return issues;
}

// ── the scheme ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** The cost of taking a first line to rhyme that does not even borrow. */
const NEVER_RHYMES = 200;
/** A couplet holds one excused hard fault; a scheme with many more is another poem's. */
const MORE_EXCUSED_FAULTS = 4;

interface SchemeChoice {
  readonly scheme: Scheme;
  readonly hardFaults: number;
  readonly toneIssues: Issue[];
}

/**
 * The scheme with the fewest hard faults. Where two are equal the last character of the first line has both tones (or
 * is unknown): the tone issues decide, then whether that line rhymes, then the plainer form (first line unrhymed).
 *
 * Hard faults count what is excused (特拗, a rescued 大拗) and pass over readings that not every book confirms; so where
 * the scheme that has the fewest leaves something to be desired, one that leaves nothing goes before it.
 */
function chooseScheme(scans: readonly LineScan[], lineLength: 5 | 7, evidence: RhymeEvidence): SchemeChoice {
  const schemes = listSchemes(scans.length, lineLength);
  const faults = schemes.map((scheme) => countHardFaults(scheme, scans, lineLength));
  const fewest = Math.min(...faults);
  let best: SchemeChoice | undefined;
  let bestCost = 0;
  for (const [index, scheme] of schemes.entries()) {
    if (faults[index] !== fewest) continue;
    const toneIssues = judgeTones(scheme, scans, lineLength);
    const cost = 2 * penalty(toneIssues) + firstLineCost(scheme, evidence);
    if (best && cost >= bestCost) continue;
    best = { scheme, hardFaults: fewest, toneIssues };
    bestCost = cost;
  }
  if (penalty(best!.toneIssues) === 0) return best!;
  let flawless: SchemeChoice | undefined;
  let flawlessCost = NEVER_RHYMES;
  for (const [index, scheme] of schemes.entries()) {
    if (faults[index] === fewest || faults[index]! > fewest + MORE_EXCUSED_FAULTS) continue;
    const cost = firstLineCost(scheme, evidence);
    if (cost >= flawlessCost) continue;
    const toneIssues = judgeTones(scheme, scans, lineLength);
    if (penalty(toneIssues) > 0) continue;
    flawless = { scheme, hardFaults: fewest, toneIssues };
    flawlessCost = cost;
  }
  return flawless ?? best!;
}

/** A first line that joins the rhyme group is taken to rhyme; one that does not even borrow is not. */
function firstLineCost(scheme: Scheme, { firstLine }: RhymeEvidence): number {
  if (scheme.firstLineRhymes) return firstLine === 'same-group' ? 0 : firstLine === 'neighbour' ? 1 : NEVER_RHYMES;
  return firstLine === 'same-group' ? 1 : 0;
}

function countHardFaults(
  scheme: Scheme,
  scans: readonly LineScan[],
  lineLength: 5 | 7,
  isFault = (line: number, position: number, slot: number): boolean => (scans[line]!.confirmed[position]! & slot) === 0,
): number {
  let faults = 0;
  for (let line = 0; line < scans.length; line++) {
    if (scans[line]!.confirmed.length !== lineLength) continue;
    const slots = slotMask(scheme.types[line]!, lineLength);
    for (let position = 1; position < lineLength; position += 2)
      if (isFault(line, position, slots[position]!)) faults++;
    if (isFault(line, lineLength - 1, slots[lineLength - 1]!)) faults++;
  }
  return faults;
}

/** 疵 weigh more than any number of 拗可 that a couplet can hold. */
function penalty(issues: readonly Issue[]): number {
  let sum = 0;
  for (const issue of issues) {
    const { grade } = ISSUES[issue.kind];
    if (grade === '疵') sum += 100;
    else if (grade === '拗可') sum += 1;
  }
  return sum;
}

// ── tones ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Couplet by couplet, first with the confirmed readings; where those leave something wanting, with every reading that a
 * book lists, and what only such a reading fits is noted as 多音.
 */
function judgeTones(scheme: Scheme, scans: readonly LineScan[], lineLength: 5 | 7): Issue[] {
  const issues: Issue[] = [];
  for (let line = 0; line < scans.length; line += 2) {
    const pair = [line, line + 1].filter((each) => each < scans.length && scans[each]!.known.length === lineLength);
    const isNarrower = pair.some((each) => scans[each]!.confirmed !== scans[each]!.masks);
    const isContested = pair.some((each) => scans[each]!.isContested);
    const confirmed = judgePair(scheme, scans, lineLength, line, 'confirmed');
    if (!isContested && (!isNarrower || penalty(confirmed) === 0)) {
      issues.push(...confirmed);
      continue;
    }
    const listed = judgePair(scheme, scans, lineLength, line, 'masks');
    if (!isContested && penalty(listed) >= penalty(confirmed)) {
      issues.push(...confirmed);
      continue;
    }
    issues.push(...listed);
    for (const each of pair) noteUnconfirmed(scheme.types[each]!, scans[each]!, lineLength, each, issues);
  }
  return issues;
}

function judgePair(
  scheme: Scheme,
  scans: readonly LineScan[],
  lineLength: 5 | 7,
  first: number,
  view: 'confirmed' | 'masks',
): Issue[] {
  const core = lineLength === 5 ? 0 : 2;
  const inPattern = (line: number): LineInPattern | null => {
    const masks = scans[line]?.[view];
    if (!masks || masks.length !== lineLength) return null;
    return { line, type: scheme.types[line]!, masks, core, likelyMask: scans[line]!.likelyMask };
  };
  const issues: Issue[] = [];
  judgeCouplet(inPattern(first), inPattern(first + 1), issues);
  return issues;
}

function noteUnconfirmed(type: LineType, scan: LineScan, lineLength: 5 | 7, line: number, issues: Issue[]): void {
  const slots = slotMask(type, lineLength);
  for (let position = 0; position < lineLength; position++) {
    const slot = slots[position]!;
    if (slot === 3 || (scan.confirmed[position]! & slot) !== 0 || (scan.masks[position]! & slot) === 0) continue;
    if (issues.some((issue) => issue.line === line && issue.position === position)) continue;
    issues.push({ kind: 'unconfirmed-reading', line, position, wanted: slot });
  }
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
