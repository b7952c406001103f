// 拗救: departures that another character makes good. 大拗 and 小拗 of a line of type A are rescued in the line that
// answers it; 特拗 of a line of type C (平平仄平仄) rescues itself.

import { likelyMask } from '../tone-usage.ts';
import { type Issue, LEVEL, type LineInPattern, OBLIQUE } from './issue.ts';

/**
 * Type A, 中仄平平仄: the fourth place 仄 is 大拗 (must be rescued), the third place 仄 is 小拗 (should be); both by 平 in
 * the third place of the answering line.
 *
 * @param answer the second line of the couplet; null when it is missing or has another length.
 */
export function judgeAoju(line: LineInPattern, answer: LineInPattern | null, issues: Issue[]): void {
  const { core, masks } = line;
  const isDaao = masks[core + 3] === OBLIQUE;
  const isXiaoao = masks[core + 2] === OBLIQUE;
  if (!isDaao && !isXiaoao) return;
  const isRescued = answer !== null && answer.masks[core + 2] !== OBLIQUE;
  const other = { line: line.line + 1, position: core + 2 };
  if (isXiaoao) {
    const kind = isRescued ? 'xiaoao-rescued' : 'xiaoao';
    issues.push({ kind, line: line.line, position: core + 2, wanted: LEVEL, other });
  }
  if (isDaao) {
    const kind = isRescued ? 'daao-rescued' : 'daao';
    issues.push({ kind, line: line.line, position: core + 3, wanted: LEVEL, other });
  }
}

/**
 * Type C, 中平平仄仄, third and fourth places: 平仄 as the pattern has it; 仄平 is 特拗, fully legal when the first place is
 * 平; 仄仄 is 三仄尾, tolerated; 平平 breaks the pattern. Polyphones take the lawful reading.
 */
export function judgeThirdAndFourthOfC(line: LineInPattern, issues: Issue[]): void {
  const { core, masks } = line;
  const third = masks[core + 2]!;
  const fourth = masks[core + 3]!;
  if ((third & LEVEL) !== 0 && (fourth & OBLIQUE) !== 0) return;
  const canBeTiao =
    (third & OBLIQUE) !== 0 &&
    (fourth & LEVEL & likelyMask(line.listed[core + 3]!, line.chars[core + 3]!, line.script)) !== 0;
  const isFirstLevel = masks[core] !== OBLIQUE;
  if (canBeTiao && (isFirstLevel || fourth === LEVEL)) {
    // A fourth character of either tone takes 平 where poets do that; only a decided one is worth a remark.
    if (fourth !== LEVEL) return;
    const kind = isFirstLevel ? 'tiao' : 'tiao-loose';
    const other = { line: line.line, position: core + 2 };
    issues.push({ kind, line: line.line, position: core + 3, wanted: OBLIQUE, other });
  } else if ((third & LEVEL) === 0) {
    issues.push({ kind: 'sanzewei', line: line.line, position: core + 2, wanted: LEVEL });
  } else {
    issues.push({ kind: 'slot', line: line.line, position: core + 3, wanted: OBLIQUE });
  }
}
