/** What an error says, in one language. */
export interface ErrorWords {
  readonly message: string;
  readonly hint?: string;
}

/**
 * The one base class of errors a user can cause or meet. Packages subclass it in their own `errors.ts`; apps map
 * `code` to an exit status, an HTTP status and a sentence.
 */
export class TuiqiaoError extends Error {
  /** Stable, kebab-case, e.g. `recipe-unknown-key`. */
  readonly code: string;
  /** What to do about it. */
  readonly hint: string | undefined;
  /** The same in Chinese, where the sentence is more than its code. */
  readonly zh: ErrorWords | undefined;

  constructor(code: string, message: string, options: { hint?: string; zh?: ErrorWords; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
    this.zh = options.zh;
  }
}

/** What was wrong with a recipe or with the options of a command. */
export type OptionErrorCode =
  | 'option-unknown'
  | 'option-bad-value'
  | 'option-missing'
  | 'option-twice'
  | 'option-unsupported'
  | 'recipe-not-a-map'
  | 'stage-unknown'
  | 'stage-not-yet';

/** A recipe or an option that cannot be taken as it is. Nothing has been done yet when it is thrown. */
export class OptionError extends TuiqiaoError {
  /** The key as the user wrote it, e.g. `lora_rank` or `lora.rank`. */
  readonly key: string | undefined;

  constructor(code: OptionErrorCode, message: string, details: { key?: string; hint?: string; zh?: ErrorWords } = {}) {
    const { key, ...words } = details;
    super(code, message, words);
    this.key = key;
  }
}
