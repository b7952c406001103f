/** Supervised fine-tuning and pretraining as an objective of the loop: weighted token-mean cross-entropy. */

import type { Example } from '../items.ts';
import type { Objective } from '../objective.ts';
import { lossRowCount } from '../packing.ts';
import { crossEntropy } from './cross-entropy.ts';

export interface SftOptions {
  /** Report `mean_token_accuracy` (an arg-max over the vocabulary per target). Default true. */
  readonly withAccuracy?: boolean;
  /** Share of the target spread evenly over the vocabulary. Default 0. */
  readonly labelSmoothing?: number;
}

/** The loss is divided by the weight of the whole step, so micro-batch boundaries change nothing. */
export function sftObjective(options: SftOptions = {}): Objective<Example> {
  const { labelSmoothing = 0 } = options;
  return {
    name: 'sft',
    needsMean: labelSmoothing > 0,
    needsHits: options.withAccuracy ?? true,
    sequences: (item) => [item],
    idOf: (item) => item.id,
    beginStep: (items) => {
      let totalWeight = 0;
      let totalTokens = 0;
      for (const item of items) totalTokens += rowsOf(item);
      for (const weight of rowWeights(items)) totalWeight += weight;
      // Nothing to learn in this step (all weights 0): no division by zero, no gradient.
      if (totalWeight === 0) totalWeight = 1;
      return {
        lossTokens: totalTokens,
        // With smoothing the loss has a second input, whose gradient the head's one-pass form does not carry.
        ...(labelSmoothing > 0
          ? {}
          : {
              knownGradient: (part: readonly Example[]) => rowWeights(part).map((weight) => -weight / totalWeight),
            }),
        evaluate: ({ items: part, logProbs, hits, meanLogProbs }) =>
          crossEntropy({
            logProbs,
            weights: rowWeights(part),
            totalWeight,
            totalTokens: Math.max(1, totalTokens),
            labelSmoothing,
            ...(hits === undefined ? {} : { hits }),
            ...(meanLogProbs === undefined ? {} : { meanLogProbs }),
          }),
      };
    },
  };
}

function rowsOf(item: Example): number {
  return lossRowCount(item.promptIds.length, item.completionIds.length);
}

/** [R] weight of each loss row, item after item. The first token of an item without prompt has no row. */
function rowWeights(items: readonly Example[]): Float32Array {
  const weights = new Float32Array(items.reduce((sum, item) => sum + rowsOf(item), 0));
  let row = 0;
  for (const item of items) {
    const rows = rowsOf(item);
    const { weight = 1 } = item;
    const skipped = item.completionIds.length - rows;
    for (let i = 0; i < rows; i++) weights[row + i] = typeof weight === 'number' ? weight : (weight[skipped + i] ?? 1);
    row += rows;
  }
  return weights;
}
