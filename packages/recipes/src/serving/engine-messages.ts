/** What travels between an engine's thread and who asks it. */
import type { RunEvent, SerialisedError } from '@tuiqiao/schema';
import type { CompletionEvent, CompletionJob, CompletionResult, EngineFacts, PoemJob, PoemsResult } from './engine.ts';

export type ToEngine =
  | { readonly type: 'complete'; readonly id: number; readonly job: CompletionJob }
  | { readonly type: 'write'; readonly id: number; readonly job: PoemJob }
  | { readonly type: 'abort'; readonly id: number };

export type FromEngine =
  | { readonly type: 'ready'; readonly facts: EngineFacts }
  /** It could not be opened. */
  | { readonly type: 'failed'; readonly error: SerialisedError }
  | { readonly type: 'event'; readonly id: number; readonly event: CompletionEvent | RunEvent }
  | { readonly type: 'result'; readonly id: number; readonly value: CompletionResult | PoemsResult }
  | { readonly type: 'error'; readonly id: number; readonly error: SerialisedError };
