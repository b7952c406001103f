/** GRPO and its relatives as objectives of the loop: completions the policy wrote itself, with what they earned. */

import type { Metrics } from '@tuiqiao/schema';
import { TuneError } from '../errors.ts';
import type { MicroBatchInput, Objective, ObjectiveResult, StepFinding } from '../objective.ts';
import { checkGrpoOptions, type GrpoOptions, grpo } from './grpo.ts';

/** What all completions of one rollout share. */
export interface RolloutFacts {
  /** Logged with every update made from the rollout. */
  readonly metrics: Metrics;
}

export interface RolloutItem {
  /** Named when something is wrong with it. */
  readonly id: string;
  readonly promptIds: ArrayLike<number>;
  /** Every token the policy chose, the stop token included. */
  readonly completionIds: ArrayLike<number>;
  readonly advantage: number;
  /** Of each completion token, added to `advantage`: what its own place earned. */
  readonly tokenAdvantages?: Float64Array;
  /** Out of the loss: it was cut at the length limit, and such completions are not to be learnt from. */
  readonly isMasked: boolean;
  /** Of each completion token, under the policy that wrote it; absent when only one update is made from a rollout. */
  readonly old?: Float64Array;
  /** Of each completion token, under the frozen reference. */
  readonly reference?: Float64Array;
  readonly rollout: RolloutFacts;
}

export interface OnPolicyOptions extends GrpoOptions {
  /**
   * At which the completions were sampled: ratio, KL and entropy are those of that distribution, as in TRL's GRPOTrainer.
   * The rollouts' own must be the same. Default 1.
   */
  readonly temperature?: number;
  /** The most a completion can earn: equal rewards there mean that all is learnt, elsewhere that nothing is. */
  readonly highestReward?: number;
}

/** Steps in a row in which no group told good from bad, before it is said, and before the run is stopped. */
const STUCK_WARNING_STEPS = 3;
const STUCK_STOP_STEPS = 10;

/** @throws TuneError `tune-objective` for values no formula is defined for. */
export function grpoObjective(options: OnPolicyOptions): Objective<RolloutItem> {
  checkGrpoOptions(options);
  const inspectRewards = watchRewards(options.highestReward);
  const hasEntropyBonus = (options.entropyCoefficient ?? 0) !== 0;
  // With neither KL nor entropy, no advantage means no gradient: such completions are not even read.
  const isSilent = (item: RolloutItem): boolean =>
    item.isMasked || (hasNoAdvantage(item) && options.beta === 0 && !hasEntropyBonus);
  return {
    name: options.loss,
    needsHits: false,
    temperature: options.temperature ?? 1,
    needsEntropy: hasEntropyBonus,
    sequences: (item) => (isSilent(item) ? [] : [completionSequence(item)]),
    idOf: (item) => item.id,
    inspectStep: (step, _loss, metrics) => inspectRewards(step, metrics),
    beginStep: (items) => {
      let tokens = 0;
      for (const item of items) if (!item.isMasked) tokens += item.completionIds.length;
      const metrics = items[0]?.rollout.metrics;
      return {
        lossTokens: tokens,
        ...(metrics === undefined ? {} : { metrics }),
        evaluate: (input) => evaluate(input, options, { completions: items.length, tokens }, isSilent),
      };
    },
  };
}

function hasNoAdvantage({ advantage, tokenAdvantages }: RolloutItem): boolean {
  return advantage === 0 && (tokenAdvantages?.every((value) => value === 0) ?? true);
}

function evaluate(
  { items, logProbs, rowOffsets, entropy }: MicroBatchInput<RolloutItem>,
  options: GrpoOptions,
  window: { readonly completions: number; readonly tokens: number },
  isSilent: (item: RolloutItem) => boolean,
): ObjectiveResult {
  const heard = items.filter((item) => !isSilent(item));
  const collect = (pick: (item: RolloutItem) => Float64Array | undefined): Float64Array | undefined => {
    const all = new Float64Array(logProbs.length);
    for (const [s, item] of heard.entries()) {
      const values = pick(item);
      if (values === undefined) return undefined;
      all.set(values, rowOffsets[s]!);
    }
    return all;
  };
  const old = collect((item) => item.old);
  const hasCredit = heard.some((item) => item.tokenAdvantages !== undefined);
  const tokenAdvantages = hasCredit
    ? collect((item) => item.tokenAdvantages ?? new Float64Array(item.completionIds.length))
    : undefined;
  const reference = options.beta === 0 ? undefined : collect((item) => item.reference);
  return grpo(
    {
      logProbs,
      offsets: rowOffsets,
      advantages: Float64Array.from(heard, (item) => item.advantage),
      window,
      ...(tokenAdvantages === undefined ? {} : { tokenAdvantages }),
      ...(old === undefined ? {} : { old }),
      ...(reference === undefined ? {} : { reference }),
      ...(entropy === undefined ? {} : { entropy }),
    },
    options,
  );
}

/** @throws TuneError `grpo-rollout` for a completion without a prompt: its first token would have no log-probability. */
export function completionSequence({ id, promptIds, completionIds }: RolloutItem) {
  if (promptIds.length === 0 || completionIds.length === 0) {
    throw new TuneError('grpo-rollout', `completion ${id}: expected a prompt and at least one token, got an empty one`);
  }
  return { promptIds, completionIds };
}

/** Looks for rewards that cannot teach: the same for all completions of every group, or one function that never moves. */
function watchRewards(highestReward: number | undefined): (step: number, metrics: Metrics) => StepFinding | null {
  let equalSteps = 0;
  const still = new Map<string, number>();
  return (step, metrics) => {
    const reward = metrics.reward;
    if (reward === undefined) return null;
    equalSteps = metrics.frac_reward_zero_std === 1 ? equalSteps + 1 : 0;
    if (equalSteps === STUCK_WARNING_STEPS || equalSteps === STUCK_STOP_STEPS) {
      const isLearnt = highestReward !== undefined && reward >= highestReward - 1e-9;
      return {
        code: 'grpo-rewards-stuck',
        message: `step ${step}: every completion of each group has earned the same (reward ${reward.toPrecision(4)}) for ${equalSteps} steps: there is nothing to learn from`,
        hint: isLearnt
          ? 'all rewards are at their highest: the run can end'
          : 'look at samples and at rewards/*: a gate nobody passes, texts in another script than the reward expects, or a temperature too low',
        isFatal: equalSteps === STUCK_STOP_STEPS && !isLearnt,
      };
    }
    for (const name of Object.keys(metrics)) {
      const match = /^rewards\/(.+)\/std$/u.exec(name);
      if (match === null) continue;
      const steps = metrics[name] === 0 && metrics[`rewards/${match[1]}/mean`] === 0 ? (still.get(name) ?? 0) + 1 : 0;
      still.set(name, steps);
      if (steps !== STUCK_STOP_STEPS) continue;
      return {
        code: 'grpo-rewards-stuck',
        message: `step ${step}: reward ${match[1]} has been 0 for every completion of ${steps} steps`,
        hint: 'the reward may not understand what the model writes (script, punctuation), or its gate never opens',
        isFatal: false,
      };
    }
    return null;
  };
}
