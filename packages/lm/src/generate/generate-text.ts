/** Text in, text out: `generate` with a tokenizer around it. */
import type { LanguageModel } from '../language-model.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { type GeneratedSequence, type GenerateOptions, generate } from './generate.ts';

export interface GeneratedText extends GeneratedSequence {
  /** The new text without special tokens. */
  readonly text: string;
}

/**
 * Continues every prompt. Special tokens written in a prompt are read as such; render a conversation with
 * `applyChatTemplate` first. Stops at the tokenizer's end token and the config's, unless `stopIds` says otherwise.
 * @throws as `generate`
 */
export async function generateText(
  model: LanguageModel,
  tokenizer: Tokenizer,
  prompts: readonly string[],
  options: GenerateOptions,
): Promise<GeneratedText[]> {
  const ids = prompts.map((prompt) => tokenizer.encode(prompt, { addSpecialTokens: false }));
  const results = await generate(model, ids, { stopIds: defaultStopIds(model, tokenizer), ...options });
  return results.map((result) => ({ ...result, text: tokenizer.decode(result.ids, { skipSpecialTokens: true }) }));
}

/** The end tokens of config and tokenizer: they differ for chat models whose config names the base model's. */
export function defaultStopIds(model: LanguageModel, tokenizer: Tokenizer): number[] {
  const { eosTokenId } = tokenizer;
  return [...new Set([...model.config.eosTokenIds, ...(eosTokenId === null ? [] : [eosTokenId])])];
}
