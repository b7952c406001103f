/** What a server says when it refuses, and what a page says when there is no server. */
import type { ErrorReply } from '@tuiqiao/schema';
import type { Language } from '../words.ts';

export class ApiError extends Error {
  /** 0: nobody answered. */
  readonly status: number;
  readonly code: string | null;
  readonly #zh: { readonly message: string; readonly hint?: string } | undefined;

  constructor(status: number, error: Partial<ErrorReply['error']>) {
    super(error.message ?? `HTTP ${status}`);
    this.status = status;
    this.code = error.code ?? null;
    this.#zh = error.zh;
  }

  /** The sentence in a language, where it has one. */
  say(language: Language): string {
    if (this.status === 0) {
      return language === 'zh'
        ? '服务没有回应。它还在运行吗？（tuiqiao studio）'
        : 'The server does not answer. Is it still running? (tuiqiao studio)';
    }
    if (language === 'en' || this.#zh === undefined) return this.message;
    const { message, hint } = this.#zh;
    return hint === undefined ? `${message}。` : `${message}。${hint}`;
  }
}

/** Any thrown thing as one sentence. */
export function sentenceOf(error: unknown, language: Language): string {
  if (error instanceof ApiError) return error.say(language);
  return error instanceof Error ? error.message : String(error);
}

export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
