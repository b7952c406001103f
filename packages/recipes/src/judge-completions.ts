/** Completions of a rollout as texts, with what every reward and the checker say of them. */
import type { PoemRequest } from '@tuiqiao/corpus';
import type { Tokenizer } from '@tuiqiao/lm';
import type { Metrics } from '@tuiqiao/schema';
import type { Completion, CompletionScores } from '@tuiqiao/tune';
import { type ComposedReward, type RewardExample, ruleCredits, verdictFor } from '@tuiqiao/verse';
import type { RewardModel } from './reward-models.ts';
import { meanOf } from './rewards.ts';

export interface JudgedCompletions extends CompletionScores {
  readonly texts: readonly string[];
  readonly facts: Readonly<Record<string, Float64Array>>;
  readonly credits: readonly (Float64Array | null)[];
}

/** Of the strict verdict, logged as `rules/…`: what was learnt, whatever the rewards weigh. */
const RULES = ['length', 'rhyme', 'meter', 'all'] as const;

/** @param requests by prompt; completions of one prompt that stand together are a group */
export async function judgeCompletions(
  completions: readonly Completion[],
  requests: readonly PoemRequest[],
  tokenizer: Tokenizer,
  reward: ComposedReward<RewardExample>,
  models: readonly RewardModel[] = [],
  signal?: AbortSignal,
): Promise<JudgedCompletions> {
  const texts = completions.map(({ ids }) => tokenizer.decode(ids, { skipSpecialTokens: true }).trim());
  const totals = new Float64Array(texts.length);
  const parts = Object.fromEntries(
    reward.parts.map(({ reward: { name } }) => [name, new Float64Array(texts.length).fill(Number.NaN)]),
  );
  const facts = Object.fromEntries(RULES.map((rule) => [`rules/${rule}`, new Float64Array(texts.length)]));
  const credits: (Float64Array | null)[] = [];
  const poems = completions.map(({ prompt, isFinished }, i) => ({
    request: requests[prompt]!,
    text: texts[i]!,
    isFinished,
  }));
  const modelScores: [string, Float64Array][] = [];
  for (const model of models) modelScores.push([model.name, await model.score(poems, signal)]);
  for (const { start, end } of groupsOf(completions)) {
    const group = texts.slice(start, end);
    for (let i = start; i < end; i++) {
      const { prompt, isFinished, reference } = completions[i]!;
      const example: RewardExample = {
        request: requests[prompt]!,
        isFinished,
        ...(reference === null ? {} : { meanLogProb: meanOf(reference) }),
        ...(modelScores.length === 0
          ? {}
          : { modelScores: Object.fromEntries(modelScores.map(([name, scores]) => [name, scores[i]!])) }),
        group: { texts: group, place: i - start },
      };
      const { total, scores } = reward.explain(texts[i]!, example);
      totals[i] = total;
      for (const [name, score] of Object.entries(scores)) parts[name]![i] = score;
      credits.push(creditsOf(texts[i]!, completions[i]!, example, tokenizer));
      const { strict } = verdictFor(texts[i]!, example);
      for (const rule of RULES) facts[`rules/${rule}`]![i] = strict[rule] && isFinished ? 1 : 0;
    }
  }
  return { texts, totals, parts, facts, credits };
}

/** The credits of characters as those of the tokens that wrote them; null where tokens are no whole characters. */
function creditsOf(
  text: string,
  { ids, isFinished }: Completion,
  example: RewardExample,
  tokenizer: Tokenizer,
): Float64Array | null {
  const pieces = ids.map((id) => tokenizer.decode([id], { skipSpecialTokens: true }));
  // Blanks before the poem were trimmed away.
  const before = [...(/^\s*/u.exec(pieces.join(''))?.[0] ?? '')].length;
  if (pieces.join('').trim() !== text) return null;
  const owner: number[] = pieces.flatMap((piece, token) => Array<number>([...piece].length).fill(token));
  const credits = new Float64Array(ids.length + (isFinished ? 1 : 0));
  for (const [place, credit] of ruleCredits(text, example)) {
    const token = owner[before + place] ?? ids.length;
    if (token < credits.length) credits[token] = Math.min(credits[token]!, credit);
  }
  return credits;
}

function* groupsOf(completions: readonly Completion[]): Generator<{ start: number; end: number }> {
  let start = 0;
  for (let i = 1; i <= completions.length; i++) {
    if (i < completions.length && completions[i]!.prompt === completions[start]!.prompt) continue;
    yield { start, end: i };
    start = i;
  }
}

/** Means for `eval-end`: `eval_reward`, `eval_rewards/<name>/mean`, `eval_rules/…`. */
export function evaluationMetrics({ totals, parts, facts }: JudgedCompletions): Metrics {
  const metrics: Record<string, number> = { eval_reward: meanKnown(totals) };
  for (const [name, values] of Object.entries(parts)) {
    if (!Array.from(values).every(Number.isNaN)) metrics[`eval_rewards/${name}/mean`] = meanKnown(values);
  }
  for (const [name, values] of Object.entries(facts)) metrics[`eval_${name}`] = meanKnown(values);
  return metrics;
}

function meanKnown(values: ArrayLike<number>): number {
  return meanOf(Float64Array.from(values).filter((value) => !Number.isNaN(value)));
}
