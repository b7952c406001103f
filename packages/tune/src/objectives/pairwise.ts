/**
 * Preference losses over (chosen, rejected) pairs as functions of completion log-probabilities, in doubles. Names and
 * formulas are those of TRL's DPOTrainer and CPOTrainer and of LLaMA-Factory; the source of each stands beside it.
 *
 * Legend: P pairs; sequences in the order chosen 0, rejected 0, chosen 1, rejected 1, …; c, r the log-ratio
 * log π − log π_ref of a pair's chosen and rejected completion (sums over tokens), c̄, r̄ the same per token.
 */
import { TuneError } from '../errors.ts';
import type { ObjectiveResult } from '../objective.ts';
import { alignedTransport } from './aligned-transport.ts';
import { logSigmoid, sigmoid, sumRange } from './scalar.ts';

export const pairwiseLosses = [
  'sigmoid',
  'hinge',
  'ipo',
  'robust',
  'exo_pair',
  'nca_pair',
  'bco_pair',
  'sppo_hard',
  'apo_zero',
  'apo_down',
  'aot',
  'aot_unpaired',
  'discopop',
  'sigmoid_norm',
  'kto_pair',
  'sft',
  'simpo',
  'orpo',
  'cpo',
] as const;

export type PairwiseLoss = (typeof pairwiseLosses)[number];

export interface PairwiseOptions {
  /** TRL's `loss_type`; LLaMA-Factory's `pref_loss`. */
  readonly loss: PairwiseLoss;
  /** Strength of the pull towards the reference; 0.1 for DPO, 2.0 usual for SimPO. */
  readonly beta: number;
  /**
   * Share of pairs assumed mislabelled, 0 ≤ ε < 0.5. For `sigmoid` the earlier TRL (and LLaMA-Factory) formula, for
   * `robust`, `exo_pair` and the two `aot` TRL's; no effect on the other losses. Default 0.
   */
  readonly labelSmoothing?: number;
  /** Adds `rpoAlpha` × the mean negative log-probability over all chosen tokens of the batch (TRL `rpo_alpha`, `sft`). */
  readonly rpoAlpha?: number;
  /** Adds `prefFtx` × the mean over pairs of the chosen completion's per-token loss (LLaMA-Factory `pref_ftx`). */
  readonly prefFtx?: number;
  /** SimPO's target reward margin γ. Default 0.5. */
  readonly simpoGamma?: number;
  /** CPO's weight of the chosen tokens' negative log-likelihood (TRL `cpo_alpha`). Default 1. */
  readonly cpoAlpha?: number;
  /** DiscoPOP's temperature τ. Default 0.05. */
  readonly discopopTau?: number;
  /** `kto_pair` only: treat the KL terms as constants in the backward pass. Default false (the published code's way). */
  readonly isKlDetached?: boolean;
}

export interface PairwiseInput {
  /** Log-probability of every completion token of the policy, sequence after sequence. */
  readonly logProbs: Float64Array;
  /** [2P + 1] where each sequence begins in `logProbs`; even sequences are chosen, odd ones rejected. */
  readonly offsets: Int32Array;
  /** [2P] summed reference log-probability of each sequence; not used by reference-free losses. */
  readonly reference?: Float64Array;
  /** Totals of the accumulation window when the input is a part of it: the divisors of the means. */
  readonly window?: { readonly pairs: number; readonly chosenTokens: number };
}

/** True for losses that compare with no reference model: `simpo`, `orpo`, `cpo`. */
export function isReferenceFree(loss: PairwiseLoss): boolean {
  return loss === 'simpo' || loss === 'orpo' || loss === 'cpo';
}

/** True for losses whose scores are per-token averages instead of sums. */
function usesAverages(loss: PairwiseLoss): boolean {
  return loss === 'ipo' || loss === 'sigmoid_norm' || loss === 'simpo' || loss === 'orpo';
}

/** Loss of one pair and its derivatives with respect to the pair's two scores. */
interface PairTerm {
  loss: number;
  dChosen: number;
  dRejected: number;
}

/** @throws TuneError `tune-objective` for values no formula is defined for. */
export function checkPairwiseOptions(options: PairwiseOptions): void {
  const smoothing = options.labelSmoothing ?? 0;
  if (!(options.beta > 0)) throw new TuneError('tune-objective', `beta: expected a number > 0, got ${options.beta}`);
  if (!(smoothing >= 0 && smoothing < 0.5)) {
    throw new TuneError('tune-objective', `labelSmoothing: expected 0 ≤ value < 0.5, got ${smoothing}`);
  }
  if (options.loss === 'exo_pair' && smoothing === 0) {
    throw new TuneError('tune-objective', 'exo_pair: expected labelSmoothing > 0 (its formula takes log ε), got 0');
  }
}

