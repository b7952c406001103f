/** Which tokens of a vocabulary Chinese verse and a prompt for it can be written in. */
import type { Tokenizer } from './tokenizer.ts';

/**
 * Hanzi with their punctuation and full-width forms, digits, spaces and line breaks, and what a part of a character
 * decodes to; or one ASCII character.
 */
const CHINESE = /^(?:[\p{Script=Han}\u3000-\u303f\uff00-\uffef\u2010-\u2027\u00b7\ufffd\d\s]*|[\x20-\x7e])$/u;

/**
 * Tokens of Chinese text, ascending: hanzi and their punctuation, digits, spaces, parts of characters, single ASCII
 * characters, and every special or added token. Words of other scripts and pieces of code are left out.
 */
export function chineseTokens(tokenizer: Tokenizer): Int32Array {
  const added = new Set(addedIds(tokenizer.files.tokenizerJson));
  const kept: number[] = [];
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    if (tokenizer.idToToken(id) === null) continue;
    if (added.has(id) || tokenizer.specialIds.has(id)) {
      kept.push(id);
      continue;
    }
    if (CHINESE.test(tokenizer.decode([id]))) kept.push(id);
  }
  return Int32Array.from(kept);
}

function addedIds({ added_tokens: tokens }: Readonly<Record<string, unknown>>): number[] {
  return Array.isArray(tokens) ? tokens.map((token: { id?: unknown }) => Number(token.id)) : [];
}
