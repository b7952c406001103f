/**
 * Supervised fine-tuning and pretraining: weighted mean negative log-probability of the target tokens. The divisor is
 * the weight of the whole accumulation window, so that one batch of 4 and four batches of 1 give the same gradient.
 *
 *     loss = −Σ_r w[r]·((1 − ε)·logProbs[r] + ε·meanLogProbs[r]) / W,   W = Σ w over the window, ε: label smoothing
 */
import type { ObjectiveResult } from '../objective.ts';

export interface CrossEntropyInput {
  /** [R] log-probabilities of the targets. */
  readonly logProbs: Float64Array;
  /** [R] weight of each target; 1 everywhere when absent. */
  readonly weights?: Float64Array | Float32Array;
  /** Total weight of the accumulation window; that of this input when absent. */
  readonly totalWeight?: number;
  /** [R] 1 where the arg-max token is the target; gives `mean_token_accuracy`. */
  readonly hits?: Uint8Array;
  /** Targets in the accumulation window, the divisor of the accuracy; R when absent. */
  readonly totalTokens?: number;
  /** Share of the target spread evenly over the vocabulary, as transformers' LabelSmoother; needs `meanLogProbs`. */
  readonly labelSmoothing?: number;
  /** [R] mean log-probability over the vocabulary. */
  readonly meanLogProbs?: Float64Array;
}

/** Loss, −w/W per target, and the input's share of the window's metrics (`mean_token_accuracy`). */
export function crossEntropy(input: CrossEntropyInput): ObjectiveResult {
  const { logProbs, weights, hits, meanLogProbs, labelSmoothing = 0 } = input;
  const smoothing = meanLogProbs === undefined ? 0 : labelSmoothing;
  const count = logProbs.length;
  let totalWeight = input.totalWeight ?? 0;
  if (input.totalWeight === undefined) for (let r = 0; r < count; r++) totalWeight += weights?.[r] ?? 1;
  const dLogProbs = new Float64Array(count);
  const dMeanLogProbs = smoothing === 0 ? undefined : new Float64Array(count);
  let sum = 0;
  let correct = 0;
  for (let r = 0; r < count; r++) {
    const weight = weights?.[r] ?? 1;
    sum += weight * ((1 - smoothing) * logProbs[r]! + smoothing * (meanLogProbs?.[r] ?? 0));
    dLogProbs[r] = (-weight * (1 - smoothing)) / totalWeight;
    if (dMeanLogProbs !== undefined) dMeanLogProbs[r] = (-weight * smoothing) / totalWeight;
    correct += hits?.[r] ?? 0;
  }
  const metrics: Record<string, number> = {};
  if (hits !== undefined) metrics.mean_token_accuracy = correct / (input.totalTokens ?? count);
  return { loss: -sum / totalWeight, dLogProbs, metrics, ...(dMeanLogProbs === undefined ? {} : { dMeanLogProbs }) };
}
