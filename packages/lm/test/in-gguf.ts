import type { GgufFile, GgufValue } from '../src/checkpoint/gguf.ts';
import { ggufVocabulary } from '../src/gguf/gguf-vocabulary.ts';
import type { Tokenizer } from '../src/tokenizer/tokenizer.ts';

/** What the metadata of a GGUF file say of a tokenizer, without a file. */
export function inGguf(tokenizer: Tokenizer, modelType: string, changes: Record<string, GgufValue> = {}): GgufFile {
  const vocabulary = ggufVocabulary(tokenizer, modelType, tokenizer.vocabSize + 5);
  const ids = { bos: tokenizer.bosTokenId, eos: tokenizer.eosTokenId, padding: tokenizer.padTokenId };
  const fields: Record<string, GgufValue | null> = {
    model: vocabulary.model,
    pre: vocabulary.preTokenizer,
    tokens: vocabulary.tokens,
    token_type: vocabulary.types,
    scores: vocabulary.scores,
    merges: vocabulary.merges,
    unknown_token_id: tokenizer.unknownTokenId,
    add_bos_token: tokenizer.bosTokenId !== null,
    add_space_prefix: vocabulary.addsSpacePrefix,
    ...Object.fromEntries(Object.entries(ids).map(([key, id]) => [`${key}_token_id`, id])),
    ...changes,
  };
  const present = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined);
  const metadata = new Map(present.map(([key, value]) => [`tokenizer.ggml.${key}`, value as GgufValue]));
  const template = tokenizer.files.tokenizerConfig.chat_template;
  if (typeof template === 'string') metadata.set('tokenizer.chat_template', template);
  return { file: 'model.gguf', metadata, tensors: new Map() };
}
