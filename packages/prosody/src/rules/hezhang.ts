// 合掌: the two lines of a couplet say the same, as two palms laid together (蝉噪林逾静，鸟鸣山更幽). Told by facing
// characters of one meaning; a suspicion, never a fault, so one such pair is not enough.

import { simplifyCharacter } from '../scripts.ts';
import { SYNONYMS } from '../tables/synonyms.ts';
import type { Issue } from './issue.ts';

/** Different pairs of synonyms that make a couplet suspect, by length of line: two poems in ten thousand have them. */
const NEEDED: Readonly<Record<number, number>> = { 5: 2, 6: 3, 7: 3 };

let meanings: ReadonlyMap<string, number> | undefined;

function loadMeanings(): ReadonlyMap<string, number> {
  meanings ??= new Map(SYNONYMS.split(' ').flatMap((row, id) => [...row].map((char) => [char, id] as const)));
  return meanings;
}

/** Whether two different characters say the same. */
export function areSynonyms(a: string, b: string): boolean {
  if (a === b) return false;
  const known = loadMeanings();
  const id = known.get(simplifyCharacter(a));
  return id !== undefined && id === known.get(simplifyCharacter(b)) && simplifyCharacter(a) !== simplifyCharacter(b);
}

/** One remark for each couplet whose lines say the same, on its second line. */
export function findSameSaying(lines: readonly { readonly chars: readonly string[] }[]): Issue[] {
  const issues: Issue[] = [];
  for (let line = 1; line < lines.length; line += 2) {
    const upper = lines[line - 1]!.chars;
    const lower = lines[line]!.chars;
    const needed = NEEDED[upper.length];
    if (needed === undefined || lower.length !== upper.length) continue;
    const pairs = new Set<string>();
    for (let position = 0; position < lower.length; position++) {
      const [a, b] = [upper[position]!, lower[position]!];
      if (areSynonyms(a, b)) pairs.add(a + b);
    }
    if (pairs.size < needed) continue;
    issues.push({ kind: 'hezhang', line, position: -1, other: { line: line - 1, position: 0 }, words: [...pairs] });
  }
  return issues;
}
