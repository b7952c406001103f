/**
 * Group-relative policy optimisation (Shao 2024) and its relatives as functions of completion log-probabilities, in
 * doubles. Names and formulas are those of TRL's GRPOTrainer; the source of each stands beside it.
 *
 * Legend: S completions of R tokens in all; A the advantage of a completion; r = exp(log π − log π_old) the ratio of a
 * token, or of a whole completion (exp of the mean log-ratio) at sequence level.
 */
import { TuneError } from '../errors.ts';
import type { ObjectiveResult } from '../objective.ts';
import { sigmoid } from './scalar.ts';

export const grpoLosses = ['grpo', 'bnpo', 'dr_grpo', 'dapo', 'cispo', 'luspo', 'sapo'] as const;

export type GrpoLoss = (typeof grpoLosses)[number];

export interface GrpoOptions {
  /** TRL's `loss_type`: what a token's loss is, and what the sum is divided by. */
  readonly loss: GrpoLoss;
  /** Weight of the KL to the reference; 0 needs none. */
  readonly beta: number;
  /** The ratio is clipped to [1 − epsilon, 1 + epsilonHigh]. */
  readonly epsilon: number;
  /** Default: epsilon. For `cispo` the upper bound of the ratio itself. */
  readonly epsilonHigh?: number;
  /** Upper bound of the unclipped ratio (INTELLECT-2's two-sided clipping). */
  readonly delta?: number;
  /** `sequence` is GSPO (Zheng 2025): one ratio for all tokens of a completion. Default `token`. */
  readonly importanceSampling?: 'token' | 'sequence';
  /** Divisor of `dr_grpo`. */
  readonly maxCompletionLength?: number;
  /** Temperatures of `sapo` for positive and other advantages. Default 1 and 1.05. */
  readonly sapoTemperatures?: readonly [number, number];
  /** Weight of an entropy bonus: −coefficient × the mean entropy over tokens. Default 0. */
  readonly entropyCoefficient?: number;
}

export interface GrpoInput {
  /** [R] log-probability of every completion token of the policy, completion after completion. */
  readonly logProbs: Float64Array;
  /** [S + 1] where each completion begins in `logProbs`. */
  readonly offsets: Int32Array;
  /** [S] */
  readonly advantages: Float64Array;
  /** [R] added to the completion's own: what is known of single tokens. Default 0. */
  readonly tokenAdvantages?: Float64Array;
  /** [R] under the policy that wrote the completions. Absent: the policy itself, a constant (every ratio is 1). */
  readonly old?: Float64Array;
  /** [R] under the reference; needed when beta is not 0. */
  readonly reference?: Float64Array;
  /** [R] 0 leaves a token out. */
  readonly mask?: Uint8Array;
  /** [R] entropy of the policy at each token; needed when the entropy bonus is on. */
  readonly entropy?: Float64Array;
  /** Totals of the accumulation window when the input is a part of it; tokens are those the mask keeps. */
  readonly window?: { readonly completions: number; readonly tokens: number };
}

/** @throws TuneError `tune-objective` for values no formula is defined for. */
export function checkGrpoOptions(options: GrpoOptions): void {
  const { epsilon, epsilonHigh, beta, delta } = options;
  const refuse = (what: string, got: unknown): never => {
    throw new TuneError('tune-objective', `${options.loss}: expected ${what}, got ${got}`);
  };
  if (!(beta >= 0)) refuse('beta ≥ 0', beta);
  if (!(epsilon > 0)) refuse('epsilon > 0', epsilon);
  if (epsilonHigh !== undefined && !(epsilonHigh > 0)) refuse('epsilonHigh > 0', epsilonHigh);
  if (options.loss === 'cispo' && epsilonHigh === undefined) refuse('epsilonHigh, its bound of the ratio', 'none');
  if (delta !== undefined && !(delta > 0)) refuse('delta > 0', delta);
  if (options.loss === 'dr_grpo' && !((options.maxCompletionLength ?? 0) > 0)) {
    refuse('maxCompletionLength > 0, its divisor', options.maxCompletionLength);
  }
}

