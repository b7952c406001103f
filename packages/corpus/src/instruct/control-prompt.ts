/**
 * The prompt language of the shipped base model: one control token per property, then the title in plain characters,
 * then `<|poem|>`; the poem follows and `<|end|>` closes it. Every property is optional: pretraining drops each at
 * random, so that a prompt may say as little as a form. Not for general chat models, which are asked in sentences
 * (`instruction-prompt.ts`).
 */
import type { PoemRequest } from './poem-request.ts';

export const PAD_TOKEN = '<|pad|>';
export const UNKNOWN_TOKEN = '<|unk|>';
export const END_TOKEN = '<|end|>';
export const POEM_TOKEN = '<|poem|>';
export const TITLE_TOKEN = '<|title|>';

/** Longer titles are cut here: the rest is mostly occasion and rank, and costs tokens without telling the theme. */
export const MAX_TITLE_CHARACTERS = 12;

export type ControlProperty = 'form' | 'tune' | 'rhyme' | 'start' | 'first' | 'era' | 'author' | 'theme';

/** `<|rhyme:尤|>` */
export function controlToken(property: ControlProperty, value: string): string {
  return `<|${property}:${value}|>`;
}

/** The control tokens of a request, in their fixed order, without the title. */
export function controlTokens(request: PoemRequest): string[] {
  const tokens: string[] = [];
  const form = request.form ?? (request.tune === undefined ? undefined : '词');
  if (form !== undefined) tokens.push(controlToken('form', form));
  if (request.tune !== undefined) tokens.push(controlToken('tune', request.tune));
  if (request.rhyme !== undefined) tokens.push(controlToken('rhyme', request.rhyme));
  if (request.start !== undefined) tokens.push(controlToken('start', request.start));
  if (request.firstLineRhymes !== undefined) {
    tokens.push(controlToken('first', request.firstLineRhymes ? '入韵' : '不入韵'));
  }
  if (request.dynasty !== undefined) tokens.push(controlToken('era', request.dynasty));
  if (request.author !== undefined) tokens.push(controlToken('author', request.author));
  if (request.theme !== undefined) tokens.push(controlToken('theme', request.theme));
  return tokens;
}

/**
 * The request as a user's chat message: control tokens and title. Values the vocabulary does not know are left out
 * (`isKnown`), so a rare author is simply not mentioned instead of becoming `<|unk|>`.
 */
export function controlMessage(request: PoemRequest, isKnown: (token: string) => boolean = () => true): string {
  const controls = controlTokens(request).filter(isKnown).join('');
  if (request.title === undefined) return controls;
  return controls + TITLE_TOKEN + [...request.title].slice(0, MAX_TITLE_CHARACTERS).join('');
}

/** What the model reads before the first character of the poem: `controlMessage` as the chat template renders it. */
export function controlPrompt(request: PoemRequest, isKnown?: (token: string) => boolean): string {
  return controlMessage(request, isKnown) + POEM_TOKEN;
}

/**
 * Chat template of the base model: a user turn is a control prompt without `<|poem|>`; the generation prompt adds it.
 * What a chat front end sends and what training saw are therefore the same string.
 */
export const CHAT_TEMPLATE = [
  '{%- for message in messages %}',
  "{%- if message['role'] == 'assistant' %}",
  `{{- '${POEM_TOKEN}' + message['content'] + '${END_TOKEN}' }}`,
  '{%- else %}',
  "{{- message['content'] }}",
  '{%- endif %}',
  '{%- endfor %}',
  '{%- if add_generation_prompt %}',
  `{{- '${POEM_TOKEN}' }}`,
  '{%- endif %}',
].join('');
