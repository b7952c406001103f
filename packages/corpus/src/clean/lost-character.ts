/** A regular poem in which one line is too short or too long: a character was lost or doubled in copying. */
import { characterCount } from './lines.ts';

/**
 * True when a poem of 4 lines or more has 5 or 7 characters in every line but exactly one.
 */
export function hasLostCharacter(lines: readonly string[]): boolean {
  if (lines.length < 4) return false;
  let fives = 0;
  let sevens = 0;
  for (const line of lines) {
    const count = characterCount(line);
    if (count === 5) fives++;
    else if (count === 7) sevens++;
  }
  return fives === lines.length - 1 || sevens === lines.length - 1;
}