/**
 * The loss of a batch of completions, its derivative with respect to every token log-probability, and TRL's metrics:
 * `kl` (beta > 0), `clip_ratio/low_mean`, `high_mean`, `region_mean`, `low_min`, `high_max` or `cispo_clip_ratio`,
 * `entropy` when given. With `window` loss and metrics are this part's share of it, `low_min` and `high_max` excepted.
 *
 * Divisors: grpo and sapo mean over completions of token means · bnpo and dapo, cispo tokens of the batch or the window
 * · dr_grpo completions × maxCompletionLength · luspo completions.
 *
 * @throws TuneError `tune-objective` when a reference or entropies are needed and absent, or an option is out of range.
 */
export function grpo(input: GrpoInput, options: GrpoOptions): ObjectiveResult {
  checkGrpoOptions(options);
  const { logProbs, offsets, advantages, mask } = input;
  const { beta } = options;
  const entropyCoefficient = options.entropyCoefficient ?? 0;
  if (beta !== 0 && input.reference === undefined) {
    throw new TuneError('tune-objective', 'grpo: expected reference log-probabilities for beta > 0, got none');
  }
  if (entropyCoefficient !== 0 && input.entropy === undefined) {
    throw new TuneError('tune-objective', 'grpo: expected entropies for the entropy bonus, got none');
  }
  const S = offsets.length - 1;
  const counts = Float64Array.from({ length: S }, (_, s) => countKept(mask, offsets[s]!, offsets[s + 1]!));
  const completions = input.window?.completions ?? S;
  const tokens = Math.max(1, input.window?.tokens ?? counts.reduce((sum, count) => sum + count, 0));

  const dLogProbs = new Float64Array(logProbs.length);
  const dEntropy = entropyCoefficient === 0 ? undefined : new Float64Array(logProbs.length);
  let loss = 0;
  let kl = 0;
  let entropy = 0;
  const clips = { low: 0, high: 0, lowMin: Infinity, highMax: -Infinity };
  for (let s = 0; s < S; s++) {
    const start = offsets[s]!;
    const end = offsets[s + 1]!;
    const count = counts[s]!;
    const scale = tokenScale(options, count, { completions, tokens });
    const sequenceRatio = options.importanceSampling === 'sequence' ? meanLogRatio(input, start, end, count) : null;
    let sequenceSlope = 0;
    const own = { low: 0, high: 0 };
    for (let t = start; t < end; t++) {
      if (mask?.[t] === 0) continue;
      const logProb = logProbs[t]!;
      const logRatio = sequenceRatio ?? (input.old === undefined ? 0 : logProb - input.old[t]!);
      const advantage = advantages[s]! + (input.tokenAdvantages?.[t] ?? 0);
      const term = tokenTerm(logRatio, logProb, advantage, options);
      loss += scale * term.loss;
      if (sequenceRatio === null) dLogProbs[t] = scale * (term.dLogRatio + term.dLogProb);
      else {
        dLogProbs[t] = scale * term.dLogProb;
        sequenceSlope += scale * term.dLogRatio;
      }
      own.low += term.isLowClipped ? 1 : 0;
      own.high += term.isHighClipped ? 1 : 0;
      if (beta !== 0) {
        // Schulman's unbiased estimate: e^d − d − 1 with d = log π_ref − log π.
        const d = input.reference![t]! - logProb;
        const divergence = Math.exp(d) - d - 1;
        kl += divergence;
        loss += scale * beta * divergence;
        dLogProbs[t]! += scale * beta * (1 - Math.exp(d));
      }
      if (input.entropy !== undefined) {
        entropy += input.entropy[t]!;
        loss -= (entropyCoefficient * input.entropy[t]!) / tokens;
        if (dEntropy !== undefined) dEntropy[t] = -entropyCoefficient / tokens;
      }
    }
    // One log-ratio, the mean over the completion's tokens, stands in every token's loss.
    if (sequenceRatio !== null) {
      for (let t = start; t < end; t++) if (mask?.[t] !== 0) dLogProbs[t]! += sequenceSlope / Math.max(1, count);
    }
    // One ratio a completion is counted once, as TRL does.
    const divisor = sequenceRatio === null ? 1 : Math.max(1, count);
    clips.low += own.low / divisor;
    clips.high += own.high / divisor;
    clips.lowMin = Math.min(clips.lowMin, own.low / Math.max(1, count));
    clips.highMax = Math.max(clips.highMax, own.high / Math.max(1, count));
  }

  const metrics: Record<string, number> = {};
  if (beta !== 0) metrics.kl = kl / tokens;
  if (input.entropy !== undefined) metrics.entropy = entropy / tokens;
  const ratios = options.importanceSampling === 'sequence' ? completions : tokens;
  if (options.loss === 'cispo') metrics.cispo_clip_ratio = clips.high / ratios;
  else if (options.loss !== 'sapo') {
    metrics['clip_ratio/low_mean'] = clips.low / ratios;
    metrics['clip_ratio/high_mean'] = clips.high / ratios;
    metrics['clip_ratio/region_mean'] = (clips.low + clips.high) / ratios;
    if (S > 0) {
      metrics['clip_ratio/low_min'] = clips.lowMin;
      metrics['clip_ratio/high_max'] = clips.highMax;
    }
  }
  return { loss, dLogProbs, metrics, ...(dEntropy === undefined ? {} : { dEntropy }) };
}

