// 合掌: the two lines of a couplet say the same, as two palms laid together (蝉噪林逾静，鸟鸣山更幽). Told by facing
// characters of one meaning; a suspicion, never a fault, so one such pair is not enough.

import { simplifyCharacter } from '../scripts.ts';
import { SYNONYMS } from '../tables/synonyms.ts';
import type { Issue } from './issue.ts';

/** Different pairs of synonyms that make a couplet suspect, by length of line: two poems in ten thousand have them. */
const NEEDED: Readonly<Record<number, number>> = { 5: 2, 6: 3, 7: 3 };

/** By simplified character, from 1. */
let meanings: ReadonlyMap<string, number> | undefined;

function findMeaning(char: string): number {
  meanings ??= new Map(SYNONYMS.split(' ').flatMap((row, index) => [...row].map((each) => [each, index + 1] as const)));
  return meanings.get(simplifyCharacter(char)) ?? 0;
}

const NOT_ASKED = 0xff;
/** {@link findMeaning} by UTF-16 unit: this is asked of every character of a corpus. */
const meaningsByUnit = new Uint8Array(0x10000).fill(NOT_ASKED);

function meaningOf(char: string): number {
  if (char.length > 1) return findMeaning(char);
  const unit = char.charCodeAt(0);
  const known = meaningsByUnit[unit]!;
  if (known !== NOT_ASKED) return known;
  const meaning = findMeaning(char);
  meaningsByUnit[unit] = meaning;
  return meaning;
}

/** Whether two different characters say the same. */
export function areSynonyms(a: string, b: string): boolean {
  const meaning = meaningOf(a);
  if (meaning === 0 || meaning !== meaningOf(b)) return false;
  return simplifyCharacter(a) !== simplifyCharacter(b);
}

/** One remark for each couplet whose lines say the same, on its second line. */
export function findSameSaying(lines: readonly { readonly chars: readonly string[] }[]): Issue[] {
  const issues: Issue[] = [];
  for (let line = 1; line < lines.length; line += 2) {
    const upper = lines[line - 1]!.chars;
    const lower = lines[line]!.chars;
    const needed = NEEDED[upper.length];
    if (needed === undefined || lower.length !== upper.length) continue;
    let pairs: Set<string> | undefined;
    for (let position = 0; position < lower.length; position++) {
      const a = upper[position]!;
      const b = lower[position]!;
      if (!areSynonyms(a, b)) continue;
      pairs ??= new Set();
      pairs.add(a + b);
    }
    if (pairs === undefined || pairs.size < needed) continue;
    issues.push({ kind: 'hezhang', line, position: -1, other: { line: line - 1, position: 0 }, words: [...pairs] });
  }
  return issues;
}
