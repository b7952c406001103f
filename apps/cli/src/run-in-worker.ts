/** Runs one function of `@tuiqiao/recipes` in a worker thread: events come out, an abort goes in, errors keep their code. */
import { Worker } from 'node:worker_threads';
import { type RunControls, reviveError, TuiqiaoError } from '@tuiqiao/schema';
import type { FromWorker, TaskName, ToWorker, WorkerTask } from './worker-messages.ts';

/**
 * @returns what the function returns, as plain data
 * @throws the function's own error, with its code and hint; `out-of-memory` when the thread ran out of heap
 */
export function runInWorker(task: TaskName, options: unknown, controls: RunControls): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const { language } = controls;
    const workerData: WorkerTask = { task, options, ...(language === undefined ? {} : { language }) };
    const worker = new Worker(new URL('./recipe-worker.js', import.meta.url), { workerData });
    const abort = (): void => worker.postMessage({ type: 'abort' } satisfies ToWorker);
    controls.signal?.addEventListener('abort', abort, { once: true });
    if (controls.signal?.aborted === true) abort();
    worker.on('message', (message: FromWorker) => {
      switch (message.type) {
        case 'event':
          controls.onEvent?.(message.event);
          return;
        case 'result':
          resolve(message.value);
          return;
        case 'error':
          reject(reviveError(message.error));
          return;
        default:
          message satisfies never;
      }
    });
    worker.on('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? new TuiqiaoError('out-of-memory', `${task}: the thread ran out of memory`, {
              hint: 'Use a smaller batch, or give Node more: NODE_OPTIONS=--max-old-space-size=4096.',
              cause: error,
            })
          : error,
      );
    });
    worker.on('exit', (status) => {
      controls.signal?.removeEventListener('abort', abort);
      // Settled already in every orderly case; this one is a thread that died without a word.
      reject(new Error(`${task}: the worker thread ended with status ${status} and no result`));
    });
  });
}
