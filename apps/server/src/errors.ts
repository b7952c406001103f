/** What can go wrong before an engine is asked, and how every error is told over HTTP. */
import { type ErrorReply, OptionError, TuiqiaoError } from '@tuiqiao/schema';
import type { ContentfulStatusCode } from 'hono/utils/http-status';

export type ServerErrorCode =
  | 'port-in-use'
  | 'address-refused'
  | 'key-wrong'
  | 'not-local'
  | 'address-unknown'
  | 'body-not-json'
  | 'body-too-large'
  | 'queue-full'
  | 'server-closing'
  | 'given-up'
  | 'poem-given-up';

export class ServerError extends TuiqiaoError {
  declare readonly code: ServerErrorCode;
  /** With `queue-full`: seconds. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ServerErrorCode,
    message: string,
    options: { hint?: string; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(code, message, options);
    this.retryAfter = options.retryAfter;
  }
}

interface Entry {
  readonly status: ContentfulStatusCode;
  readonly type: string;
  /** OpenAI's own code, where it has one. */
  readonly code?: string;
  readonly param?: string;
}

const refused = (more: Partial<Entry> = {}): Entry => ({ status: 400, type: 'invalid_request_error', ...more });

/** Error codes of every package that are the request's fault. What is not here is the server's: 500. */
const TABLE: Readonly<Record<string, Entry>> = {
  'key-wrong': refused({ status: 401, code: 'invalid_api_key' }),
  'not-local': refused({ status: 403 }),
  'address-unknown': refused({ status: 404 }),
  'run-not-found': refused({ status: 404 }),
  'body-not-json': refused(),
  'body-too-large': refused({ status: 413 }),
  'queue-full': { status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  'server-closing': { status: 503, type: 'server_error' },
  'given-up': { status: 503, type: 'server_error' },
  'poem-given-up': refused({ status: 422, param: 'poem' }),
  'served-model-unknown': refused({ status: 404, code: 'model_not_found', param: 'model' }),
  'served-name-twice': refused({ param: 'lora_name' }),
  'template-mismatch': refused({ param: 'lora_path' }),
  'adapter-format': refused({ param: 'lora_path' }),
  'adapter-mismatch': refused({ param: 'lora_path' }),
  'checkpoint-missing': refused({ param: 'lora_path' }),
  'checkpoint-malformed': refused({ param: 'lora_path' }),
  'polish-target': refused(),
  'prompt-empty': refused(),
  'prompt-too-long': refused({ code: 'context_length_exceeded' }),
  'prompt-token-unknown': refused({ param: 'prompt' }),
  'chat-template-failed': refused({ param: 'messages' }),
  'generation-invalid': refused(),
  'option-unknown': refused(),
  'option-bad-value': refused(),
  'option-missing': refused(),
  'option-twice': refused(),
  'option-unsupported': refused(),
  'recipe-not-a-map': refused(),
  'write-request': refused({ param: 'poem' }),
  'verse-request': refused({ param: 'poem' }),
  'verse-vocabulary': refused({ param: 'poem' }),
  PROSODY_UNKNOWN_FORM: refused({ param: 'form' }),
  PROSODY_UNKNOWN_BOOK: refused({ param: 'book' }),
  PROSODY_TEXT_TOO_LONG: refused({ param: 'text' }),
};

export interface HttpFailure {
  readonly status: ContentfulStatusCode;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ErrorReply;
}

function field(error: object, name: string): string | undefined {
  const value = (error as Record<string, unknown>)[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Any thrown thing → status and OpenAI's error object. What is the server's fault is told without its inner words. */
export function toHttpFailure(thrown: unknown): HttpFailure {
  const error: object = typeof thrown === 'object' && thrown !== null ? thrown : new Error(String(thrown));
  // The client is gone, or the server closes: nobody's fault.
  if (field(error, 'name') === 'AbortError')
    return toHttpFailure(new ServerError('given-up', 'the request was given up'));
  const code = field(error, 'code');
  const entry = code === undefined ? undefined : TABLE[code];
  if (entry === undefined) {
    const message = 'the server met an error of its own; its log says more';
    return { status: 500, headers: {}, body: { error: { message, type: 'server_error', param: null, code: null } } };
  }
  const hint = field(error, 'hint');
  const message = `${field(error, 'message') ?? code}${hint === undefined ? '' : ` (${hint})`}`;
  const param = (error instanceof OptionError ? error.key : undefined) ?? entry.param ?? null;
  const zh = error instanceof TuiqiaoError ? error.zh : undefined;
  const retryAfter = error instanceof ServerError ? error.retryAfter : undefined;
  return {
    status: entry.status,
    headers: {
      ...(retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }),
      ...(entry.status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
    },
    body: { error: { message, type: entry.type, param, code: entry.code ?? code ?? null, ...(zh && { zh }) } },
  };
}

/** True for what nobody foresaw: worth a line in the server's log. */
export function isOwnFault(thrown: unknown): boolean {
  return toHttpFailure(thrown).status === 500;
}
