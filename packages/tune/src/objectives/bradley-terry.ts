/**
 * The loss of reward models (Bradley & Terry 1952, Ouyang 2022) as a function of scores, in doubles. Formula and metric
 * names are those of TRL's RewardTrainer.
 *
 * Legend: P pairs; c, r the scores of chosen and rejected; m the margin a pair asks for.
 */
import { TuneError } from '../errors.ts';
import type { ObjectiveResult } from '../objective.ts';
import { logSigmoid, sigmoid } from './scalar.ts';

export interface BradleyTerryOptions {
  /** Weight of (c + r)², which keeps scores about 0 (Eisenstein 2023; TRL's `center_rewards_coefficient`). Default 0. */
  readonly centerRewardsCoefficient?: number;
}

export interface BradleyTerryInput {
  /** [2P] chosen and rejected in turn. */
  readonly scores: Float64Array;
  /** [P] how much better the chosen should be at least; 0 where absent. */
  readonly margins?: ArrayLike<number>;
  /** Pairs of the accumulation window when the input is a part of it. */
  readonly window?: { readonly pairs: number };
}

/** @throws TuneError `tune-objective` for values no formula is defined for. */
export function checkBradleyTerryOptions({ centerRewardsCoefficient = 0 }: BradleyTerryOptions): void {
  if (!(centerRewardsCoefficient >= 0 && Number.isFinite(centerRewardsCoefficient))) {
    throw new TuneError(
      'tune-objective',
      `reward model: expected centerRewardsCoefficient ≥ 0, got ${centerRewardsCoefficient}`,
    );
  }
}

/**
 * Mean over pairs of −log σ(c − r − m) + coefficient · (c + r)², its derivative with respect to each score (`dLogProbs`
 * [2P]), and TRL's metrics: `accuracy`, `margin` (mean c − r), `mean_reward`, `min_reward`, `max_reward`. With `window`
 * all but the last two are this part's share of it.
 *
 * @throws TuneError `tune-objective` for an option out of range or a margin that is no number
 */
export function bradleyTerry(
  { scores, margins, window }: BradleyTerryInput,
  options: BradleyTerryOptions = {},
): ObjectiveResult {
  checkBradleyTerryOptions(options);
  const coefficient = options.centerRewardsCoefficient ?? 0;
  const P = scores.length / 2;
  const pairs = window?.pairs ?? P;
  const dLogProbs = new Float64Array(scores.length);
  let loss = 0;
  let right = 0;
  let margin = 0;
  let sum = 0;
  for (let p = 0; p < P; p++) {
    const [c, r] = [scores[2 * p]!, scores[2 * p + 1]!];
    const asked = margins?.[p] ?? 0;
    if (!Number.isFinite(asked)) {
      throw new TuneError('tune-objective', `reward model: expected margins that are numbers, got ${asked}`);
    }
    const difference = c - r - asked;
    loss += -logSigmoid(difference) + coefficient * (c + r) ** 2;
    const slope = -sigmoid(-difference);
    const pull = 2 * coefficient * (c + r);
    dLogProbs[2 * p] = (slope + pull) / pairs;
    dLogProbs[2 * p + 1] = (-slope + pull) / pairs;
    right += c > r ? 1 : 0;
    margin += c - r;
    sum += c + r;
  }
  return {
    loss: loss / pairs,
    dLogProbs,
    metrics: {
      accuracy: right / pairs,
      margin: margin / pairs,
      mean_reward: sum / (2 * pairs),
      ...(P === 0 ? {} : { min_reward: least(scores), max_reward: most(scores) }),
    },
  };
}

function least(values: Float64Array): number {
  return values.reduce((found, value) => Math.min(found, value), Infinity);
}

function most(values: Float64Array): number {
  return values.reduce((found, value) => Math.max(found, value), -Infinity);
}