/** What every token's loss of a completion with `count` kept tokens is multiplied by. */
function tokenScale(
  options: GrpoOptions,
  count: number,
  window: { readonly completions: number; readonly tokens: number },
): number {
  switch (options.loss) {
    case 'grpo':
    case 'sapo':
      return 1 / (Math.max(1, count) * window.completions);
    case 'bnpo':
    case 'dapo':
    case 'cispo':
      return 1 / window.tokens;
    case 'dr_grpo':
      return 1 / (window.completions * options.maxCompletionLength!);
    case 'luspo':
      return 1 / window.completions;
    default:
      return options.loss satisfies never;
  }
}

/** One token's loss without the KL term, and its derivatives by the two ways the log-probability enters. */
interface TokenTerm {
  loss: number;
  /** Through the ratio. */
  dLogRatio: number;
  /** Beside it (`cispo` only, whose ratio is a constant). */
  dLogProb: number;
  isLowClipped: boolean;
  isHighClipped: boolean;
}

function tokenTerm(logRatio: number, logProb: number, advantage: number, options: GrpoOptions): TokenTerm {
  const ratio = Math.exp(logRatio);
  const low = 1 - options.epsilon;
  switch (options.loss) {
    // CISPO (MiniMax 2025): −min(r, bound)·A·log π with the ratio held constant.
    case 'cispo': {
      const bound = options.epsilonHigh!;
      const weight = Math.min(ratio, bound) * advantage;
      return {
        loss: -weight * logProb,
        dLogRatio: 0,
        dLogProb: -weight,
        isLowClipped: false,
        isHighClipped: ratio > bound && advantage > 0,
      };
    }
    // SAPO (Gao 2025): a soft gate −σ(τ(r − 1))·4/τ·A in place of clipping.
    case 'sapo': {
      const tau = (options.sapoTemperatures ?? [1, 1.05])[advantage > 0 ? 0 : 1];
      const gate = sigmoid(tau * (ratio - 1));
      return {
        loss: (-gate * 4 * advantage) / tau,
        dLogRatio: -gate * (1 - gate) * 4 * advantage * ratio,
        dLogProb: 0,
        isLowClipped: false,
        isHighClipped: false,
      };
    }
    // PPO's clipped surrogate: −min(r·A, clip(r)·A); delta bounds the first r.
    default: {
      const high = 1 + (options.epsilonHigh ?? options.epsilon);
      const capped = options.delta === undefined ? ratio : Math.min(ratio, options.delta);
      const dCapped = capped < ratio ? 0 : ratio;
      const clipped = Math.min(Math.max(ratio, low), high);
      const dClipped = ratio >= low && ratio <= high ? ratio : 0;
      const first = capped * advantage;
      const second = clipped * advantage;
      // Of two equal branches each takes half, as autograd does.
      const slope = first < second ? dCapped : first > second ? dClipped : (dCapped + dClipped) / 2;
      return {
        loss: -Math.min(first, second),
        dLogRatio: -slope * advantage,
        dLogProb: 0,
        isLowClipped: ratio < low && advantage < 0,
        isHighClipped: ratio > high && advantage > 0,
      };
    }
  }
}

function countKept(mask: Uint8Array | undefined, start: number, end: number): number {
  if (mask === undefined) return end - start;
  let count = 0;
  for (let t = start; t < end; t++) count += mask[t]! === 0 ? 0 : 1;
  return count;
}

function meanLogRatio({ logProbs, old, mask }: GrpoInput, start: number, end: number, count: number): number {
  if (old === undefined) return 0;
  let sum = 0;
  for (let t = start; t < end; t++) if (mask?.[t] !== 0) sum += logProbs[t]! - old[t]!;
  return sum / Math.max(1, count);
}
