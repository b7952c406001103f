/** An engine in a thread of its own: whoever asks stays free to answer others while it computes. */
import { Worker } from 'node:worker_threads';
import { reviveError, TuiqiaoError } from '@tuiqiao/schema';
import type { Engine, EngineFacts } from './engine.ts';
import type { FromEngine, JobResults, ToEngine } from './engine-messages.ts';
import type { EngineOptions } from './local-engine.ts';

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

  const run = <Type extends keyof JobResults>(
    type: Type,
    job: Extract<ToEngine, { type: Type }>['job'],
    { signal, onEvent }: { signal?: AbortSignal; onEvent?: (event: never) => void } = {},
  ): Promise<JobResults[Type]> =>
    new Promise<JobResults[Type]>((resolve, reject) => {
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
      worker.postMessage({ type, id, job } as ToEngine);
    });

  let facts: EngineFacts;
  const createClient = (): Engine => ({
    get facts() {
      return facts;
    },
    complete: (job, controls) => run('complete', job, controls),
    write: (job, controls) => run('write', job, controls),
    polish: (job, controls) => run('polish', job, controls),
    changeAdapters: async (changes) => {
      facts = await run('change', changes);
    },
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
          facts = message.facts;
          resolve(createClient());
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
          facts = message.facts;
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
