// The rhyme words of regulated verse: which characters poets rhymed on, and how often.

import { parseCounts } from './book-readings.ts';
import type { RhymeWord } from './book-types.ts';
import { type Script, standardForm, traditionalForms } from './scripts.ts';
import { PINGSHUI_CHARACTERS, PINGSHUI_USES } from './tables/pingshui.ts';

const rhymeWordLists = new Map<number, readonly RhymeWord[]>();

/** The characters of a 平水 group that poets rhymed on, commonest first; [] for an unknown group. */
export function rhymeWords(groupId: number): readonly RhymeWord[] {
  const known = rhymeWordLists.get(groupId);
  if (known) return known;
  const counts = parseCounts(PINGSHUI_USES[groupId - 1] ?? '');
  const words: RhymeWord[] = [];
  for (const char of PINGSHUI_CHARACTERS[groupId - 1] ?? '') {
    const uses = counts[words.length];
    if (uses === undefined) break;
    words.push({ char, uses });
  }
  if (PINGSHUI_CHARACTERS[groupId - 1] !== undefined) rhymeWordLists.set(groupId, words);
  return words;
}

const usesByGroup = new Map<number, ReadonlyMap<string, number>>();

/** How often a character rhymes in a group of 平水韵 in regulated Tang and Song verse; simplified ones through their forms. */
export function rhymeUses(char: string, groupId: number, script: Script = 'traditional'): number {
  let uses = usesByGroup.get(groupId);
  if (uses === undefined) {
    uses = new Map(rhymeWords(groupId).map((word) => [word.char, word.uses]));
    if (uses.size > 0) usesByGroup.set(groupId, uses);
  }
  const own = uses.get(char);
  if (own !== undefined && script === 'traditional') return own;
  const standard = standardForm(char);
  const forms = new Set([char, ...traditionalForms(char), ...(standard ? [standard] : [])]);
  let sum = 0;
  for (const form of forms) sum += uses.get(form) ?? 0;
  return sum;
}
