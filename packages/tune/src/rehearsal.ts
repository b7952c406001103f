/**
 * A training step outside any run: what `--dry-run` counts and times. It does what the loop does for one step – gradients
 * of a micro-batch, norm, update – and one pass without gradients, over whatever kernels the model is on.
 */
import type { LanguageModel } from '@tuiqiao/lm';
import {
  type Arena,
  createArena,
  globalGradientNorm,
  type Optimizer,
  type Parameter,
  zeroGradients,
} from '@tuiqiao/tensor';
import { type BatchingOptions, microBatchTokens, planEpoch, planMicroBatches } from './batching.ts';
import type { Dataset } from './items.ts';
import { accumulateGradients, scoreSequences } from './micro-batch.ts';
import type { Objective } from './objective.ts';
import type { Sequence } from './packing.ts';
import { trainOnly } from './train-only.ts';

/** What a step is rehearsed with: as `TrainOptions`. */
export interface Rehearsal<Item> {
  readonly model: LanguageModel;
  readonly parameters: readonly Parameter[];
  readonly optimizer: Optimizer;
  readonly objective: Objective<Item>;
  readonly data: Dataset<Item>;
  readonly gradientCheckpointing?: boolean;
  readonly neftuneAlpha?: number | undefined;
}

/** The work of a run, from the lengths of its items. */
export interface PlannedWork {
  readonly stepsPerEpoch: number;
  readonly microBatchesPerStep: number;
  /** Items of the micro-batch with the most tokens: what memory has to hold. */
  readonly heaviest: Int32Array;
  /** Items of a micro-batch of about the mean size: what time is measured on. */
  readonly typical: Int32Array;
  readonly meanTokens: number;
}

/** Steps looked at: their micro-batches are random samples of the whole. */
const MOST_STEPS = 2000;

/**
 * The micro-batches of the first epoch.
 * @throws TuneError `tune-batching`
 */
export function planWork(data: Dataset<unknown>, batching: BatchingOptions): PlannedWork {
  const steps = planEpoch(data, batching, 0);
  const bound = microBatchTokens(data, batching);
  const looked = steps.slice(0, MOST_STEPS);
  const parts = looked.flatMap((step) => planMicroBatches(data, step, bound));
  const tokens = parts.map((part) => part.reduce((sum, index) => sum + data.tokensOf(index), 0));
  const meanTokens = tokens.reduce((sum, count) => sum + count, 0) / tokens.length;
  let heaviest = 0;
  let typical = 0;
  for (const [i, count] of tokens.entries()) {
    if (count > tokens[heaviest]!) heaviest = i;
    if (Math.abs(count - meanTokens) < Math.abs(tokens[typical]! - meanTokens)) typical = i;
  }
  return {
    stepsPerEpoch: steps.length,
    microBatchesPerStep: parts.length / looked.length,
    heaviest: parts[heaviest]!,
    typical: parts[typical]!,
    meanTokens,
  };
}

export interface RehearsedPass {
  /** Tokens of a micro-batch. */
  tokensOf(indexes: Int32Array): number;
  /** Gradients of these items, as one micro-batch of a step of theirs. */
  gradients(indexes: Int32Array): Promise<void>;
  /** Norm of the gradients and the update, with a learning rate of 0. */
  update(): Promise<void>;
  /** Log-probabilities alone, as evaluations and references take them. */
  score(sequences: readonly Sequence[]): Promise<void>;
  /** Bytes of what a checkpoint copies at a time: a parameter, or a piece of the optimizer's state. */
  checkpointBytes(): number;
}

/** Freezes and trains as the loop does, and holds the step memory until the result is let go. */
export function rehearse<Item>(rehearsal: Rehearsal<Item>): RehearsedPass {
  const { model, parameters, optimizer, objective, data } = rehearsal;
  const { kernels } = model;
  trainOnly(model, parameters);
  const arena: Arena = createArena(kernels);
  return {
    tokensOf: (indexes) => indexes.reduce((sum, index) => sum + data.tokensOf(index), 0),
    async gradients(indexes) {
      const items = Array.from(indexes, (index) => data.item(index));
      zeroGradients(kernels, parameters);
      await accumulateGradients({
        model,
        arena,
        objective,
        step: objective.beginStep(items),
        items,
        indexes,
        usesCheckpoints: rehearsal.gradientCheckpointing ?? false,
        dropoutSeed: 1,
        neftuneAlpha: rehearsal.neftuneAlpha,
      });
    },
    async update() {
      await globalGradientNorm(kernels, parameters);
      await optimizer.step(0);
    },
    async score(sequences) {
      await scoreSequences(model, arena, sequences);
    },
    checkpointBytes() {
      const pieces = [...optimizer.saveState().values()].map(({ byteLength }) => byteLength);
      return [...pieces, ...parameters.map(({ value }) => 4 * value.length)].reduce((a, b) => Math.max(a, b), 0);
    },
  };
}
