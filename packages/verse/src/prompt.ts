/** A request in the model's own language: control tokens where the vocabulary has them, a sentence otherwise. */
import { controlMessage, controlPrompt, instructionPrompt, POEM_TOKEN, type PoemRequest } from '@tuiqiao/corpus';
import type { Tokenizer } from '@tuiqiao/lm';

export type PromptStyle = 'control' | 'instruction';

/** Control tokens for models whose vocabulary was made for them (the shipped base and what is trained from it). */
export function promptStyleOf(tokenizer: Tokenizer): PromptStyle {
  return tokenizer.tokenToId(POEM_TOKEN) === null ? 'instruction' : 'control';
}

/** The request as the content of a user's message. */
export function messageFor(tokenizer: Tokenizer, request: PoemRequest): string {
  if (promptStyleOf(tokenizer) === 'instruction') return instructionPrompt(request);
  return controlMessage(request, (token) => tokenizer.tokenToId(token) !== null);
}

/** The ids the model reads before the poem: the chat template's rendering of the request. */
export function promptIdsFor(tokenizer: Tokenizer, request: PoemRequest): number[] {
  if (promptStyleOf(tokenizer) === 'control') {
    // What the chat template renders, without its cost: pretraining saw this very string.
    return tokenizer.encode(controlPrompt(request, (token) => tokenizer.tokenToId(token) !== null));
  }
  const text = tokenizer.applyChatTemplate([{ role: 'user', content: instructionPrompt(request) }], {
    addGenerationPrompt: true,
  });
  return tokenizer.encode(text);
}
