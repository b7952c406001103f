/**
 * The characters a vocabulary can write, numbered by token id, so that the automaton's bit sets are the decoder's masks
 * as they are. Only tokens of exactly one character take part: enough for character vocabularies (the shipped base
 * model), a restriction for byte-level ones.
 */

import type { Tokenizer } from '@tuiqiao/lm';
import { type CharacterInventory, createInventory } from '@tuiqiao/prosody';
import { VerseError } from './errors.ts';

export interface TokenInventory {
  /** Index i is token id i; ids that are not single characters hold a placeholder no rhyme book knows. */
  readonly inventory: CharacterInventory;
  readonly endId: number;
  /** 32-bit words of a mask over the vocabulary. */
  readonly words: number;
  /** A mask with just these ids. */
  maskOf(ids: readonly number[]): Uint32Array;
  hasMark(mark: string): boolean;
  /** @throws VerseError `verse-vocabulary` when the vocabulary lacks the mark */
  markId(mark: string): number;
}

const MARKS = ['，', '。'];

/** A string that is never a character of any book: the place of a token that is no single character. */
function placeholder(id: number): string {
  return `\u0000${id}`;
}

export function createTokenInventory(tokenizer: Tokenizer): TokenInventory {
  const entries: string[] = [];
  const seen = new Set<string>();
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    const token = tokenizer.idToToken(id) ?? '';
    const isSingle = [...token].length === 1 && !seen.has(token);
    if (isSingle) seen.add(token);
    entries.push(isSingle ? token : placeholder(id));
  }
  const endId = tokenizer.eosTokenId;
  if (endId === null) {
    throw new VerseError('verse-vocabulary', 'constrained writing: expected a tokenizer with an end token, got none');
  }
  const words = (tokenizer.vocabSize + 31) >>> 5;
  const maskOf = (ids: readonly number[]): Uint32Array => {
    const mask = new Uint32Array(words);
    for (const id of ids) mask[id >>> 5] = mask[id >>> 5]! | (1 << (id & 31));
    return mask;
  };
  const markId = (mark: string): number => {
    const id = tokenizer.tokenToId(mark);
    if (id === null) {
      throw new VerseError(
        'verse-vocabulary',
        `constrained writing: the vocabulary has no token for ${JSON.stringify(mark)}`,
      );
    }
    return id;
  };
  for (const mark of MARKS) markId(mark);
  return {
    inventory: createInventory(entries),
    endId,
    words,
    maskOf,
    hasMark: (mark) => tokenizer.tokenToId(mark) !== null,
    markId,
  };
}
