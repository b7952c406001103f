/**
 * Characters to put in another's place: of a wanted tone, about as frequent, so that a spoilt line is told by its sound and
 * not by a rare character.
 */
import { loadBook } from '@tuiqiao/prosody';
import type { Random } from './random.ts';

/** How far from the wanted rank a replacement may be drawn, as a share of the rank, and at least. */
const SPREAD_SHARE = 0.2;
const SPREAD_MINIMUM = 12;

interface Ranked {
  readonly characters: readonly string[];
  readonly counts: readonly number[];
}

/** Characters of one tone only, and rhyme words by group, by frequency in given texts. */
export class CharacterPool {
  private readonly counts = new Map<string, number>();
  private readonly level: Ranked;
  private readonly oblique: Ranked;

  /** @param texts punctuated verse in traditional script; a few thousand poems are enough */
  constructor(texts: Iterable<string>) {
    for (const text of texts)
      for (const character of text)
        if (!'，。、\n'.includes(character)) this.counts.set(character, (this.counts.get(character) ?? 0) + 1);
    const book = loadBook('pingshui');
    const ranked = [...this.counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    const ofTone = (mask: number): Ranked => {
      const own = ranked.filter(([character]) => book.toneMask(character) === mask);
      return { characters: own.map(([character]) => character), counts: own.map(([, count]) => count) };
    };
    this.level = ofTone(1);
    this.oblique = ofTone(2);
  }

  /**
   * A character of the tone about as frequent as `like`, none of `avoid`; undefined when there is none.
   *
   * @param isFit a further condition, e.g. that it rhymes or that it does not
   */
  draw(
    like: string,
    tone: '平' | '仄',
    avoid: ReadonlySet<string>,
    random: Random,
    isFit: (character: string) => boolean = () => true,
  ): string | undefined {
    const { characters, counts } = tone === '平' ? this.level : this.oblique;
    const rank = rankOf(counts, this.counts.get(like) ?? 1);
    // Conditions may refuse most characters: widen the neighbourhood until something fits.
    for (let spread = Math.max(SPREAD_MINIMUM, rank * SPREAD_SHARE); ; spread *= 2) {
      const near = characters
        .slice(Math.max(0, Math.floor(rank - spread)), Math.ceil(rank + spread))
        .filter((character) => !avoid.has(character) && isFit(character));
      if (near.length > 0) return near[Math.floor(random() * near.length)];
      if (spread > characters.length) return undefined;
    }
  }
}

/** Place of a count in a falling list. */
function rankOf(counts: readonly number[], count: number): number {
  let low = 0;
  let high = counts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (counts[middle]! > count) low = middle + 1;
    else high = middle;
  }
  return low;
}
