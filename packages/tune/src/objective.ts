/**
 * Contract 3: the engine's one differentiable result is the log-probability of each completion token (for a reward model,
 * one score a sequence). An objective is a pure function from those numbers to a loss, its derivative and metrics, in
 * plain doubles. It touches no tensor.
 */
import type { Metrics } from '@tuiqiao/schema';
import type { Linear } from '@tuiqiao/tensor';
import type { Sequence } from './packing.ts';

export interface ObjectiveResult {
  readonly loss: number;
  /** ∂loss/∂logProbs, same length and order as the input. */
  readonly dLogProbs: Float64Array;
  /** TRL's names. */
  readonly metrics: Metrics;
  readonly dEntropy?: Float64Array;
  readonly dMeanLogProbs?: Float64Array;
}

/** What the model computed for one packed micro-batch of items. */
export interface MicroBatchInput<Item> {
  readonly items: readonly Item[];
  /** Index of each item in the data set. */
  readonly indexes: Int32Array;
  /** [R]; [S] scores, one a sequence, where the objective has a `scoreHead`. */
  readonly logProbs: Float64Array;
  /** [S + 1] targets (or the one score) of each sequence, in the order of `sequences` of each item. */
  readonly rowOffsets: Int32Array;
  /** [R] 1 where the model's arg-max is the target; present when the objective asks for it. */
  readonly hits?: Uint8Array;
  /** [R] entropy of the model's distribution in nats; present when the objective asks for it. */
  readonly entropy?: Float64Array;
  /** [R] mean log-probability over the vocabulary; present when the objective asks for it. */
  readonly meanLogProbs?: Float64Array;
}

/**
 * Binds items to a pure loss function for the training loop. Losses, gradients and metrics of a micro-batch are its
 * share of the whole accumulation window: the loop adds them up.
 */
export interface Objective<Item> {
  readonly name: string;
  readonly needsHits: boolean;
  /** Default false. */
  readonly needsEntropy?: boolean;
  /** Default false. */
  readonly needsMean?: boolean;
  /** Log-probabilities and entropies are those of softmax(logits / temperature). Default 1. */
  readonly temperature?: number;
  /** A head [1, C] on the last token of each sequence, in f32: its score takes the place of log-probabilities. */
  readonly scoreHead?: Linear;
  /** The item as sequences of a packed batch: one for an example, two for a pair. */
  sequences(item: Item): readonly Sequence[];
  /** For messages. */
  idOf(item: Item): string;
  /** Called once per optimizer step with all of its items. */
  beginStep(items: readonly Item[]): StepObjective<Item>;
  /** Looks at a finished step's loss and metrics for something a person should know; fatal findings stop the run. */
  inspectStep?(step: number, loss: number, metrics: Metrics): StepFinding | null;
}

export interface StepFinding {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly isFatal: boolean;
}

export interface StepObjective<Item> {
  /** Tokens that carry loss in this step. */
  readonly lossTokens: number;
  /** Known before any gradient: what a rollout earned, how long it is. Logged beside those of `evaluate`. */
  readonly metrics?: Metrics;
  /**
   * Per-row gradient when it does not depend on the model (a weighted cross-entropy): lets the language-model head run
   * forward and backward in one pass.
   */
  knownGradient?(items: readonly Item[]): Float32Array;
  evaluate(input: MicroBatchInput<Item>): ObjectiveResult;
}
