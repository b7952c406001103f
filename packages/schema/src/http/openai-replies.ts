/** Replies of the OpenAI API. Our own additions stand under `poem`, which other clients ignore. */

import type { ErrorWords } from '../errors.ts';

export interface ModelObject {
  readonly id: string;
  readonly object: 'model';
  /** Seconds since 1970. */
  readonly created: number;
  readonly owned_by: string;
  /** vLLM's: the folder's name, and for an adapter the id of its base. */
  readonly root: string;
  readonly parent: string | null;
}

export interface ModelList {
  readonly object: 'list';
  readonly data: readonly ModelObject[];
}

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

export interface TopLogProb {
  readonly token: string;
  readonly logprob: number;
  /** UTF-8; null for tokens that write no text. */
  readonly bytes: readonly number[] | null;
}

export interface TokenLogProb extends TopLogProb {
  readonly top_logprobs: readonly TopLogProb[];
}

export interface ChatLogProbs {
  readonly content: readonly TokenLogProb[];
}

export type FinishReason = 'stop' | 'length';

export interface ChatChoice {
  readonly index: number;
  readonly message: { readonly role: 'assistant'; readonly content: string };
  readonly logprobs: ChatLogProbs | null;
  readonly finish_reason: FinishReason;
  /** Of answers written under the rules: as `/v1/poems` has it. */
  readonly poem?: unknown;
}

export interface ChatCompletion {
  readonly id: string;
  readonly object: 'chat.completion';
  readonly created: number;
  readonly model: string;
  readonly choices: readonly ChatChoice[];
  readonly usage: Usage;
}

export interface ChatChunk {
  readonly id: string;
  readonly object: 'chat.completion.chunk';
  readonly created: number;
  readonly model: string;
  readonly choices: readonly {
    readonly index: number;
    readonly delta: { readonly role?: 'assistant'; readonly content?: string };
    readonly logprobs: ChatLogProbs | null;
    readonly finish_reason: FinishReason | null;
    readonly poem?: unknown;
  }[];
  /** With `stream_options.include_usage`: null but in the last chunk. */
  readonly usage?: Usage | null;
}

/** Of `/v1/completions`: lists of equal length. */
export interface LegacyLogProbs {
  readonly tokens: readonly string[];
  readonly token_logprobs: readonly number[];
  readonly top_logprobs: readonly Readonly<Record<string, number>>[];
  /** In characters of the text. */
  readonly text_offset: readonly number[];
}

/** Whole, or a piece of a stream: the object has the same name. */
export interface TextCompletion {
  readonly id: string;
  readonly object: 'text_completion';
  readonly created: number;
  readonly model: string;
  readonly choices: readonly {
    readonly index: number;
    readonly text: string;
    readonly logprobs: LegacyLogProbs | null;
    readonly finish_reason: FinishReason | null;
  }[];
  readonly usage?: Usage | null;
}

export interface ErrorReply {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
    /** Ours: the same in Chinese, of errors that have it. */
    readonly zh?: ErrorWords;
  };
}
