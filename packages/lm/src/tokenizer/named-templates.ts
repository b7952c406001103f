/**
 * Chat templates by the names LLaMA-Factory gives them, for tokenizers that have none or another, and the template that
 * lies beside an adapter. A template says in a comment which token ends an answer, where that is not the tokenizer's own:
 * so one file, `chat_template.jinja`, carries all of it.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { TemplateName } from '@tuiqiao/schema';
import { writeTextFile } from '../checkpoint/write-text-file.ts';
import { LmError } from '../errors.ts';
import { createTokenizer } from './load-tokenizer.ts';
import { TEMPLATES } from './template-sources.ts';
import type { Tokenizer } from './tokenizer.ts';
import { readChatTemplate } from './tokenizer-config.ts';

const TEMPLATE_FILE = 'chat_template.jinja';
/** The longest published ones are some ten thousand characters. */
const MAX_TEMPLATE_CHARACTERS = 1 << 20;
const END_COMMENT = /^\{#- an answer ends with (\S+) -#\}/u;

/**
 * The tokenizer with a named template, and that template's end token as its own.
 * @throws LmError `chat-template-failed` when the vocabulary lacks the template's special tokens
 */
export function withTemplate(tokenizer: Tokenizer, name: TemplateName): Tokenizer {
  const { source, tokens, end } = TEMPLATES[name];
  const missing = tokens.filter((token) => tokenizer.tokenToId(token) === null);
  if (missing.length > 0) {
    throw new LmError(
      'chat-template-failed',
      `template ${name}: expected ${tokens.join(', ')} in the vocabulary, got none of ${missing.join(', ')}`,
      { hint: "Leave template away: the tokenizer's own is used then." },
    );
  }
  return withSource(tokenizer, end === null ? source : `{#- an answer ends with ${end} -#}${source}`);
}

function withSource(tokenizer: Tokenizer, source: string): Tokenizer {
  const { tokenizerJson, tokenizerConfig } = tokenizer.files;
  if (readChatTemplate(tokenizerConfig) === source) return tokenizer;
  const end = END_COMMENT.exec(source)?.[1];
  return createTokenizer({
    tokenizerJson,
    tokenizerConfig: { ...tokenizerConfig, chat_template: source, ...(end === undefined ? {} : { eos_token: end }) },
  });
}

/** Writes the tokenizer's template beside an adapter, where it has one. @throws LmError `checkpoint-write-failed` */
export async function saveTemplate(tokenizer: Tokenizer, folder: string): Promise<void> {
  const source = readChatTemplate(tokenizer.files.tokenizerConfig);
  if (source !== null) await writeTextFile(path.join(folder, TEMPLATE_FILE), source);
}

/**
 * The tokenizer with the template that lies in an adapter's folder; as it is where there is none.
 * @throws LmError `chat-template-failed`
 */
export async function withStoredTemplate(tokenizer: Tokenizer, folder: string): Promise<Tokenizer> {
  const file = path.join(folder, TEMPLATE_FILE);
  if (!existsSync(file)) return tokenizer;
  const source = await readFile(file, 'utf8');
  if (source.length > MAX_TEMPLATE_CHARACTERS) {
    throw new LmError('chat-template-failed', `${file}: expected at most ${MAX_TEMPLATE_CHARACTERS} characters`);
  }
  return withSource(tokenizer, source);
}
