/** Bounds on the vocabulary of a `tokenizer.json` that somebody else wrote. */
import { LmError } from '../errors.ts';
import { isJsonObject, type Json } from './json.ts';

/** Tokenizers make a list as long as the largest id: one damaged number would fill the memory. */
const MAX_TOKENS = 1 << 22;

/**
 * Tokens and their ids, before anything is made of them.
 * @throws LmError `tokenizer-malformed` naming the first token whose id is none
 */
export function checkVocabulary({ model, added_tokens: added }: Json): void {
  const requireId = (token: string, id: unknown): void => {
    if (Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < MAX_TOKENS) return;
    throw new LmError(
      'tokenizer-malformed',
      `tokenizer.json: expected the id of ${JSON.stringify(token)} to be from 0 to ${MAX_TOKENS - 1}, got ${JSON.stringify(id)}`,
    );
  };
  const vocab = isJsonObject(model) ? model.vocab : null;
  // Unigram models have a list of pieces with scores instead; their ids are the places in it.
  const isPiece = (entry: unknown): boolean =>
    Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'number';
  if (isJsonObject(vocab)) for (const [token, id] of Object.entries(vocab)) requireId(token, id);
  else if (!Array.isArray(vocab) || !vocab.every(isPiece)) {
    throw new LmError('tokenizer-malformed', 'tokenizer.json: expected model.vocab to be tokens with ids or scores');
  }
  if (!Array.isArray(added)) return;
  for (const token of added as readonly unknown[]) if (isJsonObject(token)) requireId(String(token.content), token.id);
}
