/** Validation: the training loss and token accuracy over a data set, without gradients or dropout. */
import type { LanguageModel } from '@tuiqiao/lm';
import type { Metrics } from '@tuiqiao/schema';
import { type Arena, createArena } from '@tuiqiao/tensor';
import { planMicroBatches } from './batching.ts';
import type { Dataset, Example } from './items.ts';
import { scoreSequences } from './micro-batch.ts';

export interface EvaluateLossOptions {
  readonly model: LanguageModel;
  readonly data: Dataset<Example>;
  /** Default 4,096 or the longest example. */
  readonly maxTokensPerMicroBatch?: number;
  /** Step memory to use; its own by default. */
  readonly arena?: Arena;
  readonly signal?: AbortSignal;
}

const DEFAULT_TOKENS = 4096;

/**
 * `eval_loss` (nats per loss token, weights ignored), `eval_mean_token_accuracy`, `eval_tokens`.
 * @throws the signal's reason when aborted
 */
export async function evaluateLoss(options: EvaluateLossOptions): Promise<Metrics> {
  const { model, data } = options;
  const order = Int32Array.from({ length: data.length }, (_, i) => i);
  const longest = order.reduce((most, i) => Math.max(most, data.tokensOf(i)), 1);
  const arena = options.arena ?? createArena(model.kernels);
  let sum = 0;
  let rows = 0;
  let hits = 0;
  const bound = options.maxTokensPerMicroBatch ?? Math.max(DEFAULT_TOKENS, longest);
  for (const indexes of planMicroBatches(data, order, bound)) {
    options.signal?.throwIfAborted();
    const scored = await scoreSequences(
      model,
      arena,
      Array.from(indexes, (i) => data.item(i)),
      { withHits: true },
    );
    for (const [r, value] of scored.logProbs.entries()) {
      sum += value;
      hits += scored.hits?.[r] ?? 0;
    }
    rows += scored.logProbs.length;
  }
  return {
    eval_loss: rows === 0 ? 0 : -sum / rows,
    eval_mean_token_accuracy: rows === 0 ? 0 : hits / rows,
    eval_tokens: rows,
  };
}
