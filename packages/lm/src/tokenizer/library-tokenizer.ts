/** Any `tokenizer.json`, through `@huggingface/tokenizers`. */
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { LmError } from '../errors.ts';
import { createChatTemplate, type RenderChat } from './chat-template.ts';
import type { DecodeOptions, EncodeOptions, Tokenizer, TokenizerFiles } from './tokenizer.ts';
import { readChatTemplate, readSpecialTokens, templateVariables } from './tokenizer-config.ts';

/** @throws LmError `tokenizer-malformed`, `chat-template-failed` */
export function createLibraryTokenizer(files: TokenizerFiles): Tokenizer {
  const library = createLibrary(files);
  const special = readSpecialTokens(files.tokenizerConfig);
  const template = readChatTemplate(files.tokenizerConfig);
  const added = library.get_added_tokens_decoder();
  const vocabulary = library.get_vocab();
  const idOf = (token: string | null): number | null => (token === null ? null : (vocabulary.get(token) ?? null));
  let vocabSize = 0;
  for (const id of vocabulary.values()) vocabSize = Math.max(vocabSize, id + 1);
  for (const id of added.keys()) vocabSize = Math.max(vocabSize, id + 1);
  const specialIds = new Set([...added].filter(([, token]) => token.special).map(([id]) => id));
  return {
    vocabSize,
    bosTokenId: idOf(special.bos),
    eosTokenId: idOf(special.eos),
    padTokenId: idOf(special.pad),
    unknownTokenId: idOf(special.unknown),
    specialIds,
    hasChatTemplate: template !== null,
    files,
    encode: (text: string, { addSpecialTokens = true }: EncodeOptions = {}) =>
      library.encode(text, { add_special_tokens: addSpecialTokens }).ids,
    decode: (ids: Iterable<number>, { skipSpecialTokens = false }: DecodeOptions = {}) => {
      // Ids of a padded vocabulary have no token: left out, as `tokenizers` does.
      const isWanted = (id: number) =>
        library.id_to_token(id) !== undefined && !(skipSpecialTokens && specialIds.has(id));
      const wanted = [...ids].filter(isWanted);
      // The library refuses an empty list; tidying spaces is for English only and not what `tokenizers` does.
      return wanted.length === 0 ? '' : library.decode(wanted, { clean_up_tokenization_spaces: false });
    },
    tokenToId: (token) => vocabulary.get(token) ?? null,
    idToToken: (id) => library.id_to_token(id) ?? null,
    applyChatTemplate: template === null ? refuseChat : createChatTemplate(template, templateVariables(special)),
  };
}

export const refuseChat: RenderChat = () => {
  throw new LmError(
    'chat-template-failed',
    'applyChatTemplate: expected a chat template, got a tokenizer without one',
    {
      hint: 'Base models have none: give the prompt as plain text.',
    },
  );
};

function createLibrary({ tokenizerJson, tokenizerConfig }: TokenizerFiles): LibraryTokenizer {
  try {
    return new LibraryTokenizer(tokenizerJson, tokenizerConfig);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LmError('tokenizer-malformed', `tokenizer.json: ${reason}`, { cause });
  }
}
