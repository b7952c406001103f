/** The figures of a task with a reference, each with its interval over examples. */
import { bootstrap, bootstrapMean, type Mean, wilson } from '../intervals.ts';
import type { TaskScores } from '../ladder-report.ts';
import { bleuOf, bleuStatistics, type ReferencePair } from './bleu.ts';
import { chrfOf, chrfStatistics } from './chrf.ts';
import { rouge, rougeTokens } from './rouge.ts';

export interface TaskAnswer {
  /** What was shown. */
  readonly given: string;
  readonly answer: string;
  readonly reference: string;
}

const SAMPLES = 3;
const lengthOf = (text: string): number => text.match(/\p{Script=Han}/gu)?.length ?? 0;

/** BLEU and chrF over characters as corpus figures, ROUGE as means. */
export function scoreTask(answers: readonly TaskAnswer[], seed = 1): TaskScores {
  const pairs = answers.map(
    ({ answer, reference }): ReferencePair => ({ hypothesis: answer, references: [reference] }),
  );
  const rouges = answers.map(({ answer, reference }) => rouge(rougeTokens(answer), rougeTokens(reference)));
  const meanF = (part: 'rouge1' | 'rouge2' | 'rougeL'): Mean =>
    bootstrapMean(
      rouges.map((scores) => scores[part].f),
      seed,
    );
  const share = (is: (answer: TaskAnswer) => boolean) => wilson(answers.filter(is).length, answers.length);
  return {
    n: answers.length,
    seed,
    bleu: bootstrap(
      pairs.map((pair) => bleuStatistics(pair, 'char')),
      (part) => bleuOf(part).score,
      seed,
    ),
    chrf: bootstrap(
      pairs.map((pair) => chrfStatistics(pair)),
      (part) => chrfOf(part),
      seed,
    ),
    rouge1: meanF('rouge1'),
    rouge2: meanF('rouge2'),
    rougeL: meanF('rougeL'),
    exact: share(({ answer, reference }) => answer.replaceAll(/\s/gu, '') === reference.replaceAll(/\s/gu, '')),
    length: share(({ answer, reference }) => lengthOf(answer) === lengthOf(reference)),
    samples: answers.slice(0, SAMPLES),
  };
}
