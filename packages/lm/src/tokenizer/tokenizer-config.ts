/** What `tokenizer_config.json` says: special tokens by role, and the chat template. */
import type { Json } from './json.ts';

export interface SpecialTokens {
  readonly bos: string | null;
  readonly eos: string | null;
  readonly pad: string | null;
  readonly unknown: string | null;
}

export function readSpecialTokens(config: Json): SpecialTokens {
  return {
    bos: contentOf(config.bos_token),
    eos: contentOf(config.eos_token),
    pad: contentOf(config.pad_token),
    unknown: contentOf(config.unk_token),
  };
}

/** As the variables a chat template knows. */
export function templateVariables(special: SpecialTokens): Record<string, string> {
  const variables: Record<string, string> = {};
  if (special.bos !== null) variables.bos_token = special.bos;
  if (special.eos !== null) variables.eos_token = special.eos;
  if (special.pad !== null) variables.pad_token = special.pad;
  if (special.unknown !== null) variables.unk_token = special.unknown;
  return variables;
}

/** A string, or a list of named templates of which `default` is meant; null without one. */
export function readChatTemplate(config: Json): string | null {
  const value = config.chat_template;
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return null;
  const named = value.find((entry: unknown) => (entry as Json | null)?.name === 'default') as Json | undefined;
  return typeof named?.template === 'string' ? named.template : null;
}

/** A token is written as a string or as `{content, lstrip, …}`. */
function contentOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  const content = (value as Json | null | undefined)?.content;
  return typeof content === 'string' ? content : null;
}
