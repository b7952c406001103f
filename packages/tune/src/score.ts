/** Log-probabilities of given completions, by the pass that training makes, without gradients or dropout. */
import type { LanguageModel } from '@tuiqiao/lm';
import { type Arena, createArena } from '@tuiqiao/tensor';
import { planMicroBatches } from './batching.ts';
import { scoreSequences } from './micro-batch.ts';
import type { Sequence } from './packing.ts';

export interface ScoreOptions {
  /** Default 4,096 or the longest sequence. */
  readonly maxTokensPerMicroBatch?: number;
  /** Of softmax(logits / temperature). Default 1: the model as it is. */
  readonly temperature?: number;
  /** Step memory to use; its own by default. */
  readonly arena?: Arena;
  readonly signal?: AbortSignal;
}

const DEFAULT_TOKENS = 4096;

/**
 * Of every sequence, the log-probability of each completion token in nats.
 * @throws TuneError `tune-batching` for an empty sequence, or one longer than the bound; the signal's reason when aborted
 */
export async function scoreCompletions(
  model: LanguageModel,
  sequences: readonly Sequence[],
  options: ScoreOptions = {},
): Promise<Float64Array[]> {
  const tokensOf = (i: number): number => sequences[i]!.promptIds.length + sequences[i]!.completionIds.length;
  const data = { length: sequences.length, tokensOf, item: (i: number) => sequences[i]! };
  const order = Int32Array.from(sequences, (_, i) => i);
  const longest = order.reduce((most, i) => Math.max(most, tokensOf(i)), DEFAULT_TOKENS);
  const arena = options.arena ?? createArena(model.kernels);
  const scored: Float64Array[] = [];
  for (const part of planMicroBatches(data, order, options.maxTokensPerMicroBatch ?? longest)) {
    options.signal?.throwIfAborted();
    const { logProbs, rowOffsets } = await scoreSequences(
      model,
      arena,
      Array.from(part, (i) => sequences[i]!),
      options.temperature === undefined ? {} : { temperature: options.temperature },
    );
    for (const [s, i] of part.entries()) scored[i] = logProbs.slice(rowOffsets[s]!, rowOffsets[s + 1]!);
  }
  return scored;
}
