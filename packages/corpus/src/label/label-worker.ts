/** Entry of a labelling thread: batches of verse in, labels out, in the same order. */
import { parentPort } from 'node:worker_threads';
import { type LabelRequest, labelPoem } from './label-poem.ts';

parentPort?.on('message', (batch: { readonly id: number; readonly requests: readonly LabelRequest[] }) => {
  parentPort?.postMessage({ id: batch.id, labels: batch.requests.map(labelPoem) });
});
