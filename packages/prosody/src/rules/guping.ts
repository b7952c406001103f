// 孤平 and its rescue, in lines of type B (平平仄仄平): the first of the last five is 仄, which leaves a single 平
// beside the rhyme; a 平 in the third place makes it good (孤平拗救, 仄平平仄平).

import { type Issue, type LineInPattern, OBLIQUE } from './issue.ts';

export function judgeGuping(line: LineInPattern, issues: Issue[]): void {
  const { core, masks } = line;
  if (masks[core] !== OBLIQUE) return;
  const isRescued = masks[core + 2] !== OBLIQUE;
  issues.push({
    kind: isRescued ? 'guping-rescued' : 'guping',
    line: line.line,
    position: core,
    wanted: 1,
    other: { line: line.line, position: core + (isRescued ? 2 : 1) },
  });
}
