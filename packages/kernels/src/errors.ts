/** Errors of this package. It has no dependencies, so they carry their stable `code` themselves. */
export class KernelsError extends Error {
  /** `native-missing`: the addon is not built or does not load; `option-invalid`: an option has an impossible value. */
  readonly code: 'native-missing' | 'option-invalid';
  /** What to do about it. */
  readonly hint: string | undefined;

  constructor(
    code: KernelsError['code'],
    message: string,
    options: { hint?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'KernelsError';
    this.code = code;
    this.hint = options.hint;
  }
}
