/** Errors of the command itself, before any engine is asked. */
import { TuiqiaoError } from '@tuiqiao/schema';

export type CliErrorCode =
  | 'command-line'
  | 'no-poem'
  | 'input-not-found'
  | 'input-bad'
  | 'hub-refused'
  | 'hub-unreachable'
  | 'hub-integrity';

export class CliError extends TuiqiaoError {
  constructor(code: CliErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(code, message, options);
  }
}
