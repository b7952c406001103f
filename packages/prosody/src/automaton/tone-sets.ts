/**
 * A rhyme book seen through an inventory: for each character its tones and groups as bits, and for each tone and group
 * the set of characters. Legend: N inventory size, W words of a bit set.
 */
import type { Book } from '../book-types.ts';
import { loadBook } from '../books.ts';
import { toneUsage } from '../tone-usage.ts';
import type { BookName } from '../verdict.ts';
import type { CharacterInventory } from './inventory.ts';

/** Rhyme groups are bits of one 32-bit number: 平水韵's 30 level groups, 词林's 19, 新韵's 14, 通韵's 16. */
export const GROUP_BITS = 30;

/** 平 by a reading that poets do use: the fourth place of 特拗 asks that of a polyphone. */
export const LIKELY_LEVEL = 4;
/**
 * 平 and 仄 by readings that the narrowest source gives too. The end of the first line must have one: by its tone the
 * checker tells whether that line rhymes, and it looks at such readings first.
 */
export const CONFIRMED_LEVEL = 8;
export const CONFIRMED_OBLIQUE = 16;
const ALL_BITS = 31;

/** A reading in less than this share of a polyphone's uses counts as hardly used: the checker's bound. */
const FAIR_SHARE = 0.03;
const MOST_USES = 0.5;

/** Tones and groups of each character. */
export interface CharacterTones {
  /** Bit 1 平, bit 2 仄, and the further bits above; 0: unknown or forbidden. `[N]` */
  readonly tones: Uint8Array;
  /** Groups in which a character rhymes with a level reading, bit `group - 1`. `[N]` */
  readonly levelGroups: Uint32Array;
  readonly obliqueGroups: Uint32Array;
}

export interface ToneSets extends CharacterTones {
  /** The same with every reading that a book lists: a character that was given may need an unsound one. */
  readonly listed: CharacterTones;
  /** Characters that have any of the tone bits, 0–31. `[32][W]` */
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
    ...emptyTones(characters.length),
    listed: emptyTones(characters.length),
    byTone: Array.from({ length: ALL_BITS + 1 }, () => new Uint32Array(words)),
    byGroup: Array.from({ length: 4 }, () => Array.from({ length: GROUP_BITS }, () => new Uint32Array(words))),
    groupSizes: Array.from({ length: 4 }, () => new Uint16Array(GROUP_BITS)),
  };
  for (const [index, character] of characters.entries()) {
    if (forbidden.has(character)) continue;
    // What is chosen freely rests on sound readings; what is given may use any that a book lists.
    addReadings(sets, book, index, character, false);
    addReadings(sets.listed, book, index, character, true);
    const word = index >>> 5;
    const bit = 1 << (index & 31);
    for (let mask = 1; mask <= ALL_BITS; mask++) if (sets.tones[index]! & mask) sets.byTone[mask]![word]! |= bit;
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

function emptyTones(length: number): CharacterTones {
  return {
    tones: new Uint8Array(length),
    levelGroups: new Uint32Array(length),
    obliqueGroups: new Uint32Array(length),
  };
}

/**
 * Tones that the narrowest source gives, or that most uses have (先 is level, though that source leaves it out). Others
 * would be right, but the checker may then read the poem by another pattern.
 */
function soundTones(book: Book, character: string): number {
  const listed = book.toneMask(character);
  return listed & (book.confirmedToneMask(character) | usedTones(character, MOST_USES)) || listed;
}

/**
 * Tones that a polyphone has in at least a share of its uses, in either script, since the poem may be read in either;
 * both where no use is known.
 */
function usedTones(character: string, share: number): number {
  let tones = 3;
  for (const script of ['traditional', 'simplified'] as const) {
    const usage = toneUsage(character, script);
    if (usage === undefined) continue;
    const least = share * (usage.level + usage.oblique);
    tones &= (usage.level >= least ? 1 : 0) | (usage.oblique >= least ? 2 : 0);
  }
  return tones;
}

function addReadings(target: CharacterTones, book: Book, index: number, character: string, isGiven: boolean): void {
  const wanted = isGiven ? 3 : soundTones(book, character);
  let tones = 0;
  for (const reading of book.readings(character)) {
    const tone = reading.tone === '平' ? 1 : 2;
    if ((tone & wanted) === 0) continue;
    tones |= tone;
    if (reading.group > GROUP_BITS) continue;
    (tone === 1 ? target.levelGroups : target.obliqueGroups)[index]! |= 1 << (reading.group - 1);
  }
  const likely = isGiven || tones !== 3 ? tones : usedTones(character, FAIR_SHARE);
  const confirmed = isGiven ? tones : tones & book.confirmedToneMask(character);
  target.tones[index] =
    tones |
    (likely & 1 ? LIKELY_LEVEL : 0) |
    (confirmed & 1 ? CONFIRMED_LEVEL : 0) |
    (confirmed & 2 ? CONFIRMED_OBLIQUE : 0);
}

/** Groups in which a character rhymes with a reading of one of the tones (bits 1 and 2). */
export function groupsOf(
  sets: Pick<CharacterTones, 'levelGroups' | 'obliqueGroups'>,
  index: number,
  tones: number,
): number {
  return ((tones & 1 ? sets.levelGroups[index]! : 0) | (tones & 2 ? sets.obliqueGroups[index]! : 0)) >>> 0;
}
