/** The lowest validation loss so far: which checkpoint has it, and whether waiting for a lower one has lasted too long. */
import type { Metrics } from '@tuiqiao/schema';

/** Serialisable, so that a resumed run judges as an uninterrupted one. */
export interface BestState {
  /** `eval_loss`. */
  readonly metric: number;
  readonly step: number;
  /** Evaluations in a row since then without a lower one. */
  readonly waited: number;
}

export interface BestOptions {
  /** Keep the best checkpoint whatever else is removed, and end with its weights. Default false. */
  readonly keepBest?: boolean;
  /** Stop after so many evaluations in a row without a lower loss. */
  readonly patience?: number | undefined;
  /** How much lower counts as lower. Default 0. */
  readonly threshold?: number;
}

/** The state after an evaluation; evaluations without a loss change nothing. */
export function judge(
  best: BestState | undefined,
  metrics: Metrics,
  step: number,
  threshold = 0,
): BestState | undefined {
  const metric = metrics.eval_loss;
  if (metric === undefined || Number.isNaN(metric)) return best;
  if (best === undefined || metric < best.metric - threshold) return { metric, step, waited: 0 };
  return { ...best, waited: best.waited + 1 };
}

/** True when the run should end. */
export function hasWaitedEnough(best: BestState | undefined, patience: number | undefined): boolean {
  return patience !== undefined && best !== undefined && best.waited >= patience;
}
