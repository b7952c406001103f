// 平仄: a slot that the pattern fixes holds a character that can only have the other tone.

import { type Issue, LEVEL, type LineInPattern, OBLIQUE } from './issue.ts';

/** Reports a slot of the last five characters unless the character can have the wanted tone. */
export function requireTone(line: LineInPattern, corePosition: number, wanted: 1 | 2, issues: Issue[]): void {
  const position = line.core + corePosition;
  if ((line.masks[position]! & wanted) === 0) issues.push({ kind: 'slot', line: line.line, position, wanted });
}

/** The second character of a seven-character line: of the other tone than the fourth. */
export function requireLead(line: LineInPattern, issues: Issue[]): void {
  if (line.core === 0) return;
  const wanted = line.type === 'A' || line.type === 'D' ? LEVEL : OBLIQUE;
  if ((line.masks[1]! & wanted) === 0) issues.push({ kind: 'slot', line: line.line, position: 1, wanted });
}
