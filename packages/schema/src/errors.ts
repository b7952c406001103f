/**
 * The one base class of errors a user can cause or meet. Packages subclass it in their own `errors.ts`; apps map
 * `code` to an exit status, an HTTP status and a sentence.
 */
export class TuiqiaoError extends Error {
  /** Stable, kebab-case, e.g. `recipe-unknown-key`. */
  readonly code: string;
  /** What to do about it. */
  readonly hint: string | undefined;

  constructor(code: string, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
  }
}
