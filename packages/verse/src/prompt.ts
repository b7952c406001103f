/** A request in the model's own language: control tokens where the vocabulary has them, a sentence otherwise. */
import { controlMessage, controlPrompt, instructionPrompt, POEM_TOKEN, type PoemRequest } from '@tuiqiao/corpus';
import type { Tokenizer } from '@tuiqiao/lm';
import { splitText } from '@tuiqiao/prosody';
import type { WritingRequest } from './request-plan.ts';

export type PromptStyle = 'control' | 'instruction';

/** Control tokens for models whose vocabulary was made for them (the shipped base and what is trained from it). */
export function promptStyleOf(tokenizer: Tokenizer): PromptStyle {
  return tokenizer.tokenToId(POEM_TOKEN) === null ? 'instruction' : 'control';
}

type Prompted = PoemRequest & Pick<WritingRequest, 'couplet'>;

/** The request as the content of a user's message. */
export function messageFor(tokenizer: Tokenizer, request: Prompted): string {
  if (promptStyleOf(tokenizer) === 'instruction') return instructionFor(request);
  return controlMessage(controlledBy(request), (token) => tokenizer.tokenToId(token) !== null);
}

function instructionFor(request: Prompted): string {
  if (request.couplet === undefined) return instructionPrompt(request);
  const rhyme = request.rhyme === undefined ? '' : `，下联押“${request.rhyme}”部`;
  return `请对下联。上联是“${request.couplet}”${rhyme}。先写上联，再写下联，用逗号和句号断句，不要别的话。`;
}

/** A couplet is asked of a poet as the beginning of a poem with lines of its length. */
function controlledBy(request: Prompted): PoemRequest {
  if (request.couplet === undefined) return request;
  const { couplet, form: _form, ...rest } = request;
  const lengths = splitText(couplet).lines.map(({ chars }) => chars.length);
  const form = lengths.length > 1 ? undefined : lengths[0] === 5 ? '五律' : lengths[0] === 7 ? '七律' : undefined;
  return { ...rest, ...(form === undefined ? {} : { form, firstLineRhymes: false }) };
}

/** The ids the model reads before the poem: the chat template's rendering of the request. */
export function promptIdsFor(tokenizer: Tokenizer, request: Prompted): number[] {
  if (promptStyleOf(tokenizer) === 'control') {
    // What the chat template renders, without its cost: pretraining saw this very string.
    return tokenizer.encode(controlPrompt(controlledBy(request), (token) => tokenizer.tokenToId(token) !== null));
  }
  const text = tokenizer.applyChatTemplate([{ role: 'user', content: instructionFor(request) }], {
    addGenerationPrompt: true,
  });
  return tokenizer.encode(text);
}
