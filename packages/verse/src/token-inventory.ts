/**
 * A vocabulary as the automaton needs it: the characters it can write, numbered, and from the automaton's sets to masks
 * over token ids. Vocabularies of single characters (the shipped base model) number characters by token id, so that the
 * automaton's bit sets are the masks as they are; any other goes through a trie over its tokens' bytes.
 */

import type { Tokenizer } from '@tuiqiao/lm';
import {
  type CharacterInventory,
  characterScript,
  createInventory,
  loadBook,
  type PoemAutomaton,
  type Script,
} from '@tuiqiao/prosody';
import { VerseError } from './errors.ts';
import { bytesOf, createTokenBytes } from './tokens/token-bytes.ts';
import { advanceBytes, markTokens, type TextPosition } from './tokens/token-mask.ts';
import { buildTokenTrie, finishable, MARKS } from './tokens/token-trie.ts';

export interface TokenInventory {
  readonly inventory: CharacterInventory;
  readonly endId: number;
  /** 32-bit words of a mask over the vocabulary. */
  readonly words: number;
  /** True for vocabularies of single characters, where an index of the inventory is a token id. */
  readonly isDirect: boolean;
  /** A mask with just these ids. */
  maskOf(ids: readonly number[]): Uint32Array;
  /** Whether the vocabulary can write the mark (，。、 or a line feed). */
  hasMark(mark: string): boolean;
  /** The whole characters of verse that a token begins with, until its first mark or its end; none for other tokens. */
  charactersOf(id: number): readonly string[];
  /** Every token that may follow, the end token when the poem is complete. The mask is shared: not to be written to. */
  maskAt(automaton: PoemAutomaton, position: TextPosition): Uint32Array;
  /** The position after a token; null when it is not allowed. The end token changes nothing. */
  advance(
    automaton: PoemAutomaton,
    position: TextPosition,
    id: number,
    onCharacter?: (character: string) => void,
  ): TextPosition | null;
}

export interface TokenInventoryOptions {
  /** Characters of one script only, for vocabularies that could write both. Default traditional. */
  readonly script?: Script;
  /** Characters beyond those of the rhyme books: rare variants in a line that is to be kept. */
  readonly extra?: Iterable<string>;
}

const NEEDED_MARKS = ['，', '。'];
/** CJK unified ideographs, extension A and compatibility ideographs: what variants of the books' characters are among. */
const HAN_RANGES: readonly (readonly [number, number])[] = [
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xf900, 0xfaff],
];

/** Simplified forms that traditional verse writes as characters of their own (余 is I, 云 is to say). */
const TRADITIONAL_TOO = new Set('云余后拼么丰叶');

/** A string that is never a character of any book: the place of a token that is no single character. */
function placeholder(id: number): string {
  return `\u0000${id}`;
}

const inventories = new WeakMap<Tokenizer, TokenInventory>();

/** The inventory of a tokenizer, worked out once: what a server writes next begins where this left off. @throws as below */
export function loadTokenInventory(tokenizer: Tokenizer): TokenInventory {
  let inventory = inventories.get(tokenizer);
  if (inventory === undefined) {
    inventory = createTokenInventory(tokenizer);
    inventories.set(tokenizer, inventory);
  }
  return inventory;
}

/**
 * @throws VerseError `verse-vocabulary` when the vocabulary has no end token or cannot write ， and 。
 */
export function createTokenInventory(tokenizer: Tokenizer, options: TokenInventoryOptions = {}): TokenInventory {
  const { eosTokenId: endId, vocabSize } = tokenizer;
  if (endId === null) {
    throw new VerseError('verse-vocabulary', 'constrained writing: expected a tokenizer with an end token, got none');
  }
  const bytesOfToken = createTokenBytes(tokenizer);
  const tokens: (readonly [number, string])[] = [];
  for (let id = 0; id < vocabSize; id++) {
    const bytes = id === endId ? null : bytesOfToken(id);
    if (bytes !== null) tokens.push([id, bytes]);
  }
  const texts = new Set(tokens.map(([, bytes]) => bytes));
  const canWrite = (text: string): boolean => finishable(bytesOf(text), (bytes) => texts.has(bytes))[0]!;
  for (const mark of NEEDED_MARKS) {
    if (canWrite(mark)) continue;
    throw new VerseError(
      'verse-vocabulary',
      `constrained writing: the vocabulary has no token for ${JSON.stringify(mark)}`,
    );
  }
  const words = (vocabSize + 31) >>> 5;
  const maskOf = (ids: readonly number[]): Uint32Array => {
    const mask = new Uint32Array(words);
    for (const id of ids) mask[id >>> 5] = mask[id >>> 5]! | (1 << (id & 31));
    return mask;
  };
  const common = { endId, words, maskOf, hasMark: canWrite };
  const singles = directCharacters(tokens);
  return singles === null
    ? { ...common, ...trieInventory(tokens, listCharacters(options, canWrite), common) }
    : { ...common, ...directInventory(tokenizer, singles, common) };
}

