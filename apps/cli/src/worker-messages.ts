/** What travels between the command and the worker thread that runs a recipe. */
import { type ErrorWords, type RunEvent, TuiqiaoError } from '@tuiqiao/schema';

/** What a worker may be asked to run. */
export type TaskName =
  | 'prepare'
  | 'pretrain'
  | 'sft'
  | 'dpo'
  | 'kto'
  | 'rm'
  | 'grpo'
  | 'evaluate'
  | 'compare'
  | 'write'
  | 'polish'
  | 'demo'
  | 'merge'
  | 'export'
  | 'preview'
  | 'plan';

export interface WorkerTask {
  readonly task: TaskName;
  /** Resolved options; plain data. */
  readonly options: unknown;
}

/** An error as plain data: class instances do not survive the way between threads. */
export interface SerialisedError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly hint?: string;
  readonly zh?: ErrorWords;
  readonly stack?: string;
}

export type FromWorker =
  | { readonly type: 'event'; readonly event: RunEvent }
  | { readonly type: 'result'; readonly value: unknown }
  | { readonly type: 'error'; readonly error: SerialisedError };

export type ToWorker = { readonly type: 'abort' };

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
