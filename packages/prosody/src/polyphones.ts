// 多音: the characters of a poem that may be level or oblique, the tone each is read in, and why. Never an error.

import type { Book } from './book-types.ts';
import type { Scheme } from './forms.ts';
import { readingEvidence } from './reading-evidence.ts';
import { decideTone, type LineScan } from './scan.ts';
import type { Script } from './scripts.ts';
import type { PoemLine } from './text.ts';
import type { Polyphone } from './verdict.ts';

/** Both readings of every character that has both tones. */
export function listPolyphones(
  lines: readonly PoemLine[],
  scans: readonly LineScan[],
  scheme: Pick<Scheme, 'types'> | null,
  rescuing: ReadonlySet<number>,
  book: Book,
  script: Script,
): Polyphone[] {
  return lines.flatMap((line, index) =>
    line.chars.flatMap((char, position): Polyphone[] => {
      const scan = scans[index]!;
      if (scan.known[position] !== 3) return [];
      const type = scheme?.types[index] ?? null;
      const decided = decideTone(line, scan, script, type, rescuing.has(index), position);
      return [describePolyphone(char, { line: index, position }, decided, book, script)];
    }),
  );
}

/** By book, script and character; as many as the books have characters of both tones. */
const knownReadings = new Map<string, Polyphone['readings']>();

/** @param place from 0 */
export function describePolyphone(
  char: string,
  place: { readonly line: number; readonly position: number },
  { tone, by }: Pick<Polyphone, 'tone' | 'by'>,
  book: Book,
  script: Script,
): Polyphone {
  const key = `${book.name} ${script} ${char}`;
  let readings = knownReadings.get(key);
  if (readings === undefined) {
    readings = readingEvidence(char, book, script).map(({ tone: own, groupName, level, toneShare, gloss }) => ({
      tone: own,
      group: groupName,
      level,
      ...(toneShare === undefined ? {} : { share: Math.round(toneShare * 1000) / 1000 }),
      ...(gloss === undefined ? {} : { gloss }),
    }));
    knownReadings.set(key, readings);
  }
  return { line: place.line + 1, position: place.position + 1, char, tone, by, readings };
}
