/** The characters that can be written, numbered; the automaton's sets are bit sets over these numbers. */

export interface CharacterInventory {
  /** Distinct single characters, in the caller's order (duplicates keep their first place). */
  readonly characters: readonly string[];
  /** Number of 32-bit words of a bit set over the inventory. */
  readonly words: number;
  /** Number of a character; -1 when it is not in the inventory. */
  indexOf(character: string): number;
}

/**
 * @param characters single characters, e.g. the vocabulary's one-character tokens
 */
export function createInventory(characters: Iterable<string>): CharacterInventory {
  const indexes = new Map<string, number>();
  const list: string[] = [];
  for (const character of characters) {
    if (indexes.has(character)) continue;
    indexes.set(character, list.length);
    list.push(character);
  }
  return {
    characters: list,
    words: (list.length + 31) >>> 5,
    indexOf: (character) => indexes.get(character) ?? -1,
  };
}
