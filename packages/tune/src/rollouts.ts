/**
 * On-policy data: prompts → a group of completions each, sampled from the model as it is → rewards → advantages → the
 * items of the next optimizer steps. A rollout is a pure function of weights, seed and position, so resuming at its
 * start needs nothing else; in the midst of one (several updates from a rollout) the checkpoint carries it.
 */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type GeneratedSequence, generate, type LanguageModel, type SamplingOptions } from '@tuiqiao/lm';
import type { Metrics } from '@tuiqiao/schema';
import { type Arena, createArena, createRandom } from '@tuiqiao/tensor';
import { type DataPosition, planEpoch } from './batching.ts';
import { TuneError } from './errors.ts';
import type { FrozenReference } from './frozen-reference.ts';
import { creditAdvantages, groupAdvantages } from './objectives/advantages.ts';
import { completionSequence, type RolloutItem } from './objectives/on-policy.ts';
import { rolloutMetrics } from './rollout-metrics.ts';
import { scoreCompletions } from './score.ts';
import type { StepSource } from './step-source.ts';

export interface RolloutPrompt {
  readonly id: string;
  readonly promptIds: readonly number[];
}

/** One completion, as rewards see it. */
export interface Completion {
  /** Index of the prompt in the list. */
  readonly prompt: number;
  /** Without the stop token. */
  readonly ids: readonly number[];
  /** False when it was cut at the length limit. */
  readonly isFinished: boolean;
  /** Of each token and then of the stop token, under the frozen reference at the sampling temperature, where there is one. */
  readonly reference: Float64Array | null;
}

export interface CompletionScores {
  /** [N] what advantages are made of; NaN where no reward applies. */
  readonly totals: ArrayLike<number>;
  /** By reward: [N], for the log. */
  readonly parts: Readonly<Record<string, ArrayLike<number>>>;
  /**
   * [N] of each token of a completion, its stop token included: what is known of that token alone, e.g. −1 where a rule is
   * broken; null where nothing is. Compared with the tokens at the same place of the group.
   */
  readonly credits?: readonly (Float64Array | null)[];
  /** Further measures by the name they are logged under: [N], their means. */
  readonly facts?: Readonly<Record<string, ArrayLike<number>>>;
}

export interface Rollout {
  /** The optimizer step it was written for, from 1. */
  readonly step: number;
  /** Groups of `groupSize`, in the order of their prompts. */
  readonly completions: readonly Completion[];
  readonly scores: CompletionScores;
  readonly advantages: Float64Array;
}

