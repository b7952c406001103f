/**
 * Where the items of each optimizer step come from: a data set cut into steps, or something that makes them on the way
 * (on-policy methods write their own data). The training loop knows only this.
 */
import { type BatchingOptions, checkBatching, type DataPosition, microBatchTokens, planEpoch } from './batching.ts';
import { type Fingerprint, fingerprintOfData } from './fingerprint.ts';
import type { Dataset } from './items.ts';

export interface StepItems<Item> {
  readonly items: readonly Item[];
  /** Index of each item in its data set, for objectives that keep numbers beside the data. */
  readonly indexes: Int32Array;
  /** Tokens each item occupies in a packed batch. */
  readonly tokens: readonly number[];
}

export interface StepSource<Item> {
  readonly seed: number;
  /** What must be the same for a resumed run to be the same run. */
  readonly fingerprint: Fingerprint;
  /** Bound of one forward and backward pass. */
  readonly maxTokensPerMicroBatch: number;
  stepsInEpoch(epoch: number): number;
  /**
   * Items of a step (1-based). Called once for every step, in order, before its gradients; must depend on nothing but
   * the model's weights, the seed, the position and what `loadState` brought back.
   */
  itemsAt(position: DataPosition, step: number): Promise<StepItems<Item>>;
  /** Writes into a checkpoint what weights, seed and position do not say. */
  saveState?(folder: string, step: number): Promise<void>;
  loadState?(folder: string, step: number): Promise<void>;
}

/** @throws TuneError `tune-batching` */
export function datasetSource<Item>(data: Dataset<Item>, batching: BatchingOptions): StepSource<Item> {
  checkBatching(data, batching);
  let planned = { epoch: -1, steps: [] as Int32Array[] };
  const planOf = (epoch: number): Int32Array[] => {
    if (planned.epoch !== epoch) planned = { epoch, steps: planEpoch(data, batching, epoch) };
    return planned.steps;
  };
  return {
    seed: batching.seed,
    fingerprint: fingerprintOfData(data, batching),
    maxTokensPerMicroBatch: microBatchTokens(data, batching),
    stepsInEpoch: (epoch) => planOf(epoch).length,
    itemsAt: async ({ epoch, stepInEpoch }) => {
      const indexes = planOf(epoch)[stepInEpoch]!;
      return {
        items: Array.from(indexes, (index) => data.item(index)),
        indexes,
        tokens: Array.from(indexes, (index) => data.tokensOf(index)),
      };
    },
  };
}
