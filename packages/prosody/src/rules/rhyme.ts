// 押韵: which group the even lines rhyme in, 出韵, 重韵, 撞韵, and the first line, which may borrow from a neighbour group.

import type { Book } from '../book-types.ts';
import { loadBook } from '../books.ts';
import { type Script, traditionalForms } from '../scripts.ts';
import { type Issue, LEVEL } from './issue.ts';
import { isOneCharacter } from './repetition.ts';

/** A group must be this many times as common as the level one for verse to be taken to rhyme in oblique tones. */
const OBLIQUE_EXCESS = 2;

/** What the line ends say about the rhyme, before any form is chosen. */
export interface RhymeEvidence {
  /** The group that most even lines have in common; null when no end is known. */
  readonly group: number | null;
  /** Tone of that group's readings: regulated verse rhymes in 平, old-style 绝句 also in 仄. */
  readonly tone: '平' | '仄';
  readonly firstLine: 'same-group' | 'neighbour' | 'none';
}

/**
 * The rhyme group: the commonest level one of the even lines; among equals the one that the first line joins, then the
 * one whose readings are the commonest, then the first of the book. Oblique where no even line can be level, or where all
 * can be of one oblique group and at most half as many of one level group (重 among 動 用 夢).
 *
 * @param ends last characters of all lines; '' for a line without.
 */
export function findRhyme(ends: readonly string[], book: Book, script: Script): RhymeEvidence {
  const level = findGroup(ends, book, '平');
  const tone = level === null || isObliqueThroughout(ends, book, level, script) ? '仄' : '平';
  const group = tone === '平' ? level : findGroup(ends, book, '仄');
  if (group === null) return { group, tone: '平', firstLine: 'none' };
  return { group, tone, firstLine: firstLineOf(ends, book, group, tone) };
}

/** Every group that an even line can rhyme in, as evidence for itself; what the text is read as decides among them. */
export function listRhymes(ends: readonly string[], book: Book): RhymeEvidence[] {
  const found = new Map<string, RhymeEvidence>();
  for (let line = 1; line < ends.length; line += 2) {
    for (const { group: id, tone } of book.readings(ends[line]!)) {
      const group = book.together(id);
      const key = `${group} ${tone}`;
      if (!found.has(key)) found.set(key, { group, tone, firstLine: firstLineOf(ends, book, group, tone) });
    }
  }
  return [...found.values()];
}

function firstLineOf(
  ends: readonly string[],
  book: Book,
  group: number,
  tone: '平' | '仄',
): 'same-group' | 'neighbour' | 'none' {
  const first = ends[0] ?? '';
  if (hasReading(book, first, group, tone)) return 'same-group';
  return book.neighbours(group).some((neighbour) => hasReading(book, first, neighbour, tone)) ? 'neighbour' : 'none';
}

function isObliqueThroughout(ends: readonly string[], book: Book, level: number, script: Script): boolean {
  // One even line that can only be level settles it, in nearly all regulated verse.
  for (let line = 1; line < ends.length; line += 2) if (book.toneMask(ends[line]!) === LEVEL) return false;
  const oblique = findGroup(ends, book, '仄');
  if (oblique === null) return false;
  let count = 0;
  let levelCount = 0;
  for (let line = 1; line < ends.length; line += 2) {
    const end = ends[line]!;
    if (book.readings(end).length === 0) continue;
    if (!hasReading(book, end, oblique, '仄')) return false;
    count++;
    if (isLevelInEveryForm(end, book, level, script)) levelCount++;
  }
  return count > 1 && levelCount * OBLIQUE_EXCESS <= count;
}

/** A simplified character rhymes for certain only if each traditional one that it may stand for does. */
function isLevelInEveryForm(char: string, book: Book, level: number, script: Script): boolean {
  if (!hasReading(book, char, level, '平')) return false;
  if (script === 'traditional') return true;
  const traditional = loadBook(book.name);
  return [char, ...traditionalForms(char)].every(
    (form) => traditional.readings(form).length === 0 || hasReading(traditional, form, level, '平'),
  );
}

/** True when one of the readings of `char` is of this group, or one used together with it, and of this tone. */
export function hasReading(book: Book, char: string, group: number, tone: '平' | '仄'): boolean {
  const together = book.together(group);
  for (const reading of book.readings(char)) {
    if (reading.tone === tone && book.together(reading.group) === together) return true;
  }
  return false;
}

/** By group, what {@link findGroup} counts; empty between its calls. */
const scores = new Float64Array(256);
/** Count in the high part, first line and commonness of the reading below: one comparison decides all three. */
const LINE_SCORE = 1e6;
const FIRST_LINE_SCORE = 1e5;
const LAST_RANK = 9;

function findGroup(ends: readonly string[], book: Book, tone: '平' | '仄'): number | null {
  const groups: number[] = [];
  for (let line = 1; line < ends.length; line += 2) {
    let rank = 0;
    for (const reading of book.readings(ends[line]!)) {
      if (reading.tone === tone) {
        const group = book.together(reading.group);
        if (scores[group] === 0) groups.push(group);
        scores[group]! += LINE_SCORE - Math.min(rank, LAST_RANK);
      }
      rank++;
    }
  }
  if (groups.length > 1) {
    for (const reading of book.readings(ends[0]!)) {
      const group = book.together(reading.group);
      if (reading.tone === tone && scores[group]! > 0) scores[group]! += FIRST_LINE_SCORE;
    }
  }
  let best: number | null = null;
  for (const group of groups) {
    if (best === null || scores[group]! > scores[best]! || (scores[group] === scores[best] && group < best))
      best = group;
  }
  for (const group of groups) scores[group] = 0;
  return best;
}

/** The rhyme as the verdict has it, lines from 0, and what is wrong with it. */
export interface RhymeJudgement {
  readonly lines: readonly number[];
  readonly offLines: readonly number[];
  readonly issues: readonly Issue[];
}

/** Judges the ends of the lines that should rhyme: every even one, and the first if the scheme says so. */
export function judgeRhyme(
  ends: readonly string[],
  evidence: RhymeEvidence,
  firstLineRhymes: boolean,
  book: Book,
  lastPositions: readonly number[],
  script: Script,
): RhymeJudgement {
  const lines: number[] = [];
  const offLines: number[] = [];
  const issues: Issue[] = [];
  const { group, tone } = evidence;
  if (group === null) return { lines, offLines, issues };
  const seen = new Map<string, number>();
  const report = (kind: Issue['kind'], line: number, other?: number): void => {
    const place = { kind, line, position: lastPositions[line]!, group };
    issues.push(other === undefined ? place : { ...place, other: { line: other, position: lastPositions[other]! } });
  };
  for (let line = firstLineRhymes ? 0 : 1; line < ends.length; line += line === 0 ? 1 : 2) {
    const end = ends[line]!;
    // An unknown character is reported as such; whether it rhymes nobody can say.
    if (book.readings(end).length === 0) continue;
    if (hasReading(book, end, group, tone)) {
      lines.push(line);
      if (tone === '仄' && line > 0) report('chuyun-oblique', line);
    } else if (line === 0 && evidence.firstLine === 'neighbour') {
      lines.push(line);
      report('chuyun-neighbour', line);
    } else {
      offLines.push(line);
      report('chuyun', line);
    }
    const earlier = seen.get(end);
    if (earlier === undefined) seen.set(end, line);
    else report(isOneCharacter(end, script) ? 'chongyun' : 'chongyun-possible', line, earlier);
  }
  return { lines, offLines, issues };
}
