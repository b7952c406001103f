// 上尾, as regulated verse has it: the unrhymed lines of a poem end in 上, 去 and 入 by turns; three in a row of one tone
// make the ends monotonous. (Two are too common to be worth a word. The 上尾 of the eight faults, the fifth character
// against the tenth, cannot occur where couplets are opposed.)

import type { Book } from '../book-types.ts';
import { type Issue, OBLIQUE } from './issue.ts';

/** Unrhymed ends of one tone in a row that are worth a remark. */
const SAME_IN_A_ROW = 3;
const LEVELS = new Set(['上', '去', '入']);

/** The one of 上去入 that all oblique readings of a character have; null where they differ, or the book has no levels. */
function obliqueLevel(char: string, book: Book): string | null {
  let found: string | null = null;
  for (const { group, tone } of book.readings(char)) {
    if (tone !== '仄') continue;
    const level = book.group(group)!.level;
    if (!LEVELS.has(level) || (found !== null && found !== level)) return null;
    found = level;
  }
  return found;
}

/** One remark for each row of unrhymed lines that end in the same of 上 去 入, on its last line. */
export function findMonotonousEnds(
  lines: readonly { readonly chars: readonly string[] }[],
  masks: readonly (ArrayLike<number> | null)[],
  firstLineRhymes: boolean,
  book: Book,
): Issue[] {
  const issues: Issue[] = [];
  let start = 0;
  let level: string | null = null;
  let count = 0;
  const close = (last: number): void => {
    if (level === null || count < SAME_IN_A_ROW) return;
    const end = (line: number) => ({ line, position: lines[line]!.chars.length - 1 });
    issues.push({ kind: 'shangwei', ...end(last), other: end(start), count, level });
  };
  let line = firstLineRhymes ? 2 : 0;
  for (; line < lines.length; line += 2) {
    const { chars } = lines[line]!;
    const last = chars.length - 1;
    const own = masks[line]?.[last] === OBLIQUE ? obliqueLevel(chars[last]!, book) : null;
    if (own !== null && own === level) {
      count++;
      continue;
    }
    close(line - 2);
    [start, level, count] = [line, own, 1];
  }
  close(line - 2);
  return issues;
}

/** The groups of one level, which a character that mends 上尾 must not be in. */
export function groupsOfLevel(book: Book, level: string): readonly number[] {
  return book.groups.filter((group) => group.level === level).map(({ id }) => id);
}
