/** What a rollout was like, under TRL's names. */
import type { Metrics } from '@tuiqiao/schema';
import type { GroupAdvantages } from './objectives/advantages.ts';
import type { Completion, CompletionScores } from './rollouts.ts';

/** Deviations below this are no difference: rewards are computed in doubles. */
const ZERO_DEVIATION = 1e-9;

/**
 * `reward`, `reward_std` (mean deviation of a group, or that of the batch), `frac_reward_zero_std`, `rewards/<name>/mean`
 * and `/std`, `completions/mean_length` and its kin (tokens, the stop token included), `completions/clipped_ratio`.
 */
export function rolloutMetrics(
  completions: readonly Completion[],
  scores: CompletionScores,
  { rewards, groupDeviations }: GroupAdvantages,
  scale: 'group' | 'batch' | 'none',
): Metrics {
  const metrics: Record<string, number> = {
    reward: meanOf(rewards),
    reward_std: scale === 'batch' ? deviationOf(rewards) : meanOf(groupDeviations),
    frac_reward_zero_std: meanOf(groupDeviations.map((deviation) => (deviation < ZERO_DEVIATION ? 1 : 0))),
  };
  for (const [name, values] of Object.entries(scores.parts)) {
    // A reward that applied to no completion says nothing: 0 would look like one that never pays.
    if (Array.from(values).every(Number.isNaN)) continue;
    metrics[`rewards/${name}/mean`] = meanOf(values);
    metrics[`rewards/${name}/std`] = deviationOf(values);
  }
  for (const [name, values] of Object.entries(scores.facts ?? {})) metrics[name] = meanOf(values);
  const lengthOf = ({ ids, isFinished }: Completion): number => ids.length + (isFinished ? 1 : 0);
  const lengths = completions.map(lengthOf);
  const finished = completions.filter((completion) => completion.isFinished).map(lengthOf);
  for (const [name, of] of [
    ['', lengths],
    ['terminated_', finished],
  ] as const) {
    metrics[`completions/mean_${name}length`] = of.length === 0 ? 0 : meanOf(of);
    metrics[`completions/min_${name}length`] = of.length === 0 ? 0 : Math.min(...of);
    metrics[`completions/max_${name}length`] = of.length === 0 ? 0 : Math.max(...of);
  }
  metrics['completions/clipped_ratio'] = 1 - finished.length / completions.length;
  return metrics;
}

/** Of the numbers that are some; 0 for none. */
function meanOf(values: ArrayLike<number>): number {
  const known = Array.from(values).filter((value) => !Number.isNaN(value));
  return known.length === 0 ? 0 : known.reduce((sum, value) => sum + value, 0) / known.length;
}

function deviationOf(values: ArrayLike<number>): number {
  const known = Array.from(values).filter((value) => !Number.isNaN(value));
  if (known.length < 2) return 0;
  const center = meanOf(known);
  return Math.sqrt(known.reduce((sum, value) => sum + (value - center) ** 2, 0) / (known.length - 1));
}
