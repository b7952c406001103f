/**
 * Chat templates through `@huggingface/jinja`. That library ignores the argument of `strip`, `lstrip` and `rstrip` and
 * always strips white space; Qwen's template strips newlines only and leaves spaces alone. Calls with an argument are
 * therefore rewritten, in the parsed template, to a function that does as Python does.
 */
import { Template } from '@huggingface/jinja';
import { LmError } from '../errors.ts';
import type { ChatMessage, ChatTemplateOptions } from './tokenizer.ts';

const STRIP_METHODS = new Set(['strip', 'lstrip', 'rstrip']);
/** Cannot be written in a template, so it cannot collide with one of its names. */
const STRIP_FUNCTION = ' strip characters';

export type RenderChat = (messages: readonly ChatMessage[], options?: ChatTemplateOptions) => string;

/**
 * Parses a template. `specialTokens` are the variables every template may use: `bos_token`, `eos_token`, ….
 * @throws LmError `chat-template-failed`
 */
export function createChatTemplate(source: string, specialTokens: Readonly<Record<string, string>>): RenderChat {
  const template = attempt(() => new Template(source));
  rewriteStripCalls(template.parsed);
  return (messages, { addGenerationPrompt = false, tools, variables = {} } = {}) =>
    attempt(() =>
      template.render({
        ...specialTokens,
        ...variables,
        messages,
        add_generation_prompt: addGenerationPrompt,
        ...(tools !== undefined && { tools }),
        [STRIP_FUNCTION]: stripCharacters,
      }),
    );
}

function attempt<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LmError('chat-template-failed', `chat template: ${reason}`, { cause });
  }
}

/** Python's `str.strip(characters)` and its one-sided forms. */
function stripCharacters(text: string, method: string, characters: string): string {
  const set = new Set(characters);
  const points = [...text];
  let start = 0;
  let end = points.length;
  if (method !== 'rstrip') while (start < end && set.has(points[start]!)) start++;
  if (method !== 'lstrip') while (end > start && set.has(points[end - 1]!)) end--;
  return points.slice(start, end).join('');
}

interface AstNode {
  readonly type: string;
  [key: string]: unknown;
}

/** text.lstrip(x) → stripCharacters(text, 'lstrip', x), in place, everywhere below `node`. */
function rewriteStripCalls(node: unknown): void {
  if (Array.isArray(node)) {
    for (const child of node) rewriteStripCalls(child);
    return;
  }
  if (typeof node !== 'object' || node === null) return;
  if (node instanceof Map) {
    for (const [key, value] of node) {
      rewriteStripCalls(key);
      rewriteStripCalls(value);
    }
    return;
  }
  for (const child of Object.values(node)) rewriteStripCalls(child);
  const call = node as AstNode;
  if (call.type !== 'CallExpression' || !Array.isArray(call.args) || call.args.length !== 1) return;
  const callee = call.callee as AstNode;
  if (callee.type !== 'MemberExpression' || callee.computed === true) return;
  const method = (callee.property as AstNode).value;
  if (typeof method !== 'string' || !STRIP_METHODS.has(method)) return;
  call.args = [callee.object, { type: 'StringLiteral', value: method }, call.args[0]];
  call.callee = { type: 'Identifier', value: STRIP_FUNCTION };
}
