/**
 * The thread a recipe runs in, so that the terminal stays alive. It prints nothing: events, the result or the error go
 * back as messages; an abort message ends the recipe after its current step.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { OnEvent, RunControls } from '@tuiqiao/schema';
import { type FromWorker, serialiseError, TASKS, type ToWorker, type WorkerTask } from './worker-messages.ts';

type StageFunction = (options: unknown, controls: RunControls) => Promise<unknown>;

const port = parentPort;
if (port === null) throw new Error('recipe-worker: expected to run in a worker thread');

const post = (message: FromWorker): void => port.postMessage(message);
const controller = new AbortController();
const listen = (message: ToWorker): void => {
  if (message.type === 'abort') controller.abort();
};
port.on('message', listen);

/** A long computation may not return to the event loop between steps: look for an abort whenever it says something. */
const onEvent: OnEvent = (event) => {
  post({ type: 'event', event });
  const waiting = receiveMessageOnPort(port) as { message: ToWorker } | undefined;
  if (waiting !== undefined) listen(waiting.message);
};

try {
  const { task, options } = workerData as WorkerTask;
  const recipes: Readonly<Record<string, unknown>> = await import('@tuiqiao/recipes');
  const run = recipes[TASKS[task]] as StageFunction;
  post({ type: 'result', value: await run(options, { signal: controller.signal, onEvent }) });
} catch (error) {
  post({ type: 'error', error: serialiseError(error) });
} finally {
  port.off('message', listen);
  port.close();
}
