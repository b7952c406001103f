/** An error as plain data and back: class instances do not survive the way between threads. */
import { type ErrorWords, TuiqiaoError } from './errors.ts';

export interface SerialisedError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly hint?: string;
  readonly zh?: ErrorWords;
  readonly stack?: string;
}

function field(error: object, name: 'code' | 'hint'): Record<string, string> {
  const value = (error as Record<string, unknown>)[name];
  return typeof value === 'string' ? { [name]: value } : {};
}

export function serialiseError(thrown: unknown): SerialisedError {
  if (!(thrown instanceof Error)) return { name: 'Error', message: String(thrown) };
  return {
    name: thrown.name,
    message: thrown.message,
    ...field(thrown, 'code'),
    ...field(thrown, 'hint'),
    ...(thrown instanceof TuiqiaoError && thrown.zh !== undefined ? { zh: thrown.zh } : {}),
    ...(thrown.stack === undefined ? {} : { stack: thrown.stack }),
  };
}

export function reviveError(error: SerialisedError): Error {
  const revived =
    error.code === undefined
      ? new Error(error.message)
      : new TuiqiaoError(error.code, error.message, {
          ...(error.hint === undefined ? {} : { hint: error.hint }),
          ...(error.zh === undefined ? {} : { zh: error.zh }),
        });
  revived.name = error.name;
  if (error.stack !== undefined) revived.stack = error.stack;
  return revived;
}
