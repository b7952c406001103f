/** What every route shares: the engine, the queue, and the signal that ends a request's work. */
import type { CompletionResult, Engine, ServedModel } from '@tuiqiao/recipes';
import type { ErrorReply, ModelObject, Usage } from '@tuiqiao/schema';
import type { Context } from 'hono';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import { isOwnFault, ServerError, toHttpFailure } from './errors.ts';
import { type JobEvents, startJob } from './job-events.ts';
import type { RequestQueue } from './queue.ts';

export interface House {
  readonly engine: Engine;
  readonly queue: RequestQueue;
  /** Aborts what is still running when the server must close. */
  readonly closing: AbortSignal;
  /** Seconds since 1970: since when the models are served. */
  readonly created: number;
  /** Longest answer of a request that sets no bound. */
  readonly maxNewTokens: number;
  readonly onError: (error: unknown) => void;
}

export function usageOf({ promptTokens, completionTokens }: CompletionResult): Usage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

export function modelObject({ created }: House, { id, root, parent }: ServedModel): ModelObject {
  return { id, object: 'model', created, owned_by: 'tuiqiao', root, parent };
}

/** @throws ServerError `body-not-json` */
export async function readJson(c: Context): Promise<unknown> {
  // A page of another origin can send forms and plain text without asking; JSON it cannot.
  if (!/^application\/json\b/iu.test(c.req.header('content-type') ?? '')) {
    throw new ServerError('body-not-json', 'expected a body of Content-Type: application/json', {
      hint: "with curl: -H 'Content-Type: application/json'",
    });
  }
  try {
    return await c.req.json();
  } catch (cause) {
    if (cause instanceof ServerError) throw cause;
    throw new ServerError('body-not-json', 'the body is not JSON', { cause });
  }
}

/** Lets the request in, begins its job and waits for the first event. The job ends when the client is gone. */
export async function beginJob<Event, Result>(
  c: Context,
  house: House,
  run: (signal: AbortSignal, onEvent: (event: Event) => void) => Promise<Result>,
): Promise<{ job: JobEvents<Event, Result>; stop: () => void }> {
  const leave = house.queue.enter();
  const gone = new AbortController();
  const signal = AbortSignal.any([c.req.raw.signal, house.closing, gone.signal]);
  const job = startJob<Event, Result>((onEvent) => run(signal, onEvent));
  job.result.then(leave, leave);
  await job.begin();
  return { job, stop: () => gone.abort() };
}

export const DONE = '[DONE]';

/** Server-sent events; an error after the first of them is told as one more, without `[DONE]`. */
export function sendEvents(
  c: Context,
  house: House,
  stop: () => void,
  write: (send: (value: unknown) => Promise<void>) => Promise<void>,
): Response {
  // Proxies that collect a reply before passing it on would make a stream pointless.
  c.header('X-Accel-Buffering', 'no');
  return streamSSE(c, async (stream: SSEStreamingApi) => {
    stream.onAbort(stop);
    try {
      await write((value) => stream.writeSSE({ data: typeof value === 'string' ? value : JSON.stringify(value) }));
      await stream.writeSSE({ data: DONE });
    } catch (error) {
      if (stream.aborted) return;
      if (isOwnFault(error)) house.onError(error);
      await stream.writeSSE({ data: JSON.stringify(toHttpFailure(error).body satisfies ErrorReply) });
    }
  });
}
