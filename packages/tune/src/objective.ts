/**
 * Contract 3: the engine's one differentiable result is the log-probability of each completion token. An objective is
 * a pure function from those numbers to a loss, its derivative and metrics, in plain doubles. It touches no tensor.
 */
import type { Metrics } from '@tuiqiao/schema';

export interface ObjectiveResult {
  readonly loss: number;
  /** ∂loss/∂logProbs, same length and order as the input. */
  readonly dLogProbs: Float64Array;
  /** TRL's names. */
  readonly metrics: Metrics;
  readonly dEntropy?: Float64Array;
  readonly dMeanLogProbs?: Float64Array;
}
