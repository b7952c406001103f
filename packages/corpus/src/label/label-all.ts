/** Labels of many poems, in order, on as many threads as help. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { CorpusError } from '../errors.ts';
import { type LabelRequest, labelPoem, type VerseLabels } from './label-poem.ts';

const BATCH = 2048;
/** The thread that asks also writes the poems out; two more keep two cores busy. */
const MAX_THREADS = 2;

interface Answer {
  readonly id: number;
  readonly labels: readonly VerseLabels[];
}

/**
 * Yields batches of labels in the order of `requests`. Threads need compiled modules: read from TypeScript sources (as
 * tests do), or on a single core, the work is done in place.
 */
export async function* labelAll(
  requests: readonly LabelRequest[],
  signal?: AbortSignal,
): AsyncGenerator<readonly VerseLabels[]> {
  const batches = Math.ceil(requests.length / BATCH);
  const threads = import.meta.url.endsWith('.ts') ? 0 : Math.min(MAX_THREADS, availableParallelism(), batches - 1);
  if (threads < 2) {
    for (let id = 0; id < batches; id++) {
      throwIfAborted(signal);
      yield batchAt(requests, id).map(labelPoem);
    }
    return;
  }

  const workers = Array.from({ length: threads }, () => new Worker(new URL('./label-worker.js', import.meta.url)));
  const answers = new Map<number, readonly VerseLabels[]>();
  let failure: unknown;
  let wake: () => void = () => undefined;
  let next = 0;
  const send = (worker: Worker): void => {
    if (next < batches) worker.postMessage({ id: next, requests: batchAt(requests, next++) });
  };
  for (const worker of workers) {
    worker.on('message', ({ id, labels }: Answer) => {
      answers.set(id, labels);
      send(worker);
      wake();
    });
    worker.on('error', (error) => {
      failure = error;
      wake();
    });
    // Two batches a thread: one in work, one waiting, so that none idles while the answers are written.
    send(worker);
    send(worker);
  }
  try {
    for (let id = 0; id < batches; id++) {
      while (!answers.has(id)) {
        if (failure !== undefined) throw failure;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        throwIfAborted(signal);
      }
      yield answers.get(id)!;
      answers.delete(id);
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function batchAt(requests: readonly LabelRequest[], id: number): readonly LabelRequest[] {
  return requests.slice(id * BATCH, (id + 1) * BATCH);
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new CorpusError('aborted', 'build corpus: interrupted; nothing half-written was left');
}
