/**
 * Kahneman-Tversky optimisation (Ethayarajh 2024) over unpaired completions, each marked desirable or not, as a function
 * of log-probabilities, in doubles. Formulas are those of TRL's KTOTrainer.
 *
 * Legend: S completions; c the log-ratio log π − log π_ref of a completion (sum over tokens); z the KL estimate
 * max(0, mean of the log-ratios of mismatched prompt and completion), a constant in the backward pass.
 */
import { TuneError } from '../errors.ts';
import type { ObjectiveResult } from '../objective.ts';
import { sigmoid, sumRange } from './scalar.ts';

export const ktoLosses = ['kto', 'apo_zero_unpaired'] as const;

export type KtoLoss = (typeof ktoLosses)[number];

export interface KtoOptions {
  /** TRL's `loss_type`. Default `kto`. */
  readonly loss?: KtoLoss;
  readonly beta: number;
  /** Weights of the two kinds; the divisor stays the number of completions. Default 1. */
  readonly desirableWeight?: number;
  readonly undesirableWeight?: number;
}

export interface KtoInput {
  /** Log-probability of every completion token of the policy, completion after completion. */
  readonly logProbs: Float64Array;
  /** [S + 1] where each completion begins in `logProbs`. */
  readonly offsets: Int32Array;
  /** [S] summed reference log-probability of each completion. */
  readonly reference: Float64Array;
  /** [S] */
  readonly isDesirable: readonly boolean[];
  /** Summed log-probabilities of mismatched completions under policy and reference; not used by `apo_zero_unpaired`. */
  readonly mismatched?: { readonly policy: Float64Array; readonly reference: Float64Array };
  /** Totals of the accumulation window when the input is a part of it: the divisors of the means. */
  readonly window?: { readonly desirable: number; readonly undesirable: number };
}

/** @throws TuneError `tune-objective` for values no formula is defined for. */
export function checkKtoOptions(options: KtoOptions): void {
  if (!(options.beta > 0)) throw new TuneError('tune-objective', `beta: expected a number > 0, got ${options.beta}`);
  for (const name of ['desirableWeight', 'undesirableWeight'] as const) {
    const value = options[name] ?? 1;
    if (!(value >= 0)) throw new TuneError('tune-objective', `${name}: expected a number ≥ 0, got ${value}`);
  }
}

/**
 *     kto                desirable w·(1 − σ(β(c − z))), undesirable w·(1 − σ(β(z − c)))
 *     apo_zero_unpaired  desirable w·(1 − σ(βc)),       undesirable w·σ(βc)          (D'Oosterlinck 2024)
 *
 * Mean over completions, with TRL's metrics: `kl`, and for each kind present `rewards/chosen`, `logps/chosen`,
 * `rewards/rejected`, `logps/rejected`; `rewards/margins` where both are. With `window`, loss and metrics are this
 * part's share of it, except that z and `kl` come from the part at hand, as in TRL.
 *
 * @throws TuneError `tune-objective` when `kto` has no mismatched completions, or an option is out of range.
 */
export function kto(input: KtoInput, options: KtoOptions): ObjectiveResult {
  checkKtoOptions(options);
  const { logProbs, offsets, reference, isDesirable, mismatched } = input;
  const { beta } = options;
  const kind = options.loss ?? 'kto';
  const S = offsets.length - 1;
  let desirable = input.window?.desirable ?? 0;
  let undesirable = input.window?.undesirable ?? 0;
  if (input.window === undefined) for (const is of isDesirable) is ? desirable++ : undesirable++;
  const total = desirable + undesirable;
  const kl = kind === 'kto' ? klOf(mismatched) : 0;

  const dLogProbs = new Float64Array(logProbs.length);
  let loss = 0;
  const chosen = { rewards: 0, logps: 0 };
  const rejected = { rewards: 0, logps: 0 };
  for (let s = 0; s < S; s++) {
    const start = offsets[s]!;
    const end = offsets[s + 1]!;
    const sum = sumRange(logProbs, start, end);
    const ratio = sum - reference[s]!;
    const x = beta * (ratio - kl);
    const slope = beta * sigmoid(x) * sigmoid(-x);
    const weight = ((isDesirable[s] ? options.desirableWeight : options.undesirableWeight) ?? 1) / total;
    // Both kinds reduce to 1 − σ(±x): what is undesirable is pushed the other way.
    loss += weight * sigmoid(isDesirable[s] ? -x : x);
    dLogProbs.fill(isDesirable[s] ? -weight * slope : weight * slope, start, end);
    const logged = isDesirable[s] ? chosen : rejected;
    logged.rewards += beta * ratio;
    logged.logps += sum;
  }
  const metrics: Record<string, number> = { kl: input.window === undefined ? kl : (kl * S) / total };
  if (desirable > 0) {
    metrics['rewards/chosen'] = chosen.rewards / desirable;
    metrics['logps/chosen'] = chosen.logps / desirable;
  }
  if (undesirable > 0) {
    metrics['rewards/rejected'] = rejected.rewards / undesirable;
    metrics['logps/rejected'] = rejected.logps / undesirable;
  }
  if (desirable > 0 && undesirable > 0) {
    metrics['rewards/margins'] = chosen.rewards / desirable - rejected.rewards / undesirable;
  }
  return { loss, dLogProbs, metrics };
}

function klOf(mismatched: KtoInput['mismatched']): number {
  if (mismatched === undefined || mismatched.policy.length === 0) {
    throw new TuneError('tune-objective', 'kto: expected log-probabilities of mismatched completions, got none');
  }
  const { policy, reference } = mismatched;
  let sum = 0;
  for (let s = 0; s < policy.length; s++) sum += policy[s]! - reference[s]!;
  return Math.max(0, sum / policy.length);
}