/** The character of each token id, when every token that writes a character writes just one, and no two the same. */
function directCharacters(tokens: readonly (readonly [number, string])[]): Map<number, string> | null {
  const characters = new Map<number, string>();
  const seen = new Set<string>();
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (const [id, bytes] of tokens) {
    let text: string;
    try {
      text = decoder.decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
    } catch {
      return null;
    }
    if ([...text].length !== 1 || seen.has(text)) return null;
    seen.add(text);
    characters.set(id, text);
  }
  return characters;
}

/** What depends on the kind of vocabulary. */
type Layer = Pick<TokenInventory, 'inventory' | 'isDirect' | 'charactersOf' | 'maskAt' | 'advance'>;
type Common = Pick<TokenInventory, 'endId' | 'words' | 'maskOf' | 'hasMark'>;

function directInventory(
  tokenizer: Tokenizer,
  characters: ReadonlyMap<number, string>,
  { endId, maskOf }: Common,
): Layer {
  const inventory = createInventory(
    Array.from({ length: tokenizer.vocabSize }, (_, id) => characters.get(id) ?? placeholder(id)),
  );
  const endMask = maskOf([endId]);
  const markMasks = new Map(
    MARKS.map((mark) => [mark, maskOf(inventory.indexOf(mark) < 0 ? [] : [inventory.indexOf(mark)])]),
  );
  return {
    inventory,
    isDirect: true,
    charactersOf: (id) => {
      const character = characters.get(id);
      return character === undefined || MARKS.includes(character) ? [] : [character];
    },
    maskAt(automaton, { state }) {
      const allowed = automaton.allowed(state);
      switch (allowed.kind) {
        case 'characters':
          return allowed.bits;
        case 'mark':
          return markMasks.get(allowed.mark)!;
        case 'end':
          return endMask;
        default:
          return allowed satisfies never;
      }
    },
    advance(automaton, position, id, onCharacter) {
      if (id === endId) return position;
      const character = inventory.characters[id] ?? '';
      const state = automaton.advance(position.state, character);
      if (state === null) return null;
      onCharacter?.(character);
      return { state, pending: '' };
    },
  };
}

function trieInventory(
  tokens: readonly (readonly [number, string])[],
  characters: readonly string[],
  { endId, words, maskOf }: Common,
): Layer {
  const inventory = createInventory(characters);
  const trie = buildTokenTrie(tokens, inventory);
  const endMask = maskOf([endId]);
  const bytesById = new Map(tokens);
  const charactersById = new Map<number, readonly string[]>();
  // Poems of one request begin with the same states; later ones are their own.
  const known = new WeakMap<TextPosition['state'], Map<string, Uint32Array>>();
  return {
    inventory,
    isDirect: false,
    charactersOf: (id) => {
      let known = charactersById.get(id);
      if (known === undefined) {
        known = leadingCharacters(bytesById.get(id) ?? '');
        charactersById.set(id, known);
      }
      return known;
    },
    maskAt(automaton, position) {
      if (automaton.isComplete(position.state)) return endMask;
      let byPending = known.get(position.state);
      if (byPending === undefined) {
        byPending = new Map();
        known.set(position.state, byPending);
      }
      let mask = byPending.get(position.pending);
      if (mask === undefined) {
        mask = new Uint32Array(words);
        markTokens(mask, automaton, trie, position);
        byPending.set(position.pending, mask);
      }
      return mask;
    },
    advance(automaton, position, id, onCharacter) {
      if (id === endId) return position;
      const bytes = bytesById.get(id);
      return bytes === undefined ? null : advanceBytes(automaton, position, bytes, onCharacter);
    },
  };
}

const lenient = new TextDecoder('utf-8');

function leadingCharacters(bytes: string): string[] {
  const characters: string[] = [];
  for (const character of lenient.decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)))) {
    if (character === '\uFFFD' || MARKS.includes(character)) break;
    characters.push(character);
  }
  return characters;
}

/** What the books read and the vocabulary can write, by code point. */
function listCharacters(
  { script = 'traditional', extra = [] }: TokenInventoryOptions,
  canWrite: (character: string) => boolean,
): string[] {
  const book = loadBook('pingshui');
  const other = script === 'traditional' ? 'simplified' : 'traditional';
  const candidates = new Set([...book.characters()]);
  for (const [from, to] of HAN_RANGES) {
    for (let point = from; point <= to; point++) candidates.add(String.fromCodePoint(point));
  }
  const own = [...candidates].filter(
    (character) =>
      // Compatibility ideographs (U+F906 句) look like the characters they stand for, and would pass for others.
      character.normalize('NFC') === character &&
      (characterScript(character) !== other || (script === 'traditional' && TRADITIONAL_TOO.has(character))) &&
      book.readings(character).length > 0,
  );
  return [...new Set([...own, ...extra])].filter(canWrite).sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
}
