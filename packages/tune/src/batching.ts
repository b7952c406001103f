/**
 * Which items make up which optimizer step, and how a step is cut into packed micro-batches. The plan of an epoch is a
 * pure function of (data lengths, options, seed, epoch), so the data position of a run is three numbers; nothing has to
 * be replayed to resume.
 */
import { createRandom } from '@tuiqiao/tensor';
import { TuneError } from './errors.ts';
import type { Dataset } from './items.ts';

export interface BatchingOptions {
  readonly seed: number;
  /** Items per optimizer step (batch size × accumulation). The last step of an epoch may have fewer. */
  readonly itemsPerStep?: number;
  /** Or: tokens per optimizer step at most, filled first-fit from the shuffled order. */
  readonly tokensPerStep?: number;
  /** Memory bound of one forward and backward pass. Default: `tokensPerStep`, else 4,096 or the longest item. */
  readonly maxTokensPerMicroBatch?: number;
  /** Default true. */
  readonly isShuffled?: boolean;
}

/** Where a run stands in its data; serialisable. */
export interface DataPosition {
  readonly seed: number;
  readonly epoch: number;
  /** Steps of this epoch already done. */
  readonly stepInEpoch: number;
}

/**
 * How far first-fit looks ahead in the shuffled order for an item that still fits. Bounds the work per bin, and how
 * far an item can be moved from its random place.
 */
const LOOK_AHEAD = 512;

/** Micro-batch bound when neither it nor `tokensPerStep` is given. */
const DEFAULT_MICRO_BATCH_TOKENS = 4096;

/** @throws TuneError `tune-batching` when the options contradict each other, or an item is longer than the bound. */
export function checkBatching(data: Dataset<unknown>, options: BatchingOptions): void {
  const { itemsPerStep, tokensPerStep, maxTokensPerMicroBatch } = options;
  if ((itemsPerStep === undefined) === (tokensPerStep === undefined)) {
    throw new TuneError('tune-batching', 'batching: expected exactly one of itemsPerStep and tokensPerStep');
  }
  for (const [name, value] of Object.entries({ itemsPerStep, tokensPerStep, maxTokensPerMicroBatch })) {
    if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
      throw new TuneError('tune-batching', `${name}: expected a whole number > 0, got ${value}`);
    }
  }
  if (data.length === 0) throw new TuneError('tune-batching', 'data: expected at least one item, got none');
  const bound = Math.min(tokensPerStep ?? Infinity, maxTokensPerMicroBatch ?? Infinity);
  for (let i = 0; i < data.length; i++) {
    const tokens = data.tokensOf(i);
    if (tokens > bound) {
      throw new TuneError(
        'tune-batching',
        `batching: expected items of at most ${bound} tokens, got ${tokens} in item ${i}`,
        {
          hint: 'raise maxTokensPerMicroBatch or tokensPerStep, or shorten the data (maxLength)',
        },
      );
    }
  }
}

/** The steps of one epoch, each a list of item indexes; every item occurs in exactly one. */
export function planEpoch(data: Dataset<unknown>, options: BatchingOptions, epoch: number): Int32Array[] {
  const order = Int32Array.from({ length: data.length }, (_, i) => i);
  if (options.isShuffled ?? true) createRandom(options.seed).fork(`epoch ${epoch}`).shuffle(order);
  const { itemsPerStep, tokensPerStep } = options;
  if (tokensPerStep !== undefined) return firstFit(data, order, tokensPerStep);
  const steps: Int32Array[] = [];
  for (let start = 0; start < order.length; start += itemsPerStep!)
    steps.push(order.slice(start, start + itemsPerStep!));
  return steps;
}

/** Optimizer steps of `epochs` epochs (a fraction counts the steps of that share of its last epoch, rounded up). */
export function countSteps(data: Dataset<unknown>, options: BatchingOptions, epochs: number): number {
  checkBatching(data, options);
  let steps = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    const share = Math.min(1, epochs - epoch);
    const inEpoch =
      options.itemsPerStep === undefined
        ? planEpoch(data, options, epoch).length
        : Math.ceil(data.length / options.itemsPerStep);
    steps += Math.ceil(share * inEpoch);
  }
  return steps;
}

/** Cuts a step's items into micro-batches of at most `bound` tokens, first fit in the given order. */
export function planMicroBatches(data: Dataset<unknown>, step: Int32Array, bound: number): Int32Array[] {
  return firstFit(data, step, bound);
}

/** The micro-batch bound that holds for these options and data. */
export function microBatchTokens(data: Dataset<unknown>, options: BatchingOptions): number {
  if (options.maxTokensPerMicroBatch !== undefined) return options.maxTokensPerMicroBatch;
  if (options.tokensPerStep !== undefined) return options.tokensPerStep;
  let longest = DEFAULT_MICRO_BATCH_TOKENS;
  for (let i = 0; i < data.length; i++) longest = Math.max(longest, data.tokensOf(i));
  return longest;
}

/**
 * Fills bins one after another: each takes, in order, every item that still fits among the next LOOK_AHEAD left.
 * Unlike first-fit-decreasing, bins stay random samples: none is all long or all short items.
 */
function firstFit(data: Dataset<unknown>, order: Int32Array, capacity: number): Int32Array[] {
  // A linked list over what is left: next[k] is the place (from 1) after place k, next[0] the first.
  const next = Int32Array.from({ length: order.length + 1 }, (_, i) => i + 1);
  const bins: Int32Array[] = [];
  let shortest = Infinity;
  for (let i = 0; i < order.length; i++) shortest = Math.min(shortest, data.tokensOf(order[i]!));
  while (next[0]! <= order.length) {
    const bin: number[] = [];
    let room = capacity;
    let previous = 0;
    for (let seen = 0; seen < LOOK_AHEAD && next[previous]! <= order.length && room >= shortest; seen++) {
      const current = next[previous]!;
      const item = order[current - 1]!;
      const tokens = data.tokensOf(item);
      if (tokens <= room) {
        bin.push(item);
        room -= tokens;
        next[previous] = next[current]!;
        seen--; // taking an item does not use up the look-ahead
      } else {
        previous = current;
      }
    }
    if (bin.length === 0) {
      const item = order[next[0]! - 1]!;
      throw new TuneError(
        'tune-batching',
        `batching: expected items of at most ${capacity} tokens, got ${data.tokensOf(item)} in item ${item}`,
      );
    }
    bins.push(Int32Array.from(bin));
  }
  return bins;
}
