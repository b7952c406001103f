/** What a caller of the checker did wrong; poems themselves are never errors. */
export type ProsodyErrorCode =
  | 'PROSODY_UNKNOWN_FORM'
  | 'PROSODY_UNKNOWN_BOOK'
  | 'PROSODY_TEXT_TOO_LONG'
  | 'PROSODY_NOT_LOADED';

/** A request that the checker cannot answer; `message` is "op: expected …, got …". */
export class ProsodyError extends Error {
  override readonly name = 'ProsodyError';
  readonly code: ProsodyErrorCode;
  readonly hint: string | undefined;

  constructor(code: ProsodyErrorCode, message: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}
