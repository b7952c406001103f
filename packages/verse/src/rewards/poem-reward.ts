/** What the rewards of poems are told about a completion beside its text, and the verdict they share. */
import { characterCount, type PoemRequest, splitLines } from '@tuiqiao/corpus';
import { check, type Verdict } from '@tuiqiao/prosody';
import type { Reward } from '../reward.ts';

export interface RewardExample {
  /** What the poem was asked to be; traditional inside. */
  readonly request: PoemRequest;
  /** False when the model was cut before it ended the poem. Default true. */
  readonly isFinished?: boolean;
  /** Mean log-probability of its tokens under the frozen reference, in nats; absent: not measured. */
  readonly meanLogProb?: number;
  /** What reward models said of it, by their names; they are asked beforehand, many completions at once. */
  readonly modelScores?: Readonly<Record<string, number>>;
  /** All texts written for the same request, this one among them, and its place there; absent: written alone. */
  readonly group?: { readonly texts: readonly string[]; readonly place: number };
}

export type PoemReward = Reward<RewardExample>;

const verdicts = new WeakMap<RewardExample, { readonly text: string; readonly verdict: Verdict }>();

/** The verdict on a completion as the form or tune it was asked for; worked out once for all rewards of an example. */
export function verdictFor(text: string, example: RewardExample): Verdict {
  const known = verdicts.get(example);
  if (known?.text === text) return known.verdict;
  const { form, tune } = example.request;
  const verdict = check({
    text,
    ...(tune === undefined ? (form === undefined ? {} : { form }) : { tune }),
  });
  verdicts.set(example, { text, verdict });
  return verdict;
}

/** Characters of each line, punctuation left out. */
export function linesOf(text: string): string[][] {
  return splitLines(text).map((line) => [...line]);
}

/** Characters of the whole text, punctuation left out. */
export function lengthOf(text: string): number {
  return splitLines(text).reduce((sum, line) => sum + characterCount(line), 0);
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
