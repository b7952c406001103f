/** Several rewards as one: a weighted sum in which some open the way for those after them. */
import { VerseError } from '../errors.ts';
import type { Reward } from '../reward.ts';

export interface RewardPart<Example> {
  readonly reward: Reward<Example>;
  /** Of the raw score. ≥ 0. */
  readonly weight: number;
  /** The parts after this one count with their lowest score unless this one's score reaches the gate. */
  readonly gate?: number;
}

export interface RewardBreakdown {
  readonly total: number;
  /** Raw scores of every part by name; NaN where one does not apply. */
  readonly scores: Readonly<Record<string, number>>;
  /** The first part whose gate stayed shut. */
  readonly shutBy: string | null;
}

export interface ComposedReward<Example> extends Reward<Example> {
  readonly parts: readonly RewardPart<Example>[];
  explain(completion: string, example: Example): RewardBreakdown;
}

/**
 * total = Σ weight · score, in the order of the parts; after a gate that stays shut, Σ weight · lowest score. To pass a
 * gate therefore never pays less than to fail it. A part that does not apply (NaN) counts with nothing.
 *
 * @throws VerseError `verse-reward` for parts without a name, a range or a weight, and when a score leaves its range
 */
export function composeReward<Example>(
  parts: readonly RewardPart<Example>[],
  name = 'reward',
): ComposedReward<Example> {
  checkParts(parts);
  const explain = (completion: string, example: Example): RewardBreakdown => {
    const scores: Record<string, number> = {};
    let total = 0;
    let shutBy: string | null = null;
    for (const { reward, weight, gate } of parts) {
      const score = checkedScore(reward, completion, example);
      scores[reward.name] = score;
      if (shutBy !== null) total += weight * reward.range[0];
      else if (!Number.isNaN(score)) total += weight * score;
      if (shutBy === null && gate !== undefined && score < gate) shutBy = reward.name;
    }
    return { total, scores, shutBy };
  };
  const bound = (side: 0 | 1): number =>
    parts.reduce((sum, { reward, weight }) => sum + weight * reward.range[side], 0);
  return {
    name,
    // A part that does not apply adds 0, which may lie outside its range.
    range: [Math.min(0, bound(0)), Math.max(0, bound(1))],
    parts,
    explain,
    score: (completion, example) => explain(completion, example).total,
  };
}

function checkedScore<Example>(reward: Reward<Example>, completion: string, example: Example): number {
  const score = reward.score(completion, example);
  const [low, high] = reward.range;
  if (typeof score === 'number' && (Number.isNaN(score) || (score >= low - 1e-9 && score <= high + 1e-9))) return score;
  throw new VerseError(
    'verse-reward',
    `reward ${reward.name}: expected a number from ${low} to ${high}, got ${JSON.stringify(score)}`,
    { hint: 'Return NaN where the reward does not apply.' },
  );
}

function checkParts(parts: readonly RewardPart<never>[]): void {
  const refuse = (what: string, got: unknown): never => {
    throw new VerseError('verse-reward', `rewards: expected ${what}, got ${got}`);
  };
  if (parts.length === 0) refuse('at least one', 'none');
  const names = new Set<string>();
  for (const { reward, weight } of parts) {
    if (!/^[\p{L}\p{N}][\p{L}\p{N}_-]*$/u.test(reward.name)) refuse('names of letters, digits, _ and -', reward.name);
    if (names.has(reward.name)) refuse('every name once', `${reward.name} twice`);
    names.add(reward.name);
    const [low, high] = reward.range;
    if (!(Number.isFinite(low) && Number.isFinite(high) && low < high)) {
      refuse(`a range [low, high] of ${reward.name}`, `[${low}, ${high}]`);
    }
    if (!(Number.isFinite(weight) && weight >= 0)) refuse(`a weight ≥ 0 of ${reward.name}`, weight);
  }
}
