/**
 * A rhyme book seen through an inventory: for each character its tones and groups as bits, and for each tone and group
 * the set of characters. Legend: N inventory size, W words of a bit set.
 */
import { type Book, loadBook } from '../books.ts';
import type { BookName } from '../verdict.ts';
import type { CharacterInventory } from './inventory.ts';

/** Rhyme groups are bits of one 32-bit number: 平水韵's 30 level groups, 词林's 19, 新韵's 14, 通韵's 16. */
export const GROUP_BITS = 30;

export interface ToneSets {
  /** Bit 1 平, bit 2 仄; 0: unknown or forbidden. `[N]` */
  readonly tones: Uint8Array;
  /** Groups in which a character rhymes with a level reading, bit `group - 1`. `[N]` */
  readonly levelGroups: Uint32Array;
  readonly obliqueGroups: Uint32Array;
  /** Characters by tone bits 0–3; 3 is "any known". `[4][W]` */
  readonly byTone: readonly Uint32Array[];
  /** Characters by tone bits 1–3 and group − 1. `[4][30][W]` */
  readonly byGroup: readonly (readonly Uint32Array[])[];
  /** How many characters those are. `[4][30]` */
  readonly groupSizes: readonly Uint16Array[];
}

const cache = new WeakMap<CharacterInventory, Map<BookName, ToneSets>>();

/** The sets of an inventory without forbidden characters; computed once for each book. */
export function loadToneSets(inventory: CharacterInventory, bookName: BookName): ToneSets {
  let byBook = cache.get(inventory);
  if (byBook === undefined) {
    byBook = new Map();
    cache.set(inventory, byBook);
  }
  let sets = byBook.get(bookName);
  if (sets === undefined) {
    sets = buildToneSets(inventory, loadBook(bookName), new Set());
    byBook.set(bookName, sets);
  }
  return sets;
}

/** The same with some characters taken out; not cached. */
export function buildToneSets(inventory: CharacterInventory, book: Book, forbidden: ReadonlySet<string>): ToneSets {
  const { characters, words } = inventory;
  const sets = {
    tones: new Uint8Array(characters.length),
    levelGroups: new Uint32Array(characters.length),
    obliqueGroups: new Uint32Array(characters.length),
    byTone: Array.from({ length: 4 }, () => new Uint32Array(words)),
    byGroup: Array.from({ length: 4 }, () => Array.from({ length: GROUP_BITS }, () => new Uint32Array(words))),
    groupSizes: Array.from({ length: 4 }, () => new Uint16Array(GROUP_BITS)),
  };
  for (const [index, character] of characters.entries()) {
    if (forbidden.has(character)) continue;
    for (const reading of book.readings(character)) {
      const tone = reading.tone === '平' ? 1 : 2;
      sets.tones[index]! |= tone;
      if (reading.group > GROUP_BITS) continue;
      (tone === 1 ? sets.levelGroups : sets.obliqueGroups)[index]! |= 1 << (reading.group - 1);
    }
    const word = index >>> 5;
    const bit = 1 << (index & 31);
    for (let mask = 1; mask <= 3; mask++) if (sets.tones[index]! & mask) sets.byTone[mask]![word]! |= bit;
    for (let mask = 1; mask <= 3; mask++) {
      const groups = groupsOf(sets, index, mask);
      for (let group = 0; group < GROUP_BITS; group++) {
        if (((groups >>> group) & 1) === 0) continue;
        sets.byGroup[mask]![group]![word]! |= bit;
        sets.groupSizes[mask]![group]!++;
      }
    }
  }
  return sets;
}

/** Groups in which a character rhymes with a reading of one of the tones. */
export function groupsOf(sets: Pick<ToneSets, 'levelGroups' | 'obliqueGroups'>, index: number, tones: number): number {
  return ((tones & 1 ? sets.levelGroups[index]! : 0) | (tones & 2 ? sets.obliqueGroups[index]! : 0)) >>> 0;
}