export interface RolloutOptions {
  readonly model: LanguageModel;
  readonly prompts: readonly RolloutPrompt[];
  readonly seed: number;
  readonly promptsPerRollout: number;
  /** Completions of each prompt, at least 2. */
  readonly groupSize: number;
  /** Times the completions of a rollout are learnt from. Default 1. */
  readonly iterations?: number;
  /** Optimizer steps each time: every one takes its share of the groups. Default 1. */
  readonly stepsPerRollout?: number;
  /** Weight of `credits` beside the advantage of the whole completion. Default 1. */
  readonly creditWeight?: number;
  readonly sampling?: SamplingOptions;
  readonly maxNewTokens: number;
  /** Ends a completion. */
  readonly stopId: number;
  /** Completions written at the same time. Default: all of a rollout, at most 128. */
  readonly slots?: number;
  /** Whole groups come together, so that a reward can compare a completion with its neighbours. */
  readonly score: (completions: readonly Completion[], step: number) => CompletionScores | Promise<CompletionScores>;
  /** Divisor of advantages. Default `group`. */
  readonly scale?: 'group' | 'batch' | 'none';
  /** Scores every completion, for the KL term or for rewards. */
  readonly reference?: FrozenReference;
  /** Leave completions that were cut out of the loss. Default false: to be cut is a fault, and rewards say so. */
  readonly masksTruncated?: boolean;
  /** Default 4,096. */
  readonly maxTokensPerMicroBatch?: number;
  /** Step memory to use; its own by default. */
  readonly arena?: Arena;
  readonly onRollout?: (rollout: Rollout) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

const MAX_SLOTS = 128;
const DEFAULT_TOKENS = 4096;
const STATE_FILE = 'rollout.json';

/** A rollout and the steps still to be made from it. */
interface Current {
  readonly firstStep: number;
  readonly items: readonly RolloutItem[];
}

/** @throws TuneError `grpo-rollout` for options that make no groups */
export function rolloutSource(options: RolloutOptions): StepSource<RolloutItem> {
  const { prompts, seed, groupSize, promptsPerRollout } = options;
  const parts = options.stepsPerRollout ?? 1;
  /** Optimizer steps made from one rollout. */
  const iterations = (options.iterations ?? 1) * parts;
  checkRollouts(options, iterations);
  const bound = options.maxTokensPerMicroBatch ?? DEFAULT_TOKENS;
  const arena = options.arena ?? createArena(options.model.kernels);
  const data = { length: prompts.length, tokensOf: () => 1, item: (index: number) => prompts[index]! };
  const plan = (epoch: number) => planEpoch(data, { seed, itemsPerStep: promptsPerRollout }, epoch);
  let current: Current | null = null;

  const itemsOf = async ({ epoch, stepInEpoch }: DataPosition, step: number): Promise<Current> => {
    const rollout = Math.floor(stepInEpoch / iterations);
    if (stepInEpoch % iterations !== 0) {
      if (current !== null) return current;
      throw new TuneError('checkpoint-format', `step ${step}: expected the rollout it belongs to, got none`, {
        hint: `the checkpoint lacks ${STATE_FILE}; start from an older one`,
      });
    }
    const drawn = Array.from(plan(epoch)[rollout]!).flatMap((index) => Array<number>(groupSize).fill(index));
    const rolloutSeed = createRandom(seed).fork(`rollout ${epoch} ${rollout}`).bits();
    const items = await writeRollout(options, arena, bound, drawn, rolloutSeed, step);
    return { firstStep: step, items };
  };

  return {
    seed,
    maxTokensPerMicroBatch: bound,
    fingerprint: {
      prompts: prompts.length,
      promptLengths: prompts.reduce((hash, { promptIds }) => (Math.imul(hash, 31) + promptIds.length) | 0, 7),
      promptsPerRollout,
      groupSize,
      iterations,
      parts,
      maxNewTokens: options.maxNewTokens,
      microBatchTokens: bound,
    },
    stepsInEpoch: () => Math.ceil(prompts.length / promptsPerRollout) * iterations,
    itemsAt: async (position, step) => {
      current = await itemsOf(position, step);
      const items = partOf(current.items, position.stepInEpoch % parts, parts, groupSize);
      return {
        items,
        indexes: Int32Array.from(items, (_, i) => i),
        tokens: items.map((item) => item.promptIds.length + item.completionIds.length),
      };
    },
    saveState: async (folder, step) => {
      if (current === null || step - current.firstStep + 1 >= iterations) return;
      await writeFile(path.join(folder, STATE_FILE), formatState(current));
    },
    loadState: async (folder) => {
      const file = path.join(folder, STATE_FILE);
      current = existsSync(file) ? parseState(await readFile(file, 'utf8')) : null;
    },
  };
}

/** The part's share of the groups; whole groups stay together. */
function partOf(items: readonly RolloutItem[], part: number, parts: number, groupSize: number): readonly RolloutItem[] {
  const groups = items.length / groupSize;
  const from = (index: number): number => Math.round((index * groups) / parts) * groupSize;
  return items.slice(from(part), from(part + 1));
}

function checkRollouts(options: RolloutOptions, iterations: number): void {
  const refuse = (what: string, got: unknown): never => {
    throw new TuneError('grpo-rollout', `rollout: expected ${what}, got ${got}`);
  };
  const { groupSize, promptsPerRollout, prompts } = options;
  if (!(Number.isInteger(groupSize) && groupSize >= 2)) refuse('groups of 2 or more', groupSize);
  if (!(Number.isInteger(promptsPerRollout) && promptsPerRollout >= 1)) refuse('1 prompt or more', promptsPerRollout);
  if (!(Number.isInteger(iterations) && iterations >= 1)) refuse('1 iteration or more', iterations);
  if (prompts.length === 0) refuse('prompts', 'none');
}

/** @param drawn prompt of each completion, `groupSize` neighbours alike */
async function writeRollout(
  options: RolloutOptions,
  arena: Arena,
  bound: number,
  drawn: readonly number[],
  seed: number,
  step: number,
): Promise<RolloutItem[]> {
  const { model, prompts, stopId, maxNewTokens, groupSize, signal } = options;
  const written = await generate(
    model,
    drawn.map((index) => prompts[index]!.promptIds),
    {
      ...options.sampling,
      maxNewTokens,
      stopIds: [stopId],
      seed,
      slots: options.slots ?? Math.min(MAX_SLOTS, drawn.length),
      ...(signal === undefined ? {} : { signal }),
    },
  );
  const bare = written.map((sequence, i) => toItem(sequence, prompts[drawn[i]!]!, stopId, i));
  const scoreAll = () =>
    scoreCompletions(model, bare.map(completionSequence), {
      arena,
      maxTokensPerMicroBatch: bound,
      // Of the distribution the completions are drawn from. At 0 nothing is drawn, and the model's own is meant.
      temperature: options.sampling?.temperature || 1,
      ...(signal === undefined ? {} : { signal }),
    });
  const reference = options.reference === undefined ? null : await options.reference.during(scoreAll);
  const completions = written.map(
    (sequence, i): Completion => ({
      prompt: drawn[i]!,
      ids: sequence.ids,
      isFinished: sequence.finish === 'stop',
      reference: reference?.[i] ?? null,
    }),
  );
  const scores = await options.score(completions, step);
  const scale = options.scale ?? 'group';
  const groups = groupAdvantages(
    completions.map((_, i) => [scores.totals[i] ?? Number.NaN]),
    { groupSize, scale },
  );
  const hasManySteps = (options.iterations ?? 1) * (options.stepsPerRollout ?? 1) > 1;
  const old = hasManySteps ? await scoreAll() : null;
  const credits = scores.credits === undefined ? null : creditAdvantages(scores.credits, groupSize);
  const creditWeight = options.creditWeight ?? 1;
  await options.onRollout?.({ step, completions, scores, advantages: groups.advantages });
  const rollout = { metrics: rolloutMetrics(completions, scores, groups, scale) };
  return bare.map((item, i) => ({
    ...item,
    advantage: groups.advantages[i]!,
    ...(credits === null ? {} : { tokenAdvantages: credits[i]!.map((value) => creditWeight * value) }),
    isMasked: options.masksTruncated === true && !completions[i]!.isFinished,
    ...(old === null ? {} : { old: old[i]! }),
    ...(reference === null ? {} : { reference: reference[i]! }),
    rollout,
  }));
}

function toItem(sequence: GeneratedSequence, prompt: RolloutPrompt, stopId: number, place: number): RolloutItem {
  const completionIds = sequence.finish === 'stop' ? [...sequence.ids, stopId] : [...sequence.ids];
  return {
    id: `${prompt.id} #${place}`,
    promptIds: prompt.promptIds,
    completionIds,
    advantage: 0,
    isMasked: false,
    rollout: { metrics: {} },
  };
}

/** As in the file; JSON keeps doubles exactly. */
interface StoredRollout {
  readonly firstStep: number;
  readonly metrics: Metrics;
  readonly items: readonly {
    readonly id: string;
    readonly promptIds: number[];
    readonly completionIds: number[];
    readonly advantage: number;
    readonly isMasked: boolean;
    readonly tokenAdvantages?: number[];
    readonly old?: number[];
    readonly reference?: number[];
  }[];
}

function formatState({ firstStep, items }: Current): string {
  const stored: StoredRollout = {
    firstStep,
    metrics: items[0]?.rollout.metrics ?? {},
    items: items.map(({ id, promptIds, completionIds, advantage, tokenAdvantages, isMasked, old, reference }) => ({
      id,
      promptIds: Array.from(promptIds),
      completionIds: Array.from(completionIds),
      advantage,
      isMasked,
      ...(tokenAdvantages === undefined ? {} : { tokenAdvantages: Array.from(tokenAdvantages) }),
      ...(old === undefined ? {} : { old: Array.from(old) }),
      ...(reference === undefined ? {} : { reference: Array.from(reference) }),
    })),
  };
  return JSON.stringify(stored);
}

/** @throws TuneError `checkpoint-format` */
function parseState(text: string): Current {
  try {
    const { firstStep, metrics, items } = JSON.parse(text) as StoredRollout;
    const rollout = { metrics };
    return {
      firstStep,
      items: items.map(({ tokenAdvantages, old, reference, ...item }) => ({
        ...item,
        ...(tokenAdvantages === undefined ? {} : { tokenAdvantages: Float64Array.from(tokenAdvantages) }),
        ...(old === undefined ? {} : { old: Float64Array.from(old) }),
        ...(reference === undefined ? {} : { reference: Float64Array.from(reference) }),
        rollout,
      })),
    };
  } catch (cause) {
    throw new TuneError('checkpoint-format', `${STATE_FILE}: expected a rollout, got a damaged file`, { cause });
  }
}
