/**
 * The thread a recipe runs in, so that the terminal stays alive. It prints nothing: events, the result or the error go
 * back as messages; an abort message ends the recipe after its current step.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { type OnEvent, type RunControls, serialiseError } from '@tuiqiao/schema';
import type { FromWorker, ToWorker, WorkerTask } from './worker-messages.ts';

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

async function run({ task, options }: WorkerTask, controls: RunControls): Promise<unknown> {
  const recipes = await import('@tuiqiao/recipes');
  // The options were parsed on the other side; what travels between threads has lost its type.
  switch (task) {
    case 'prepare':
      return recipes.runPrepare(options as never, controls);
    case 'pretrain':
      return recipes.runPretrain(options as never, controls);
    case 'sft':
      return recipes.runSft(options as never, controls);
    case 'dpo':
      return recipes.runDpo(options as never, controls);
    case 'kto':
      return recipes.runKto(options as never, controls);
    case 'rm':
      return recipes.runRm(options as never, controls);
    case 'grpo':
      return recipes.runGrpo(options as never, controls);
    case 'evaluate':
      return recipes.runEvaluate(options as never, controls);
    case 'compare':
      return recipes.runCompare(options as never, controls);
    case 'write':
      return recipes.runWrite(options as never, controls);
    case 'polish':
      return recipes.runPolish(options as never, controls);
    case 'demo':
      return recipes.runDemo(options as never, controls);
    case 'preview':
      return recipes.runPreview(options as never, controls);
    case 'merge':
      return recipes.runMerge(options as never, controls);
    case 'export':
      return recipes.runExport(options as never, controls);
    case 'plan':
      return recipes.planStage(options as never, controls);
    default:
      return task satisfies never;
  }
}

try {
  const task = workerData as WorkerTask;
  const language = task.language === undefined ? {} : { language: task.language };
  post({ type: 'result', value: await run(task, { signal: controller.signal, onEvent, ...language }) });
} catch (error) {
  post({ type: 'error', error: serialiseError(error) });
} finally {
  port.off('message', listen);
  port.close();
}
