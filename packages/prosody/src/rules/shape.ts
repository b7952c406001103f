// 字数 and 句数: does the text have the shape of the form?

import type { PoemLine } from '../text.ts';
import type { Issue } from './issue.ts';

/** Lines that are not `lineLength` long, and a count of lines other than `lineCount` (null: even, from 10 up). */
export function judgeShape(lines: readonly PoemLine[], lineLength: number, lineCount: number | null): Issue[] {
  const issues: Issue[] = [];
  const isCountRight = lineCount === null ? lines.length >= 10 && lines.length % 2 === 0 : lines.length === lineCount;
  if (!isCountRight) {
    const expected = lineCount ?? 10;
    issues.push({
      kind: 'line-count',
      line: Math.max(0, lines.length - 1),
      position: -1,
      count: lines.length,
      expected,
    });
  }
  lines.forEach((line, index) => {
    const count = line.chars.length;
    if (count !== lineLength)
      issues.push({ kind: 'line-length', line: index, position: -1, count, expected: lineLength });
  });
  return issues;
}

/**
 * When no form fits: one line out of step in a poem otherwise of one length is named (a lost or doubled character),
 * else the poem as a whole.
 */
export function judgeUnknownShape(lines: readonly PoemLine[]): Issue[] {
  if (lines.length === 0) return [{ kind: 'empty-text', line: 0, position: -1 }];
  const common = commonLength(lines);
  const odd = lines.findIndex((line) => line.chars.length !== common);
  const oddCount = lines.filter((line) => line.chars.length !== common).length;
  if (oddCount === 1 && lines.length >= 4 && (common === 5 || common === 7)) {
    const count = lines[odd]!.chars.length;
    return [{ kind: 'line-length', line: odd, position: -1, count, expected: common }];
  }
  return [{ kind: 'no-form', line: 0, position: -1, count: lines.length }];
}

function commonLength(lines: readonly PoemLine[]): number {
  const counts = new Map<number, number>();
  for (const line of lines) counts.set(line.chars.length, (counts.get(line.chars.length) ?? 0) + 1);
  let common = 0;
  for (const [length, count] of counts) if (count > (counts.get(common) ?? 0)) common = length;
  return common;
}
