/** Several preference losses at once, as TRL's `loss_type: [sigmoid, bco_pair, sft]` with `loss_weights` (MPO). */
import { TuneError } from '../errors.ts';
import type { ObjectiveResult } from '../objective.ts';
import { isReferenceFree, type PairwiseInput, type PairwiseOptions, pairwise } from './pairwise.ts';

export interface WeightedLoss extends PairwiseOptions {
  /** Default 1. */
  readonly weight?: number;
}

/** One loss, or several that are added up. */
export type PairwiseLosses = PairwiseOptions | readonly WeightedLoss[];

export function lossesOf(losses: PairwiseLosses): readonly WeightedLoss[] {
  return Array.isArray(losses) ? losses : [losses as PairwiseOptions];
}

/** False when every loss compares with no reference. */
export function needsReference(losses: PairwiseLosses): boolean {
  return lossesOf(losses).some(({ loss }) => !isReferenceFree(loss) && loss !== 'sft');
}

/**
 * Σ weight · loss and its derivative; metrics are those of the first loss, and `loss/<name>` of each where there are
 * several.
 *
 * @throws TuneError `tune-objective` for an empty list or a weight that is no number, and as `pairwise`
 */
export function pairwiseMix(input: PairwiseInput, losses: PairwiseLosses): ObjectiveResult {
  const parts = lossesOf(losses);
  if (parts.length === 0) throw new TuneError('tune-objective', 'preference loss: expected at least one, got none');
  if (parts.length === 1 && (parts[0]!.weight ?? 1) === 1) return pairwise(input, parts[0]!);
  const dLogProbs = new Float64Array(input.logProbs.length);
  const shares: Record<string, number> = {};
  let loss = 0;
  let metrics: ObjectiveResult['metrics'] = {};
  for (const [i, part] of parts.entries()) {
    const weight = part.weight ?? 1;
    if (!Number.isFinite(weight)) {
      throw new TuneError('tune-objective', `${part.loss}: expected a weight, got ${weight}`);
    }
    // `sft` reads no reference, but its log-ratios are logged: they need one.
    const result = pairwise(withReference(input, part), part);
    loss += weight * result.loss;
    for (let t = 0; t < dLogProbs.length; t++) dLogProbs[t]! += weight * result.dLogProbs[t]!;
    shares[`loss/${part.loss}`] = result.loss;
    if (i === 0) metrics = result.metrics;
  }
  return { loss, dLogProbs, metrics: { ...metrics, ...shares } };
}

function withReference(input: PairwiseInput, { loss }: WeightedLoss): PairwiseInput {
  if (input.reference !== undefined || loss !== 'sft') return input;
  return { ...input, reference: new Float64Array(input.offsets.length - 1) };
}