/**
 * The batch loss (mean over pairs), its derivative with respect to every token log-probability, and TRL's metrics
 * (means over pairs): `rewards/chosen`, `rewards/rejected`, `rewards/accuracies`, `rewards/margins`, `logps/chosen`,
 * `logps/rejected`. With `window`, all of them are this part's share: shares of a window add up to its values, except
 * that `kto_pair` takes its KL terms from the part at hand, and `aot` sorts what is at hand, as TRL does.
 *
 * @throws TuneError `tune-objective` when a reference is needed and absent, or an option is out of range.
 */
export function pairwise(input: PairwiseInput, options: PairwiseOptions): ObjectiveResult {
  checkPairwiseOptions(options);
  const { logProbs, offsets } = input;
  const { loss: kind, beta } = options;
  const P = (offsets.length - 1) / 2;
  const isFree = isReferenceFree(kind);
  if (!isFree && input.reference === undefined) {
    throw new TuneError('tune-objective', `${kind}: expected reference log-probabilities, got none`);
  }
  const averages = usesAverages(kind);
  // Sums decide the logged rewards even where averages decide the loss (ipo); simpo and orpo log averages throughout.
  const sums = new Float64Array(2 * P);
  const scores = new Float64Array(2 * P);
  for (let s = 0; s < 2 * P; s++) {
    const length = offsets[s + 1]! - offsets[s]!;
    sums[s] = sumRange(logProbs, offsets[s]!, offsets[s + 1]!);
    const ratio = sums[s]! - (isFree ? 0 : input.reference![s]!);
    scores[s] = averages ? ratio / Math.max(1, length) : ratio;
  }

  const pairs = input.window?.pairs ?? P;
  let chosenTokens = input.window?.chosenTokens ?? 0;
  if (input.window === undefined) for (let p = 0; p < P; p++) chosenTokens += offsets[2 * p + 1]! - offsets[2 * p]!;

  const dScores = new Float64Array(2 * P);
  let loss = pairTerms(scores, dScores, options, input.reference) / pairs;
  for (let s = 0; s < 2 * P; s++) dScores[s]! /= pairs;

  // Extra likelihood terms on the chosen completion: token mean over the window, and mean of per-pair averages.
  const tokenMeanWeight =
    (kind === 'sft' ? 1 : 0) + (kind === 'cpo' ? (options.cpoAlpha ?? 1) : 0) + (options.rpoAlpha ?? 0);
  const pairMeanWeight = options.prefFtx ?? 0;
  const dLogProbs = new Float64Array(logProbs.length);
  const metrics = { chosen: 0, rejected: 0, accuracies: 0, logpsChosen: 0, logpsRejected: 0 };
  for (let p = 0; p < P; p++) {
    for (let side = 0; side < 2; side++) {
      const s = 2 * p + side;
      const start = offsets[s]!;
      const end = offsets[s + 1]!;
      const length = Math.max(1, end - start);
      let dToken = averages ? dScores[s]! / length : dScores[s]!;
      if (side === 0) {
        loss -= (tokenMeanWeight * sums[s]!) / chosenTokens + (pairMeanWeight * sums[s]!) / (length * pairs);
        dToken -= tokenMeanWeight / chosenTokens + pairMeanWeight / (length * pairs);
      }
      dLogProbs.fill(dToken, start, end);
    }
    const chosenReward = beta * loggedScore(2 * p);
    const rejectedReward = beta * loggedScore(2 * p + 1);
    metrics.chosen += chosenReward;
    metrics.rejected += rejectedReward;
    metrics.accuracies += chosenReward > rejectedReward ? 1 : 0;
    metrics.logpsChosen += loggedLogProb(2 * p);
    metrics.logpsRejected += loggedLogProb(2 * p + 1);
  }

  function loggedLogProb(s: number): number {
    return kind === 'simpo' || kind === 'orpo' ? scores[s]! : sums[s]!;
  }
  function loggedScore(s: number): number {
    return kind === 'simpo' || kind === 'orpo' ? scores[s]! : sums[s]! - (isFree ? 0 : input.reference![s]!);
  }

  return {
    loss,
    dLogProbs,
    metrics: {
      'rewards/chosen': metrics.chosen / pairs,
      'rewards/rejected': metrics.rejected / pairs,
      'rewards/accuracies': metrics.accuracies / pairs,
      'rewards/margins': (metrics.chosen - metrics.rejected) / pairs,
      'logps/chosen': metrics.logpsChosen / pairs,
      'logps/rejected': metrics.logpsRejected / pairs,
    },
  };
}

