// Names for rhymes that leave the group in an old, known way, and for rhyme sounds in places that should not have them.

import type { Book } from '../book-types.ts';
import { type Issue, type IssueKind, OBLIQUE } from './issue.ts';
import { hasReading, type RhymeEvidence, type RhymeJudgement } from './rhyme.ts';

/** Level groups of 平水韵; the rising and departing ones of the same final follow in the same order, but for 泰 and 蒸. */
const LEVEL_GROUPS = 30;
const ZHENG = 25;
const JIA = 9;

/** The oblique groups with the final of a level one (東: 董, 送). */
export function obliqueCounterparts(group: number): readonly number[] {
  if (group < 1 || group > LEVEL_GROUPS) return [];
  // 蒸 has none of its own: its rising and departing syllables are in 迥 and 徑.
  if (group === ZHENG) return [54, 84];
  const rising = 30 + group - (group > ZHENG ? 1 : 0);
  const departing = 59 + group + (group >= JIA && group < ZHENG ? 1 : 0);
  return [rising, departing];
}

/**
 * Off-rhyme lines that follow a pattern get its name: 孤雁出群 (the last rhyme leaves for a neighbour group), 辘轳韵 (two
 * rhymes and two), 进退韵 (turn about), 葫芦韵 (few, then more). They remain off rhyme.
 */
export function nameRhymePattern(
  ends: readonly string[],
  evidence: RhymeEvidence,
  rhyme: RhymeJudgement,
  book: Book,
): readonly Issue[] {
  const { group } = evidence;
  const off = rhyme.offLines.filter((line) => line > 0);
  if (group === null || off.length === 0 || evidence.tone !== '平') return rhyme.issues;
  const other = book
    .neighbours(group)
    .find((neighbour) => off.every((line) => hasReading(book, ends[line]!, neighbour, '平')));
  const kind = other === undefined ? null : patternOf(ends.length >> 1, off);
  if (kind === null) return rhyme.issues;
  return rhyme.issues.map((issue) =>
    issue.kind === 'chuyun' && issue.line > 0 ? { ...issue, kind, otherGroup: other! } : issue,
  );
}

/** @param count rhymes besides the first line's; two are too few to show a pattern */
function patternOf(count: number, off: readonly number[]): IssueKind | null {
  if (count < 4) return null;
  const isOff = Array.from({ length: count }, (_, index) => off.includes(2 * index + 1));
  const last = count - 1;
  if (off.length === 1 && isOff[last]) return 'chuyun-last';
  if (isOff.every((value, index) => index === 0 || value !== isOff[index - 1])) return 'chuyun-jintui';
  const change = isOff.findIndex((value, index) => index > 0 && value !== isOff[index - 1]);
  if (change < 2 || isOff.slice(change).some((value) => value !== isOff[change])) return null;
  if (change * 2 === count) return 'chuyun-lulu';
  return change * 2 < count ? 'chuyun-hulu' : null;
}

/** 撞韵: an unrhymed line ends in an oblique syllable of the rhyme's own final. 挤韵: the rhyme sounds inside its line. */
export function findRhymeEchoes(
  lines: readonly { readonly chars: readonly string[] }[],
  masks: readonly (ArrayLike<number> | null)[],
  evidence: RhymeEvidence,
  rhyme: RhymeJudgement,
  firstLineRhymes: boolean,
  book: Book,
): Issue[] {
  const { group } = evidence;
  if (group === null || evidence.tone !== '平' || book.name !== 'pingshui') return [];
  const counterparts = obliqueCounterparts(group);
  const issues: Issue[] = [];
  for (let line = firstLineRhymes ? 2 : 0; line < lines.length; line += 2) {
    const { chars } = lines[line]!;
    const last = chars.length - 1;
    if (last < 0 || masks[line]?.[last] !== OBLIQUE) continue;
    const reading = book.readings(chars[last]!)[0];
    if (reading && counterparts.includes(reading.group)) {
      issues.push({ kind: 'zhuangyun-oblique', line, position: last, group });
    }
  }
  for (const line of rhyme.lines) {
    const { chars } = lines[line]!;
    const end = chars[chars.length - 1]!;
    // The second, fourth and sixth characters carry the beat, where an echo is heard; one right before the rhyme is a
    // word with it (朦胧).
    for (let position = 1; position < chars.length - 2; position += 2) {
      const char = chars[position]!;
      const readings = book.readings(char);
      if (char === end || readings.length !== 1 || readings[0]!.group !== group) continue;
      issues.push({ kind: 'jiyun', line, position, group, other: { line, position: chars.length - 1 } });
    }
  }
  return issues;
}
