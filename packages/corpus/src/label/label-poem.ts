/** Labels of one poem from its verse; the seam between corpus and prosody. Cluster and split are added later. */
import { findTune, loadBook } from '@tuiqiao/prosody';
import { characterCount, splitLines, uniformLength } from '../clean/lines.ts';
import type { PoemLabels } from '../poem.ts';

export type VerseLabels = Pick<
  PoemLabels,
  'form' | 'start' | 'firstLineRhymes' | 'rhyme' | 'tune' | 'faults' | 'isFlawless'
>;

const NONE: VerseLabels = {
  form: null,
  start: null,
  firstLineRhymes: null,
  rhyme: null,
  tune: null,
  faults: null,
  isFlawless: false,
};

// 1 = 平, 2 = 仄, 3 = either; the four line types of regulated verse in succession.
const LINES: Readonly<Record<5 | 7, readonly string[]>> = {
  5: ['32112', '11321', '31122', '32211'],
  7: ['3132112', '3211321', '3231122', '3132211'],
};

/** Labels of a shi. */
export function labelShi(text: string): VerseLabels {
  const lines = splitLines(text);
  const length = uniformLength(lines);
  if ((length !== 5 && length !== 7) || lines.length < 4 || lines.length % 2 !== 0) return { ...NONE, form: '古' };
  const book = loadBook('pingshui');
  const masks = lines.map((line) => [...line].map((character) => book.toneMask(character)));

  let best: { faults: number; start: '平起' | '仄起'; first: boolean } | null = null;
  for (const start of ['平起', '仄起'] as const)
    for (const first of [true, false]) {
      const offset = (length === 5) === (start === '平起') ? 2 : 0;
      let faults = 0;
      masks.forEach((mask, i) => {
        const type = i === 0 && first ? (offset === 0 ? 3 : 1) : (offset + i) % 4;
        faults += lineFaults(mask, LINES[length][type]!, length);
      });
      if (best === null || faults < best.faults) best = { faults, start, first };
    }
  const { start, first, faults } = best!;
  const rhymes = lines.filter((_, i) => i % 2 === 1).map((line) => groupsOf([...line].at(-1)!));
  const counts = new Map<number, number>();
  for (const groups of rhymes) for (const group of groups) counts.set(group, (counts.get(group) ?? 0) + 1);
  const [group, hits] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [0, 0];
  const total = faults + rhymes.length - hits;
  const isShort = lines.length === 4;
  if (total > (isShort ? 1 : 2)) return { ...NONE, form: '古' };
  const kind = isShort ? '绝' : lines.length === 8 ? '律' : '排';
  return {
    form: `${length === 5 ? '五' : '七'}${kind}`,
    start,
    firstLineRhymes: first,
    rhyme: hits === rhymes.length ? (book.group(group)?.name ?? null) : null,
    tune: null,
    faults: total,
    isFlawless: total === 0,
  };

  function groupsOf(character: string): Set<number> {
    return new Set(
      book
        .readings(character)
        .filter((reading) => reading.tone === '平')
        .map((reading) => reading.group),
    );
  }
}

function lineFaults(mask: readonly number[], pattern: string, length: number): number {
  let faults = 0;
  for (let i = 0; i < length; i++) if ((mask[i]! & Number(pattern[i])) === 0) faults++;
  // 特拗: (平)平平仄仄 may be (平)平仄平仄.
  if (faults === 2 && pattern.endsWith('1122')) {
    const a = length - 3;
    if ((mask[a]! & 2) !== 0 && (mask[a + 1]! & 1) !== 0 && (mask[a]! & 1) === 0 && (mask[a + 1]! & 2) === 0)
      faults = 0;
  }
  return faults;
}

/** Labels of a ci. @param tuneName the source's name of the tune, in any script */
export function labelCi(text: string, tuneName: string): VerseLabels {
  const tune = findTune(tuneName);
  if (characterCount(text) === 0) return NONE;
  return { ...NONE, form: '词', tune: tune?.name ?? null };
}
