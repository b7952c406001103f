/** The thread an engine lives in: jobs come in as messages, events and results go back. It prints nothing. */
import { parentPort, workerData } from 'node:worker_threads';
import { serialiseError } from '@tuiqiao/schema';
import type { FromEngine, ToEngine } from './engine-messages.ts';
import { type EngineOptions, openEngine } from './local-engine.ts';

const port = parentPort;
if (port === null) throw new Error('engine-worker: expected to run in a worker thread');
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
      onEvent: (event: (FromEngine & { type: 'event' })['event']) => post({ type: 'event', id, event }),
    };
    try {
      const value = await (message.type === 'complete'
        ? engine.complete(message.job, controls)
        : engine.write(message.job, controls));
      post({ type: 'result', id, value });
    } catch (error) {
      post({ type: 'error', id, error: serialiseError(error) });
    } finally {
      running.delete(id);
    }
  });
  post({ type: 'ready', facts: engine.facts });
} catch (error) {
  post({ type: 'failed', error: serialiseError(error) });
  port.close();
}
