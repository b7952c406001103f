// 押韵: which group the even lines rhyme in, 出韵, 重韵, 撞韵, and the first line, which may borrow from a neighbour group.

import type { Book } from '../books.ts';
import type { Script } from '../scripts.ts';
import type { Issue } from './issue.ts';
import { isOneCharacter } from './repetition.ts';

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
 * one whose readings are the commonest, then the first of the book. Oblique only where no even line can be level.
 *
 * @param ends last characters of all lines; '' for a line without.
 */
export function findRhyme(ends: readonly string[], book: Book): RhymeEvidence {
  const level = findGroup(ends, book, '平');
  const tone = level === null ? '仄' : '平';
  const group = level ?? findGroup(ends, book, '仄');
  if (group === null) return { group, tone: '平', firstLine: 'none' };
  const first = ends[0] ?? '';
  if (hasReading(book, first, group, tone)) return { group, tone, firstLine: 'same-group' };
  const borrows = book.neighbours(group).some((neighbour) => hasReading(book, first, neighbour, tone));
  return { group, tone, firstLine: borrows ? 'neighbour' : 'none' };
}

/** True when one of the readings of `char` is of this group and tone. */
export function hasReading(book: Book, char: string, group: number, tone: '平' | '仄'): boolean {
  for (const reading of book.readings(char)) if (reading.group === group && reading.tone === tone) return true;
  return false;
}

function findGroup(ends: readonly string[], book: Book, tone: '平' | '仄'): number | null {
  // Count in the high part, first line and commonness of the reading below: one comparison decides all three.
  const scores = new Map<number, number>();
  for (let line = 1; line < ends.length; line += 2) {
    let rank = 0;
    for (const reading of book.readings(ends[line]!)) {
      if (reading.tone === tone) scores.set(reading.group, (scores.get(reading.group) ?? 0) + 1e6 - Math.min(rank, 9));
      rank++;
    }
  }
  if (scores.size === 0) return null;
  if (scores.size > 1) {
    for (const reading of book.readings(ends[0]!)) {
      const score = scores.get(reading.group);
      if (score !== undefined && reading.tone === tone) scores.set(reading.group, score + 1e5);
    }
  }
  let best: number | null = null;
  for (const [group, score] of scores) {
    const bestScore = best === null ? -1 : scores.get(best)!;
    if (score > bestScore || (score === bestScore && group < best!)) best = group;
  }
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
    if (earlier !== undefined && isOneCharacter(end, script)) report('chongyun', line, earlier);
    else seen.set(end, line);
  }
  return { lines, offLines, issues };
}
