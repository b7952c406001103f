/** The thread an engine lives in: jobs come in as messages, events and results go back. It prints nothing. */
import { parentPort, workerData } from 'node:worker_threads';
import { serialiseError } from '@tuiqiao/schema';
import type { Engine } from './engine.ts';
import type { FromEngine, JobResults, ToEngine } from './engine-messages.ts';
import { type EngineOptions, openEngine } from './local-engine.ts';

const port = parentPort;
if (port === null) throw new Error('engine-worker: expected to run in a worker thread');
type Job = Exclude<ToEngine, { type: 'abort' }>;
type Event = (FromEngine & { type: 'event' })['event'];

async function doJob(
  engine: Engine,
  message: Job,
  controls: { readonly signal: AbortSignal; readonly onEvent: (event: Event) => void },
): Promise<JobResults[keyof JobResults]> {
  switch (message.type) {
    case 'complete':
      return engine.complete(message.job, controls);
    case 'write':
      return engine.write(message.job, controls);
    case 'polish':
      return engine.polish(message.job, controls);
    case 'change':
      await engine.changeAdapters(message.job);
      return engine.facts;
    default:
      return message satisfies never;
  }
}

const post = (message: FromEngine): void => port.postMessage(message);

try {
  const engine = await openEngine(workerData as EngineOptions);
  const running = new Map<number, AbortController>();
  port.on('message', async (message: ToEngine) => {
    const { id } = message;
    if (message.type === 'abort') {
      running.get(id)?.abort();
      return;
    }
    const controller = new AbortController();
    running.set(id, controller);
    const controls = {
      signal: controller.signal,
      onEvent: (event: Event) => post({ type: 'event', id, event }),
    };
    try {
      post({ type: 'result', id, value: await doJob(engine, message, controls) });
    } catch (error) {
      post({ type: 'error', id, error: serialiseError(error), facts: engine.facts });
    } finally {
      running.delete(id);
    }
  });
  post({ type: 'ready', facts: engine.facts });
} catch (error) {
  post({ type: 'failed', error: serialiseError(error) });
  port.close();
}
