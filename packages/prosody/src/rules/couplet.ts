// The tone rules of one couplet, put together by line type. What a rule of its own excuses or names is not reported as
// a plain slot fault besides.

import { judgeAoju, judgeThirdAndFourthOfC } from './aoju.ts';
import { judgeGuping } from './guping.ts';
import { type Issue, LEVEL, type LineInPattern, OBLIQUE } from './issue.ts';
import { requireLead, requireTone } from './slots.ts';
import { judgeLevelTail, judgeLevelTailOfB } from './tails.ts';

/** Judges both lines of a couplet; a line that is missing or has another length is null. */
export function judgeCouplet(first: LineInPattern | null, second: LineInPattern | null, issues: Issue[]): void {
  if (first) judgeLine(first, second, issues);
  if (second) judgeLine(second, null, issues);
}

function judgeLine(line: LineInPattern, answer: LineInPattern | null, issues: Issue[]): void {
  requireLead(line, issues);
  switch (line.type) {
    case 'A':
      requireTone(line, 1, OBLIQUE, issues);
      judgeAoju(line, answer, issues);
      requireTone(line, 4, OBLIQUE, issues);
      break;
    case 'B':
      judgeGuping(line, issues);
      requireTone(line, 1, LEVEL, issues);
      judgeLevelTailOfB(line, issues);
      requireTone(line, 4, LEVEL, issues);
      break;
    case 'C':
      requireTone(line, 1, LEVEL, issues);
      judgeThirdAndFourthOfC(line, issues);
      requireTone(line, 4, OBLIQUE, issues);
      break;
    case 'D':
      requireTone(line, 1, OBLIQUE, issues);
      judgeLevelTail(line, issues);
      requireTone(line, 4, LEVEL, issues);
      break;
    default:
      line.type satisfies never;
  }
}
