/** Unpaired KTO as an objective of the loop: each completion beside its mismatched partner in one packed batch. */
import type { LanguageModel } from '@tuiqiao/lm';
import type { Metrics } from '@tuiqiao/schema';
import type { Arena } from '@tuiqiao/tensor';
import { TuneError } from '../errors.ts';
import type { Dataset } from '../items.ts';
import { computeTypeOf } from '../micro-batch.ts';
import type { Objective } from '../objective.ts';
import type { Sequence } from '../packing.ts';
import type { ReferenceKind } from '../reference.ts';
import { type ScoreOptions, scoreCompletions } from '../score.ts';
import { checkKtoOptions, type KtoOptions, kto } from './kto.ts';
import { sumRange } from './scalar.ts';
import { watchStillness } from './watch-preference.ts';

export interface UnpairedExample {
  readonly id: string;
  readonly promptIds: ArrayLike<number>;
  readonly completionIds: ArrayLike<number>;
  readonly isDesirable: boolean;
  /** Completion of another prompt: what the KL estimate reads after this one's. */
  readonly mismatchedIds: ArrayLike<number>;
}

/** Summed log-probabilities under the frozen reference, by index in the data set. */
export interface UnpairedReference {
  readonly completions: Float64Array;
  readonly mismatched: Float64Array;
}

/**
 * Gives every example the completion of the one before it, as TRL does inside a batch; here once for the whole data set,
 * and never the completion of an equal prompt.
 *
 * @throws TuneError `dpo-pairs` when all prompts are equal: nothing can be mismatched
 */
export function unpairedDataset(examples: readonly Omit<UnpairedExample, 'mismatchedIds'>[]): Dataset<UnpairedExample> {
  const prompts = examples.map(({ promptIds }) => Array.from(promptIds).join());
  const items = examples.map((example, i): UnpairedExample => {
    for (let back = 1; back < examples.length; back++) {
      const other = (i - back + examples.length) % examples.length;
      if (prompts[other] !== prompts[i]) return { ...example, mismatchedIds: examples[other]!.completionIds };
    }
    throw new TuneError('dpo-pairs', 'kto: expected at least two different prompts, got one in every example');
  });
  return {
    length: items.length,
    tokensOf: (index) => {
      const { promptIds, completionIds, mismatchedIds } = items[index]!;
      return 2 * promptIds.length + completionIds.length + mismatchedIds.length;
    },
    item: (index) => items[index]!,
  };
}

/** To be called before training begins, or with the reference in the policy's place. */
export async function computeUnpairedReference(
  model: LanguageModel,
  data: Dataset<UnpairedExample>,
  options: Pick<ScoreOptions, 'arena' | 'signal'> = {},
): Promise<UnpairedReference> {
  const items = Array.from({ length: data.length }, (_, index) => data.item(index));
  const scored = await scoreCompletions(model, items.flatMap(unpairedSequences), options);
  const sums = scored.map((logProbs) => sumRange(logProbs, 0, logProbs.length));
  const completions = Float64Array.from(items, (_, index) => sums[2 * index]!);
  const mismatched = Float64Array.from(items, (_, index) => sums[2 * index + 1]!);
  return { completions, mismatched };
}

/** Largest |policy − reference| per token, in nats, that rounding can explain. */
const START_TOLERANCE = { f32: 1e-3, bf16: 5e-2 } as const;
/** Examples compared. */
const START_EXAMPLES = 16;

/**
 * Before step 1: policy and a `start` reference must say the same of the first examples.
 *
 * @returns a sentence for the run's notes
 * @throws TuneError `kto-start-mismatch`
 */
export async function checkUnpairedStart(
  model: LanguageModel,
  data: Dataset<UnpairedExample>,
  references: UnpairedReference,
  kind: ReferenceKind,
  options: Pick<ScoreOptions, 'arena'> = {},
): Promise<string> {
  const count = Math.min(START_EXAMPLES, data.length);
  const first = { length: count, tokensOf: data.tokensOf, item: data.item };
  const policy = await computeUnpairedReference(model, first, options);
  let largest = 0;
  let largestPerToken = 0;
  for (let i = 0; i < count; i++) {
    const difference = Math.abs(policy.completions[i]! - references.completions[i]!);
    const perToken = difference / data.item(i).completionIds.length;
    // Comparisons that NaN fails, so that a broken reference does not pass.
    if (!(difference <= largest)) largest = difference;
    if (!(perToken <= largestPerToken)) largestPerToken = perToken;
  }
  const tolerance = START_TOLERANCE[computeTypeOf(model)];
  if (kind === 'start' && !(largestPerToken <= tolerance)) {
    throw new TuneError(
      'kto-start-mismatch',
      `reference: expected the policy's own log-probabilities at step 0 within ${tolerance} per token, got a difference of ${largestPerToken.toPrecision(3)}`,
      { hint: 'the reference was frozen after training had begun, or from another adapter' },
    );
  }
  return `policy and reference at the start: largest difference of an answer's log-probability ${largest.toExponential(2)} over ${count} answers`;
}

