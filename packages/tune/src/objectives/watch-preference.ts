/** Looks at the steps of preference training for what a person should know: nothing to learn, or nothing learnt. */
import type { Metrics } from '@tuiqiao/schema';
import type { StepFinding } from '../objective.ts';

/** Steps at the start within which a loss near 0 with every pair right means that there was nothing to learn. */
const COLLAPSE_WINDOW = 20;
/** Steps in a row before it is said, and before the run is stopped. */
const COLLAPSE_WARNING_STEPS = 3;
const COLLAPSE_STOP_STEPS = 8;
/** −log σ(x) below this is a margin of more than 4.6 nats: certainty. */
const COLLAPSE_LOSS = 0.01;
/** Steps in a row with rewards of exactly 0, warm-up's first among them, before it is said. */
const STILL_STEPS = 10;

type Inspection = (step: number, loss: number, metrics: Metrics) => StepFinding | null;

/** Every pair right and no loss left within the first steps. @param accuracy name of the share of pairs that are right */
export function watchCollapse(accuracy: string): Inspection {
  let steps = 0;
  return (step, loss, metrics) => {
    const isCollapsed = Math.abs(loss) < COLLAPSE_LOSS && metrics[accuracy] === 1;
    steps = isCollapsed && step <= COLLAPSE_WINDOW ? steps + 1 : 0;
    if (steps !== COLLAPSE_WARNING_STEPS && steps !== COLLAPSE_STOP_STEPS) return null;
    return {
      code: 'dpo-collapsed',
      message: `step ${step}: loss ${loss.toExponential(2)} and every pair right for ${steps} steps: the model tells chosen from rejected by something trivial`,
      hint: 'look at the pairs (length, a marker, a cut-off ending?) or lower the learning rate',
      isFatal: steps === COLLAPSE_STOP_STEPS,
    };
  };
}

/** A policy that stays where its reference is: rewards of chosen and rejected are exactly 0, step after step. */
export function watchStillness(): Inspection {
  let steps = 0;
  return (step, _loss, metrics) => {
    const known = [metrics['rewards/chosen'], metrics['rewards/rejected']].filter((value) => value !== undefined);
    steps = known.length > 0 && known.every((value) => value === 0) ? steps + 1 : 0;
    if (steps !== STILL_STEPS) return null;
    return {
      code: 'preference-rewards-stuck',
      message: `step ${step}: rewards/chosen and rewards/rejected have been 0 for ${steps} steps: the policy is still its reference, nothing has been learnt`,
      hint: 'is the learning rate 0 or lost in bf16, the warm-up longer than the run, the adapter on layers that exist?',
      isFatal: false,
    };
  };
}

/** The first finding of several. */
export function inspectAll(...inspections: readonly Inspection[]): Inspection {
  return (step, loss, metrics) =>
    inspections.map((inspect) => inspect(step, loss, metrics)).find((finding) => finding !== null) ?? null;
}
