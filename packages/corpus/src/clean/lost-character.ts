/** A regular poem in which one line is too short or too long: a character was lost or doubled in copying. */
import { characterCount } from './lines.ts';

/**
 * True when the poem has 4, 8 or any even number ≥ 4 of lines, all of 5 or all of 7 characters but exactly one.
 */
export function hasLostCharacter(lines: readonly string[]): boolean {
  if (lines.length < 4 || lines.length % 2 !== 0) return false;
  let fives = 0;
  let sevens = 0;
  for (const line of lines) {
    const count = characterCount(line);
    if (count === 5) fives++;
    else if (count === 7) sevens++;
  }
  return fives === lines.length - 1 || sevens === lines.length - 1;
}