/** Σ over pairs of the loss; fills dScores [2P]. */
function pairTerms(
  scores: Float64Array,
  dScores: Float64Array,
  options: PairwiseOptions,
  reference: Float64Array | undefined,
): number {
  if (options.loss === 'kto_pair') return ktoPair(scores, dScores, options);
  if (options.loss === 'aot' || options.loss === 'aot_unpaired') {
    return alignedTransport(scores, dScores, options, reference!);
  }
  let total = 0;
  for (let p = 0; 2 * p < scores.length; p++) {
    const term = pairTerm(scores[2 * p]!, scores[2 * p + 1]!, options);
    total += term.loss;
    dScores[2 * p] = term.dChosen;
    dScores[2 * p + 1] = term.dRejected;
  }
  return total;
}

/** A term that depends on the two scores only through βΔ = β(c − r), given its derivative with respect to that. */
function ofDifference(loss: number, derivative: number, beta: number): PairTerm {
  return { loss, dChosen: beta * derivative, dRejected: -beta * derivative };
}

function pairTerm(chosen: number, rejected: number, options: PairwiseOptions): PairTerm {
  const { beta } = options;
  const smoothing = options.labelSmoothing ?? 0;
  const z = beta * (chosen - rejected);
  switch (options.loss) {
    // DPO (Rafailov 2023): −(1 − ε) log σ(βΔ) − ε log σ(−βΔ). sigmoid_norm: the same on per-token averages.
    case 'sigmoid':
    case 'sigmoid_norm':
      return ofDifference(
        -(1 - smoothing) * logSigmoid(z) - smoothing * logSigmoid(-z),
        -(1 - smoothing) * sigmoid(-z) + smoothing * sigmoid(z),
        beta,
      );
    // CPO (Xu 2024) and SimPO (Meng 2024): no reference; SimPO on averages with the margin γ.
    case 'cpo':
      return ofDifference(-logSigmoid(z), -sigmoid(-z), beta);
    case 'simpo': {
      const margin = z - (options.simpoGamma ?? 0.5);
      return ofDifference(-logSigmoid(margin), -sigmoid(-margin), beta);
    }
    // SLiC: max(0, 1 − βΔ).
    case 'hinge':
      return ofDifference(Math.max(0, 1 - z), z < 1 ? -1 : 0, beta);
    // IPO (Azar 2023): (Δ̄ − 1/(2β))², on averages.
    case 'ipo': {
      const gap = chosen - rejected - 1 / (2 * beta);
      return { loss: gap * gap, dChosen: 2 * gap, dRejected: -2 * gap };
    }
    // Robust DPO (Chowdhury 2024): unbiased under a share ε of flipped labels.
    case 'robust': {
      const divisor = 1 - 2 * smoothing;
      return ofDifference(
        (-(1 - smoothing) * logSigmoid(z) + smoothing * logSigmoid(-z)) / divisor,
        (-(1 - smoothing) * sigmoid(-z) - smoothing * sigmoid(z)) / divisor,
        beta,
      );
    }
    // EXO (Ji 2024): KL of (σ(βΔ), σ(−βΔ)) from (1 − ε, ε).
    case 'exo_pair': {
      const q = sigmoid(z);
      const logRatioChosen = logSigmoid(z) - Math.log1p(-smoothing);
      const logRatioRejected = logSigmoid(-z) - Math.log(smoothing);
      return ofDifference(
        q * logRatioChosen + (1 - q) * logRatioRejected,
        q * sigmoid(-z) * (logRatioChosen - logRatioRejected),
        beta,
      );
    }
    // NCA (Chen 2024): −log σ(βc) − ½ log σ(−βc) − ½ log σ(−βr).
    case 'nca_pair':
      return {
        loss: -logSigmoid(beta * chosen) - 0.5 * logSigmoid(-beta * chosen) - 0.5 * logSigmoid(-beta * rejected),
        dChosen: beta * (-sigmoid(-beta * chosen) + 0.5 * sigmoid(beta * chosen)),
        dRejected: 0.5 * beta * sigmoid(beta * rejected),
      };
    // BCO (Jung 2024) without the running mean of rewards: −log σ(βc) − log σ(−βr).
    case 'bco_pair':
      return {
        loss: -logSigmoid(beta * chosen) - logSigmoid(-beta * rejected),
        dChosen: -beta * sigmoid(-beta * chosen),
        dRejected: beta * sigmoid(beta * rejected),
      };
    // SPPO (Wu 2024) with hard labels: (c − ½/β)² + (r + ½/β)².
    case 'sppo_hard': {
      const chosenGap = chosen - 0.5 / beta;
      const rejectedGap = rejected + 0.5 / beta;
      return {
        loss: chosenGap * chosenGap + rejectedGap * rejectedGap,
        dChosen: 2 * chosenGap,
        dRejected: 2 * rejectedGap,
      };
    }
    // APO (D'Oosterlinck 2024), zero: 1 − σ(βc) + σ(βr).
    case 'apo_zero':
      return {
        loss: sigmoid(-beta * chosen) + sigmoid(beta * rejected),
        dChosen: -beta * sigmoid(beta * chosen) * sigmoid(-beta * chosen),
        dRejected: beta * sigmoid(beta * rejected) * sigmoid(-beta * rejected),
      };
    // APO, down: σ(βc) + 1 − σ(βΔ).
    case 'apo_down': {
      const slope = beta * sigmoid(z) * sigmoid(-z);
      return {
        loss: sigmoid(beta * chosen) + sigmoid(-z),
        dChosen: beta * sigmoid(beta * chosen) * sigmoid(-beta * chosen) - slope,
        dRejected: slope,
      };
    }
    // DiscoPOP (Lu 2024): logistic and exponential losses mixed by σ(βΔ/τ).
    case 'discopop': {
      const tau = options.discopopTau ?? 0.05;
      const mix = sigmoid(z / tau);
      const logistic = -logSigmoid(z);
      const exponential = Math.exp(-z);
      return ofDifference(
        logistic * (1 - mix) + exponential * mix,
        -sigmoid(-z) * (1 - mix) - exponential * mix + ((exponential - logistic) * mix * sigmoid(-z / tau)) / tau,
        beta,
      );
    }
    // ORPO (Hong 2024), LLaMA-Factory's form: −c̄ − β log σ(log odds), log odds = c̄ − r̄ − (log(1 − e^c̄) − log(1 − e^r̄)).
    case 'orpo': {
      const odds = chosen - rejected - (Math.log1p(-Math.exp(chosen)) - Math.log1p(-Math.exp(rejected)));
      const slope = beta * sigmoid(-odds);
      return {
        loss: -chosen - beta * logSigmoid(odds),
        dChosen: -1 - slope / (1 - Math.exp(chosen)),
        dRejected: slope / (1 - Math.exp(rejected)),
      };
    }
    case 'sft':
      return { loss: 0, dChosen: 0, dRejected: 0 };
    case 'kto_pair':
    case 'aot':
    case 'aot_unpaired':
      throw new TuneError('tune-objective', `${options.loss}: expected the whole batch, got one pair`);
    default:
      return options.loss satisfies never;
  }
}

