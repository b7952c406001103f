// Tails of one tone: 三平尾 (three level characters end a rhyming line) breaks the pattern, 三仄尾 is tolerated.

import { type Issue, LEVEL, type LineInPattern, OBLIQUE } from './issue.ts';

/**
 * The third and fourth of the last five in a line of type D (仄仄仄平平): a 平 in the third place makes 三平尾.
 */
export function judgeLevelTail(line: LineInPattern, issues: Issue[]): void {
  const { core, masks } = line;
  const isFourthWrong = masks[core + 3] === OBLIQUE;
  if (masks[core + 2] === LEVEL) {
    issues.push({ kind: isFourthWrong ? 'slot' : 'sanpingwei', line: line.line, position: core + 2, wanted: OBLIQUE });
  }
  if (isFourthWrong) issues.push({ kind: 'slot', line: line.line, position: core + 3, wanted: LEVEL });
}

/** The fourth of the last five in a line of type B (平平中仄平), 仄: with 平 around it, 三平尾. */
export function judgeLevelTailOfB(line: LineInPattern, issues: Issue[]): void {
  const { core, masks } = line;
  if (masks[core + 3] !== LEVEL) return;
  const kind = masks[core + 2] === LEVEL && masks[core + 4] !== OBLIQUE ? 'sanpingwei' : 'slot';
  issues.push({ kind, line: line.line, position: core + 3, wanted: OBLIQUE });
}
