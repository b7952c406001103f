import { type ErrorWords, TuiqiaoError } from '@tuiqiao/schema';

export type VerseErrorCode =
  /** The request contradicts itself or the rules; the message says where and the hint names the nearest possible one. */
  | 'verse-request'
  /** The model's vocabulary cannot write what was asked (too few single-character tokens, no end token). */
  | 'verse-vocabulary'
  /** A reward without a name, range or weight, or a score outside its range. */
  | 'verse-reward';

export class VerseError extends TuiqiaoError {
  declare readonly code: VerseErrorCode;

  constructor(
    code: VerseErrorCode,
    message: string,
    options: { hint?: string; zh?: ErrorWords; cause?: unknown } = {},
  ) {
    super(code, message, options);
  }
}
