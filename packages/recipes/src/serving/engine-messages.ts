/** What travels between an engine's thread and who asks it. */
import type { RunEvent, SerialisedError } from '@tuiqiao/schema';
import type { PolishRecord } from '../polish.ts';
import type {
  AdapterChange,
  CompletionEvent,
  CompletionJob,
  CompletionResult,
  EngineFacts,
  PoemJob,
  PoemsResult,
  PolishJob,
} from './engine.ts';

/** What a job of each kind returns; `change` the facts after it. */
export interface JobResults {
  readonly complete: CompletionResult;
  readonly write: PoemsResult;
  readonly polish: PolishRecord;
  readonly change: EngineFacts;
}

export type ToEngine =
  | { readonly type: 'complete'; readonly id: number; readonly job: CompletionJob }
  | { readonly type: 'write'; readonly id: number; readonly job: PoemJob }
  | { readonly type: 'polish'; readonly id: number; readonly job: PolishJob }
  | { readonly type: 'change'; readonly id: number; readonly job: readonly AdapterChange[] }
  | { readonly type: 'abort'; readonly id: number };

export type FromEngine =
  | { readonly type: 'ready'; readonly facts: EngineFacts }
  /** It could not be opened. */
  | { readonly type: 'failed'; readonly error: SerialisedError }
  | { readonly type: 'event'; readonly id: number; readonly event: CompletionEvent | RunEvent }
  | { readonly type: 'result'; readonly id: number; readonly value: JobResults[keyof JobResults] }
  /** `facts`: of a change, part of which may have been done. */
  | { readonly type: 'error'; readonly id: number; readonly error: SerialisedError; readonly facts: EngineFacts };
