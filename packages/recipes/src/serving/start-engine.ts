/** An engine in a thread of its own: whoever asks stays free to answer others while it computes. */
import { Worker } from 'node:worker_threads';
import { reviveError, TuiqiaoError } from '@tuiqiao/schema';
import type { CompletionResult, Engine, EngineFacts, PoemsResult } from './engine.ts';
import type { FromEngine, ToEngine } from './engine-messages.ts';
import type { EngineOptions } from './local-engine.ts';

type Value = CompletionResult | PoemsResult;

interface Job {
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
  readonly onEvent: ((event: never) => void) | undefined;
}

/** @throws as `openEngine`; `out-of-memory` when the thread ran out of heap */
export function startEngine(options: EngineOptions): Promise<Engine> {
  const worker = new Worker(new URL('./engine-worker.js', import.meta.url), { workerData: options });
  const jobs = new Map<number, Job>();
  let nextId = 0;
  let death: Error | null = null;

  const run = <T extends Value>(
    message: (id: number) => ToEngine,
    { signal, onEvent }: { signal?: AbortSignal; onEvent?: (event: never) => void },
  ): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      signal?.throwIfAborted();
      if (death !== null) throw death;
      const id = nextId++;
      const abort = (): void => worker.postMessage({ type: 'abort', id } satisfies ToEngine);
      const settle = (): void => {
        signal?.removeEventListener('abort', abort);
        jobs.delete(id);
      };
      signal?.addEventListener('abort', abort, { once: true });
      jobs.set(id, {
        onEvent,
        resolve: (value) => {
          settle();
          resolve(value);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      worker.postMessage(message(id));
    });

  const createClient = (facts: EngineFacts): Engine => ({
    facts,
    complete: (job, controls = {}) => run((id) => ({ type: 'complete', id, job }), controls),
    write: (job, controls = {}) => run((id) => ({ type: 'write', id, job }), controls),
    close: async () => {
      await worker.terminate();
    },
  });

  return new Promise((resolve, reject) => {
    const die = (error: Error): void => {
      death ??= error;
      reject(death);
      for (const job of [...jobs.values()]) job.reject(death);
    };
    worker.on('message', (message: FromEngine) => {
      switch (message.type) {
        case 'ready':
          resolve(createClient(message.facts));
          return;
        case 'failed':
          die(reviveError(message.error));
          return;
        case 'event':
          jobs.get(message.id)?.onEvent?.(message.event as never);
          return;
        case 'result':
          jobs.get(message.id)?.resolve(message.value as never);
          return;
        case 'error':
          jobs.get(message.id)?.reject(reviveError(message.error));
          return;
        default:
          message satisfies never;
      }
    });
    worker.on('error', (error: NodeJS.ErrnoException) => {
      die(
        error.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? new TuiqiaoError('out-of-memory', 'the model’s thread ran out of memory', {
              hint: 'Give Node more: NODE_OPTIONS=--max-old-space-size=4096, or serve fewer at a time with --parallel.',
              cause: error,
            })
          : error,
      );
    });
    worker.on('exit', (status) =>
      die(new TuiqiaoError('engine-ended', `the model’s thread has ended (status ${status})`)),
    );
  });
}
