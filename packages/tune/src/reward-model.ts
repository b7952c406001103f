/**
 * A reward model: a language model with an adapter and, in place of the vocabulary head, a head that makes one number of
 * the last token's hidden state. As Transformers' `…ForSequenceClassification` with one label and TRL's RewardTrainer
 * have it; on disk a PEFT folder with `task_type: SEQ_CLS` and the head under `modules_to_save`.
 *
 * Legend: C hidden size, S sequences.
 */
import type { LanguageModel } from '@tuiqiao/lm';
import type { Metrics } from '@tuiqiao/schema';
import {
  type Arena,
  createArena,
  createLinear,
  createParameter,
  createRandom,
  disableGradient,
  initNormal,
  type Linear,
} from '@tuiqiao/tensor';
import { planMicroBatches } from './batching.ts';
import type { Dataset, PreferencePair } from './items.ts';
import type { Adapter } from './lora/adapter.ts';
import { loadAdapter, saveAdapter } from './lora/adapter-files.ts';
import { headScores } from './micro-batch.ts';
import type { Objective } from './objective.ts';
import { type BradleyTerryOptions, bradleyTerry, checkBradleyTerryOptions } from './objectives/bradley-terry.ts';
import { pairSequences } from './objectives/preference.ts';
import { watchCollapse } from './objectives/watch-preference.ts';
import type { Sequence } from './packing.ts';

/** Transformers' name of the head's weight. */
const SCORE_WEIGHT = 'score.weight';
/** Deviation of a new head's weights: Transformers' `initializer_range` of nearly every family. */
const HEAD_DEVIATION = 0.02;
/** Tokens of one pass without gradients. */
const SCORING_TOKENS = 4096;

/** A new, trainable head [1, C] without bias, in f32, called `score` as in Transformers. */
export function createScoreHead(model: LanguageModel, seed: number): Linear {
  const head = emptyScoreHead(model);
  initNormal(model.kernels, head.weight, createRandom(seed).fork('score'), HEAD_DEVIATION);
  return head;
}

function emptyScoreHead({ kernels, config }: LanguageModel): Linear {
  const options = { type: 'f32', computeType: 'f32', requiresGrad: true } as const;
  return createLinear('score', createParameter(kernels, SCORE_WEIGHT, [1, config.hiddenSize], options));
}

/** Writes adapter and head as PEFT saves a sequence classifier, each file atomically. */
export async function saveRewardModel(
  model: LanguageModel,
  adapter: Adapter,
  head: Linear,
  folder: string,
  options: { readonly baseModelName?: string } = {},
): Promise<void> {
  await saveAdapter(model.kernels, adapter, folder, { ...options, scoreHead: head.weight });
}

/**
 * Puts a saved reward model's adapter on its base, frozen, and reads its head.
 * @throws TuneError as `loadAdapter`; `adapter-format` for the adapter of a language model, or a head of several labels
 */
export async function loadRewardModel(
  model: LanguageModel,
  folder: string,
  options: { readonly name?: string } = {},
): Promise<{ readonly adapter: Adapter; readonly head: Linear }> {
  const head = emptyScoreHead(model);
  const adapter = await loadAdapter(model, folder, { ...options, scoreHead: head.weight });
  disableGradient(head.weight);
  return { adapter, head };
}

/**
 * Preference pairs through the head: −log σ(c − r − margin).
 * @throws TuneError `tune-objective` for values no formula is defined for
 */
export function rewardObjective(head: Linear, options: BradleyTerryOptions = {}): Objective<PreferencePair> {
  checkBradleyTerryOptions(options);
  return {
    name: 'bradley_terry',
    needsHits: false,
    scoreHead: head,
    inspectStep: watchCollapse('accuracy'),
    sequences: pairSequences,
    idOf: (item) => item.id,
    beginStep: (items) => ({
      lossTokens: items.reduce((sum, item) => sum + item.chosenIds.length + item.rejectedIds.length, 0),
      evaluate: ({ items: part, logProbs }) =>
        bradleyTerry({ scores: logProbs, margins: marginsOf(part), window: { pairs: items.length } }, options),
    }),
  };
}

function marginsOf(pairs: readonly PreferencePair[]): Float64Array {
  return Float64Array.from(pairs, ({ margin }) => margin ?? 0);
}

/**
 * The head's score of each sequence, [S]: any real number, meaningful only beside others.
 * @throws TuneError `tune-batching` for an empty sequence; the signal's reason when aborted
 */
export async function scoreRewards(
  model: LanguageModel,
  head: Linear,
  sequences: readonly Sequence[],
  options: { readonly arena?: Arena; readonly signal?: AbortSignal } = {},
): Promise<Float64Array> {
  const tokensOf = (i: number): number => sequences[i]!.promptIds.length + sequences[i]!.completionIds.length;
  const data = { length: sequences.length, tokensOf, item: (i: number) => sequences[i]! };
  const order = Int32Array.from(sequences, (_, i) => i);
  const bound = order.reduce((most, i) => Math.max(most, tokensOf(i)), SCORING_TOKENS);
  const arena = options.arena ?? createArena(model.kernels);
  const scores = new Float64Array(sequences.length);
  for (const part of planMicroBatches(data, order, bound)) {
    options.signal?.throwIfAborted();
    const found = await headScores(
      model,
      arena,
      head,
      Array.from(part, (i) => sequences[i]!),
    );
    for (const [place, i] of part.entries()) scores[i] = found[place]!;
  }
  return scores;
}

/** Held-out pairs: `eval_loss`, `eval_accuracy`, `eval_margin`, `eval_mean_reward` and its kin; and the scores, chosen and rejected in turn. */
export async function evaluateRewardModel(options: {
  readonly model: LanguageModel;
  readonly head: Linear;
  readonly data: Dataset<PreferencePair>;
  readonly objective?: BradleyTerryOptions;
  /** Step memory to use; its own by default. */
  readonly arena?: Arena;
  readonly signal?: AbortSignal | undefined;
}): Promise<{ readonly metrics: Metrics; readonly scores: Float64Array }> {
  const { model, head, data, arena, signal } = options;
  const pairs = Array.from({ length: data.length }, (_, index) => data.item(index));
  const scores = await scoreRewards(model, head, pairs.flatMap(pairSequences), {
    ...(arena === undefined ? {} : { arena }),
    ...(signal === undefined ? {} : { signal }),
  });
  const { loss, metrics } = bradleyTerry({ scores, margins: marginsOf(pairs) }, options.objective);
  return {
    metrics: Object.fromEntries(Object.entries({ loss, ...metrics }).map(([name, value]) => [`eval_${name}`, value])),
    scores,
  };
}