/**
 * KTO on pairs (earlier TRL, LLaMA-Factory): mean over the 2P terms 1 − σ(β(c − KL_r)) and 1 − σ(β(KL_c − r)), where
 * KL_x = max(0, mean over the batch of x). Returns P × that mean, since the caller divides by the number of pairs.
 */
function ktoPair(scores: Float64Array, dScores: Float64Array, options: PairwiseOptions): number {
  const { beta } = options;
  const P = scores.length / 2;
  let chosenMean = 0;
  let rejectedMean = 0;
  for (let p = 0; p < P; p++) {
    chosenMean += scores[2 * p]! / P;
    rejectedMean += scores[2 * p + 1]! / P;
  }
  const chosenKl = Math.max(0, chosenMean);
  const rejectedKl = Math.max(0, rejectedMean);
  let total = 0;
  let dChosenKl = 0;
  let dRejectedKl = 0;
  for (let p = 0; p < P; p++) {
    const chosen = beta * (scores[2 * p]! - rejectedKl);
    const rejected = beta * (chosenKl - scores[2 * p + 1]!);
    total += 0.5 * (sigmoid(-chosen) + sigmoid(-rejected));
    const chosenSlope = 0.5 * beta * sigmoid(chosen) * sigmoid(-chosen);
    const rejectedSlope = 0.5 * beta * sigmoid(rejected) * sigmoid(-rejected);
    dScores[2 * p] = -chosenSlope;
    dScores[2 * p + 1] = rejectedSlope;
    dRejectedKl += chosenSlope;
    dChosenKl -= rejectedSlope;
  }
  if (options.isKlDetached !== true) {
    for (let p = 0; p < P; p++) {
      if (chosenMean > 0) dScores[2 * p]! += dChosenKl / P;
      if (rejectedMean > 0) dScores[2 * p + 1]! += dRejectedKl / P;
    }
  }
  return total;
}
