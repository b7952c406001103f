/** The stated score by which the best of several poems is chosen. */
import { type Finding, scoreCouplet, scoreCouplets, splitText, type Verdict } from '@tuiqiao/prosody';
import type { Novelty } from './novelty.ts';
import { parallelLines } from './parallel-bias.ts';

/** What a point of 对仗 (mean pointwise mutual information of the middle couplets) weighs against a nat a character. */
const PARALLELISM_WEIGHT = 0.2;
/** Couplets are parallel or not: nothing is gained beyond this. */
const PARALLELISM_LIMIT = 2;
/** A character that returns without cause, and a line that stands in the corpus. */
const REPEAT_COST = 0.15;
const COPY_COST = 2;

export interface PoemScore {
  /** logProbPerCharacter + 0.2 · min(2, parallelism) − 0.15 · repeats − 2 · copies; −∞ when the form is broken. */
  readonly total: number;
  /** Mean log-probability of a character, nats: the whole text's over its characters and marks; of 联 the lower line's. */
  readonly logProbPerCharacter: number;
  /** Mean score of the middle couplets of 律诗 and 排律, of 联 its own; null for other forms. */
  readonly parallelism: number | null;
  /** Characters that return (重字) without being 叠字 or meant. */
  readonly repeats: number;
  readonly copies: number;
}

export interface ScoredText {
  readonly text: string;
  readonly logProb: number;
  readonly verdict: Verdict;
  readonly novelty: Novelty | null;
  readonly isAccepted: boolean;
}

/** @param form as asked; parallelism counts for 律诗 and 排律 only */
export function scorePoem(
  { text, logProb, verdict, novelty, isAccepted }: ScoredText,
  form: string | undefined,
): PoemScore {
  const lines = splitText(text).lines.map(({ chars }) => chars);
  const parallelism = parallelismOf(lines, form);
  const repeats = verdict.findings.filter(isRepetition).length;
  const copies = novelty?.copiedLines.length ?? 0;
  const length = [...text].length / (form === '联' ? 2 : 1);
  const logProbPerCharacter = logProb / Math.max(1, length);
  const total =
    logProbPerCharacter +
    PARALLELISM_WEIGHT * Math.min(PARALLELISM_LIMIT, parallelism ?? 0) -
    REPEAT_COST * repeats -
    COPY_COST * copies;
  return {
    total: isAccepted ? total : Number.NEGATIVE_INFINITY,
    logProbPerCharacter,
    parallelism,
    repeats,
    copies,
  };
}

function parallelismOf(lines: readonly (readonly string[])[], form: string | undefined): number | null {
  if (form === '联') {
    const half = Math.ceil(lines.length / 2);
    return scoreCouplet(lines.slice(0, half).flat(), lines.slice(half).flat(), 1)?.score ?? null;
  }
  const middle = parallelLines(form, lines.length);
  const couplets = scoreCouplets(lines).filter((couplet) => middle.has(couplet.lines[1]));
  return couplets.length === 0 ? null : couplets.reduce((sum, couplet) => sum + couplet.score, 0) / couplets.length;
}

/** The checker tells deliberate repetition apart in words only; both are 合. */
function isRepetition({ rule, message }: Finding): boolean {
  return rule === 'chongzi' && !/有意|on purpose/u.test(message);
}
