/** Text in, text out: `generate` with a tokenizer around it. */
import type { LanguageModel } from '../language-model.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { type GeneratedSequence, type GenerateOptions, generate } from './generate.ts';

export interface GenerateTextOptions extends GenerateOptions {
  /** Ends a sequence where one of these appears in its text; the string itself is left out. */
  readonly stopStrings?: readonly string[];
}

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
  options: GenerateTextOptions,
): Promise<GeneratedText[]> {
  const ids = prompts.map((prompt) => tokenizer.encode(prompt, { addSpecialTokens: false }));
  const { stopStrings = [], ...rest } = options;
  const textOf = (tokens: readonly number[]) => tokenizer.decode(tokens, { skipSpecialTokens: true });
  const stopsAt = (text: string) => firstOccurrence(text, stopStrings);
  const stopWhen: GenerateOptions['stopWhen'] = (sequence, generated) =>
    options.stopWhen?.(sequence, generated) === true ||
    // Every token adds at least a byte, so a stop string that ends here lies within its last few tokens.
    stopsAt(textOf(generated.slice(-longestBytes(stopStrings) - 1))) >= 0;
  const results = await generate(model, ids, {
    stopIds: defaultStopIds(model, tokenizer),
    ...rest,
    ...((stopStrings.length > 0 || options.stopWhen !== undefined) && { stopWhen }),
  });
  return results.map((result) => {
    const text = textOf(result.ids);
    const end = stopsAt(text);
    return { ...result, text: end < 0 ? text : text.slice(0, end) };
  });
}

/** Where the first of the strings begins in the text; −1 without. */
function firstOccurrence(text: string, strings: readonly string[]): number {
  const found = strings.map((string) => text.indexOf(string)).filter((at) => at >= 0);
  return found.length === 0 ? -1 : Math.min(...found);
}

function longestBytes(strings: readonly string[]): number {
  return Math.max(0, ...strings.map((string) => Buffer.byteLength(string)));
}

/** The end tokens of config and tokenizer: they differ for chat models whose config names the base model's. */
export function defaultStopIds(model: LanguageModel, tokenizer: Tokenizer): number[] {
  const { eosTokenId } = tokenizer;
  return [...new Set([...model.config.eosTokenIds, ...(eosTokenId === null ? [] : [eosTokenId])])];
}
