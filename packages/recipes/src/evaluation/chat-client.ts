/**
 * Asks a model behind an OpenAI-compatible address: `POST /chat/completions`, one answer, no stream. Requests that fail
 * for a passing reason (no connection, 429, 5xx) are made again a few times, later each time.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { RecipesError } from '../errors.ts';

export interface Endpoint {
  /** E.g. http://localhost:8000/v1. */
  readonly url: string;
  readonly model: string;
  /** Environment variable with the key; no key is sent when it is empty or not set. */
  readonly apiKeyVariable?: string;
}

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface ChatSettings {
  readonly temperature?: number;
  readonly topP?: number;
  readonly maxTokens?: number;
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

export interface ChatReply {
  readonly text: string;
  /** As the server counts them; null when it does not. */
  readonly completionTokens: number | null;
  /** Ended by itself, not cut off. */
  readonly isFinished: boolean;
}

const TRIES = 4;
const FIRST_PAUSE_MS = 500;
/** A local model on a processor may think for minutes. */
const TIMEOUT_MS = 300_000;
/** A poem or a verdict is a few hundred characters; a reply beyond this is no answer. */
const MAX_REPLY_BYTES = 4_000_000;

/** What should be tried again. */
class PassingFailure extends Error {}

/**
 * @throws RecipesError `endpoint-failed` when it cannot be reached or answers with what is no chat completion,
 *   `endpoint-refused` when it says that the request is wrong (4xx)
 */
export async function askChat(
  endpoint: Endpoint,
  messages: readonly ChatMessage[],
  settings: ChatSettings = {},
): Promise<ChatReply> {
  const { signal } = settings;
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    try {
      return await askOnce(endpoint, messages, settings);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof PassingFailure)) throw error;
      if (attempt === TRIES) {
        throw new RecipesError('endpoint-failed', `${endpoint.url}: ${error.message}, ${TRIES} times`, {
          hint: 'Is the server running, and is this its address with /v1?',
          cause: error,
        });
      }
      await wait(FIRST_PAUSE_MS * 2 ** (attempt - 1), undefined, signal === undefined ? {} : { signal });
    }
  }
}

async function askOnce(
  { url, model, apiKeyVariable }: Endpoint,
  messages: readonly ChatMessage[],
  { temperature, topP, maxTokens, seed, signal }: ChatSettings,
): Promise<ChatReply> {
  const key = apiKeyVariable === undefined ? undefined : process.env[apiKeyVariable];
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  let body: string;
  try {
    response = await fetch(`${url.replace(/\/+$/u, '')}/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) },
      body: JSON.stringify({
        model,
        messages,
        ...(temperature === undefined ? {} : { temperature }),
        ...(topP === undefined ? {} : { top_p: topP }),
        ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
        ...(seed === undefined ? {} : { seed }),
      }),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    body = await readBounded(response);
  } catch (cause) {
    if (cause instanceof RecipesError) throw cause;
    throw new PassingFailure(cause instanceof Error ? describe(cause) : String(cause));
  }
  if (response.status === 429 || response.status >= 500) throw new PassingFailure(`status ${response.status}`);
  if (!response.ok) {
    throw new RecipesError('endpoint-refused', `${url}: status ${response.status}: ${body.slice(0, 300)}`, {
      ...(response.status === 401 ? { hint: `Put the key into the variable ${apiKeyVariable}.` } : {}),
    });
  }
  return readReply(url, body);
}

/** `fetch failed` says nothing; its cause does. */
function describe(error: Error): string {
  return error.cause instanceof Error ? error.cause.message || error.message : error.message;
}

async function readBounded(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > MAX_REPLY_BYTES) {
      throw new RecipesError('endpoint-failed', `${response.url}: expected at most ${MAX_REPLY_BYTES} bytes, got more`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function readReply(url: string, body: string): ChatReply {
  const choice = fieldOf(fieldOf(parse(body), 'choices'), 0);
  const message = fieldOf(choice, 'message');
  if (message === undefined) {
    throw new RecipesError('endpoint-failed', `${url}: expected a chat completion, got ${body.slice(0, 120)}`);
  }
  const content = fieldOf(message, 'content');
  const tokens = fieldOf(fieldOf(parse(body), 'usage'), 'completion_tokens');
  return {
    text: typeof content === 'string' ? content.trim() : '',
    completionTokens: typeof tokens === 'number' ? tokens : null,
    isFinished: fieldOf(choice, 'finish_reason') !== 'length',
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A field of what may not even be an object. */
function fieldOf(value: unknown, name: string | number): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[name] : undefined;
}

/** Runs `work` over all items, so many at the same time, results in the items' order. */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const take = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]!, index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, take));
  return results;
}
