/** Errors of the command itself, before any engine is asked. */
import { type ErrorWords, TuiqiaoError } from '@tuiqiao/schema';

export type CliErrorCode =
  | 'command-line'
  | 'no-poem'
  | 'input-not-found'
  | 'input-bad'
  | 'hub-refused'
  | 'hub-unreachable'
  | 'hub-integrity';

export class CliError extends TuiqiaoError {
  constructor(code: CliErrorCode, message: string, options: { hint?: string; zh?: ErrorWords; cause?: unknown } = {}) {
    super(code, message, options);
  }
}