/** Held-out answers: `eval_loss`, `eval_kl`, `eval_rewards/chosen` and the other metrics of the loss, KL over all of them. */
export async function evaluateUnpaired(options: {
  readonly model: LanguageModel;
  readonly data: Dataset<UnpairedExample>;
  readonly references: UnpairedReference;
  readonly objective: KtoOptions;
  /** Step memory to use; its own by default. */
  readonly arena?: Arena;
  readonly signal?: AbortSignal | undefined;
}): Promise<Metrics> {
  const { model, data, references, arena, signal } = options;
  const policy = await computeUnpairedReference(model, data, {
    ...(arena === undefined ? {} : { arena }),
    ...(signal === undefined ? {} : { signal }),
  });
  const { loss, metrics } = kto(
    {
      // The loss reads sums only: one number a completion.
      logProbs: policy.completions,
      offsets: Int32Array.from({ length: data.length + 1 }, (_, i) => i),
      reference: references.completions,
      isDesirable: Array.from({ length: data.length }, (_, i) => data.item(i).isDesirable),
      mismatched: { policy: policy.mismatched, reference: references.mismatched },
    },
    options.objective,
  );
  return Object.fromEntries(Object.entries({ loss, ...metrics }).map(([name, value]) => [`eval_${name}`, value]));
}

/** @throws TuneError `tune-objective` for values no formula is defined for. */
export function ktoObjective(options: KtoOptions, references: UnpairedReference): Objective<UnpairedExample> {
  checkKtoOptions(options);
  return {
    name: options.loss ?? 'kto',
    needsHits: false,
    inspectStep: watchStillness(),
    sequences: unpairedSequences,
    idOf: (item) => item.id,
    beginStep: (items) => {
      const desirable = items.filter((item) => item.isDesirable).length;
      const window = { desirable, undesirable: items.length - desirable };
      return {
        lossTokens: items.reduce((sum, item) => sum + item.completionIds.length, 0),
        evaluate: ({ items: part, indexes, logProbs, rowOffsets }) => {
          const own = gatherRows(logProbs, rowOffsets, 0);
          const other = gatherRows(logProbs, rowOffsets, 1);
          const result = kto(
            {
              logProbs: own.logProbs,
              offsets: own.offsets,
              reference: Float64Array.from(indexes, (index) => references.completions[index]!),
              isDesirable: part.map((item) => item.isDesirable),
              mismatched: {
                policy: Float64Array.from(part, (_, s) =>
                  sumRange(other.logProbs, other.offsets[s]!, other.offsets[s + 1]!),
                ),
                reference: Float64Array.from(indexes, (index) => references.mismatched[index]!),
              },
              window,
            },
            options,
          );
          // The mismatched rows carry no gradient: the KL estimate is a constant.
          const dLogProbs = new Float64Array(logProbs.length);
          for (let s = 0; s < part.length; s++) {
            dLogProbs.set(result.dLogProbs.subarray(own.offsets[s]!, own.offsets[s + 1]!), rowOffsets[2 * s]!);
          }
          return { ...result, dLogProbs };
        },
      };
    },
  };
}

/** The rows of every second sequence, from `first` on, laid end to end. */
function gatherRows(logProbs: Float64Array, rowOffsets: Int32Array, first: 0 | 1) {
  const count = (rowOffsets.length - 1) / 2;
  const offsets = new Int32Array(count + 1);
  const parts: number[] = [];
  for (let s = 0; s < count; s++) {
    for (let r = rowOffsets[2 * s + first]!; r < rowOffsets[2 * s + first + 1]!; r++) parts.push(logProbs[r]!);
    offsets[s + 1] = parts.length;
  }
  return { logProbs: Float64Array.from(parts), offsets };
}

/** @throws TuneError `dpo-pairs` for an example without a prompt: its first tokens would have no log-probability. */
function unpairedSequences({ id, promptIds, completionIds, mismatchedIds }: UnpairedExample): Sequence[] {
  if (promptIds.length === 0 || completionIds.length === 0 || mismatchedIds.length === 0) {
    throw new TuneError('dpo-pairs', `example ${id}: expected a prompt and completions, got an empty one`);
  }
  return [
    { promptIds, completionIds },
    { promptIds, completionIds: mismatchedIds },
  ];
}
