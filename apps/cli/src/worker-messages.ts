/** What travels between the command and the worker thread that runs a recipe. */
import type { RunEvent, SerialisedError } from '@tuiqiao/schema';

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
  /** Of the sentences in what is returned. */
  readonly language?: 'zh' | 'en';
}

export type FromWorker =
  | { readonly type: 'event'; readonly event: RunEvent }
  | { readonly type: 'result'; readonly value: unknown }
  | { readonly type: 'error'; readonly error: SerialisedError };

export type ToWorker = { readonly type: 'abort' };
