/** Rhyme in ci: each rhyme set keeps to one group of the book (词林正韵: one of 19 parts), whatever the tone of its 叶. */
import type { Book } from '../book-types.ts';
import type { RhymePlace } from './variant-shape.ts';

export interface RhymeSetFound {
  readonly set: number;
  /** The group that most rhymes share; null when no end is known. */
  readonly group: number | null;
  /** Tones of the set's slots: 1 平, 2 仄, 3 both (叶). */
  readonly tones: number;
  /** Places off the group. */
  readonly off: readonly RhymePlace[];
}

/**
 * @param charAt the character in a slot; undefined where the text has none
 */
export function findRhymes(
  rhymes: readonly RhymePlace[],
  charAt: (slot: number) => string | undefined,
  book: Book,
): RhymeSetFound[] {
  const bySet = new Map<number, RhymePlace[]>();
  for (const place of rhymes) {
    const places = bySet.get(place.set);
    if (places) places.push(place);
    else bySet.set(place.set, [place]);
  }
  return [...bySet].map(([set, places]) => {
    const found = places.flatMap((place) => {
      const char = charAt(place.slot);
      const groups = char === undefined ? [] : groupsAt(char, book);
      // An unknown character is named as such; whether it rhymes nobody can say.
      return groups.length === 0 ? [] : [{ place, groups }];
    });
    const counts = new Map<number, number>();
    for (const { groups } of found) for (const group of groups) counts.set(group, (counts.get(group) ?? 0) + 1);
    const group =
      [...counts].reduce<[number, number] | null>(
        (best, entry) => (best && best[1] >= entry[1] ? best : entry),
        null,
      )?.[0] ?? null;
    return {
      set,
      group,
      tones: places.reduce((tones, place) => tones | place.tones, 0),
      off: found.filter(({ groups }) => group !== null && !groups.includes(group)).map(({ place }) => place),
    };
  });
}

/** More than any book has groups. */
const GROUP_LIMIT = 256;
/** By group, what {@link countOffRhymes} counts, and the place that it was last counted for. */
const counts = new Uint32Array(GROUP_LIMIT);
const lastPlaces = new Int32Array(GROUP_LIMIT);

/** How many places {@link findRhymes} finds off their groups, counted without naming them; every slot has a character. */
export function countOffRhymes(rhymes: readonly RhymePlace[], chars: readonly string[], book: Book): number {
  let off = 0;
  for (let start = 0; start < rhymes.length; start++) {
    const { set } = rhymes[start]!;
    // The sets one by one, each where its first place stands.
    if (rhymes.findIndex((place) => place.set === set) < start) continue;
    counts.fill(0);
    lastPlaces.fill(-1);
    let known = 0;
    let most = 0;
    for (let index = start; index < rhymes.length; index++) {
      if (rhymes[index]!.set !== set) continue;
      const readings = book.readings(chars[rhymes[index]!.slot]!);
      if (readings.length > 0) known++;
      for (const { group } of readings) {
        if (lastPlaces[group] === index) continue;
        lastPlaces[group] = index;
        const count = counts[group]! + 1;
        counts[group] = count;
        if (count > most) most = count;
      }
    }
    off += known - most;
  }
  return off;
}

/**
 * Groups of every reading, whatever its tone: a reading of the other tone is the tone's fault, not the rhyme's, and where
 * the books give the tones of a rhyme word in two groups Song poets did not keep them apart.
 */
function groupsAt(char: string, book: Book): number[] {
  return [...new Set(book.readings(char).map((reading) => reading.group))];
}
