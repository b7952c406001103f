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
import { accumulateGradients, headScores, scoreSequences } from './micro-batch.ts';
import type { Objective } from './objective.ts';
import { type PackOptions, packSequences, type Sequence } from './packing.ts';
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

/** The work of a run, from its items as they are packed. */
export interface PlannedWork {
  readonly stepsPerEpoch: number;
  readonly microBatchesPerStep: number;
  /** Items of the micro-batch with the most rows, and of that with the most rows of loss: what memory has to hold. */
  readonly heaviest: readonly Int32Array[];
  /** Items of a micro-batch of about the mean size: what time is measured on. */
  readonly typical: Int32Array;
  /** Rows of a micro-batch: what is shared counts once. */
  readonly meanRows: number;
  /** Rows of some items in one micro-batch. */
  rowsOf(indexes: Int32Array): number;
}

/** Steps looked at: their micro-batches are random samples of the whole. */
const MOST_STEPS = 2000;

/**
 * The micro-batches of the first epoch, as far as the run goes.
 * @param totalSteps of the run
 * @param layout the sequences of an item, as the objective has them; `sharesBeginnings` as the step does, by default true
 * @throws TuneError `tune-batching`
 */
export function planWork<Item>(
  data: Dataset<Item>,
  batching: BatchingOptions,
  totalSteps: number,
  layout: Pick<Objective<Item>, 'sequences'> & Pick<PackOptions, 'sharesBeginnings'>,
): PlannedWork {
  const { sharesBeginnings = true } = layout;
  const count = (indexes: Int32Array): { rows: number; lossRows: number } => {
    const sequences = Array.from(indexes, (index) => layout.sequences(data.item(index))).flat();
    const { batch } = packSequences(sequences, { isOnlyForLoss: true, sharesBeginnings });
    return { rows: batch.ids.length, lossRows: batch.lossRows.length };
  };
  const steps = planEpoch(data, batching, 0);
  const bound = microBatchTokens(data, batching);
  const looked = steps.slice(0, Math.min(MOST_STEPS, totalSteps));
  const parts = looked.flatMap((step) => planMicroBatches(data, step, bound));
  const counts = parts.map(count);
  const meanRows = counts.reduce((sum, { rows }) => sum + rows, 0) / counts.length;
  const firstOfLeast = (cost: (counts: { rows: number; lossRows: number }) => number): number =>
    counts.reduce((least, one, i) => (cost(one) < cost(counts[least]!) ? i : least), 0);
  const heaviest = new Set([firstOfLeast(({ rows }) => -rows), firstOfLeast(({ lossRows }) => -lossRows)]);
  return {
    stepsPerEpoch: steps.length,
    microBatchesPerStep: parts.length / looked.length,
    heaviest: Array.from(heaviest, (i) => parts[i]!),
    typical: parts[firstOfLeast(({ rows }) => Math.abs(rows - meanRows))]!,
    meanRows,
    rowsOf: (indexes) => count(indexes).rows,
  };
}

export interface RehearsedPass {
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
      const { scoreHead, needsHits } = objective;
      if (scoreHead !== undefined) await headScores(model, arena, scoreHead, sequences);
      else await scoreSequences(model, arena, sequences, { withHits: needsHits });
    },
    checkpointBytes() {
      const pieces = [...optimizer.saveState().values()].map(({ byteLength }) => byteLength);
      return [...pieces, ...parameters.map(({ value }) => 4 * value.length)].reduce((a, b) => Math.max(a, b), 0);
    },
  };
}
