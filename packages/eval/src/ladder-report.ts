/** The shape of `report.json`, as `interface.md` has it: every figure with its n, seed and 95 % interval. */
import type { Verdict } from '@tuiqiao/prosody';
import type { FalseAlarms } from './checker/false-alarms.ts';
import type { Mean, Rate } from './intervals.ts';
import type { Diversity } from './scorers/diversity.ts';
import type { AskedForm, FormScore } from './scorers/shape.ts';
import type { StyleAccuracy } from './scorers/style-file.ts';
import type { StyleScores } from './scorers/style-scores.ts';

/** One poem to be judged: what was asked, what came, where it overlaps with the corpus. */
export interface JudgedPoem {
  readonly asked: AskedForm;
  readonly title?: string;
  /** Poet whose manner was asked for. */
  readonly author?: string;
  /** Dynasty of the poet whose poem the prompt was taken from. */
  readonly dynasty?: string;
  readonly text: string;
  /** Lines found whole in the corpus the model was trained on. */
  readonly copiedLines: readonly { readonly line: string; readonly source: { title: string; author: string } }[];
  /** Longest run of characters shared with any corpus line. */
  readonly longestSharedNgram: number;
}

export interface Scores {
  readonly n: number;
  readonly length: Rate;
  readonly rhyme: Rate;
  readonly meter: Rate;
  readonly all: Rate;
}

export interface Novelty {
  /** Poems without any copied line. */
  readonly novel: Rate;
  readonly copiedLines: number;
  readonly longestSharedNgram: Mean;
}

/** How close answers come to the text they should have been; a task of a model. */
export interface TaskScores {
  readonly n: number;
  readonly seed: number;
  /** 0–100, tokens are characters, with the interval over examples. */
  readonly bleu: Mean;
  readonly chrf: Mean;
  /** F, 0–1, over characters. */
  readonly rouge1: Mean;
  readonly rouge2: Mean;
  readonly rougeL: Mean;
  /** Answers equal to the reference. */
  readonly exact: Rate;
  /** Answers of the length asked for. */
  readonly length: Rate;
  /** A few to look at. */
  readonly samples: readonly TaskSample[];
}

export interface TaskSample {
  readonly given: string;
  readonly answer: string;
  readonly reference: string;
}

export interface ModelReport {
  readonly name: string;
  readonly n: number;
  readonly seed: number;
  readonly constrained: boolean;
  readonly byForm: Readonly<Record<string, Scores>>;
  readonly overall: Scores;
  readonly lenient: Scores;
  readonly novelty: Novelty;
  readonly diversity: Diversity;
  /** Share of other prompts' titles that fit a poem less than its own; 0.5 is chance. Absent without a theme scorer. */
  readonly theme?: Mean;
  /** Dynasty and poet by the classifiers of `scorers.style`; absent without them. */
  readonly style?: StyleScores;
  /** Mean score of facing characters in the couplets that should be parallel; absent when the verdicts have none. */
  readonly parallelism?: Mean;
  /** On held-out poems. */
  readonly bitsPerChar?: number;
  /** 95 % interval of `bitsPerChar`, by bootstrap over poems. */
  readonly bitsPerCharCi?: readonly [number, number];
  /** Held-out poems it was measured on. */
  readonly bitsPerCharPoems?: number;
  readonly tokensPerSecond?: number;
  /** `continuation`, `couplet`, `translation`: answers held against a reference. */
  readonly tasks?: Readonly<Record<string, TaskScores>>;
  /** A few poems to look at, the same prompts for every model. */
  readonly samples: readonly LadderSample[];
}

export interface LadderSample {
  /** Place of the prompt in the list that every model was given, from 0. */
  readonly prompt: number;
  readonly form: string;
  readonly title?: string;
  readonly text: string;
  readonly strict: FormScore['strict'];
  readonly findings: readonly string[];
  readonly copiedLines: JudgedPoem['copiedLines'];
  readonly longestSharedNgram: number;
  /** null when the text has not even the shape of a poem. */
  readonly verdict: Verdict | null;
}

/** What the judges themselves are worth. */
export interface ScorerReport {
  /** How often the checker faults verified poems without a fault. */
  readonly checker: FalseAlarms;
  readonly theme?: { readonly trainedOn: number; readonly corpus: string };
  readonly style?: { readonly dynasty: StyleAccuracy; readonly author: StyleAccuracy };
}

export interface LadderReport {
  readonly models: readonly ModelReport[];
  readonly control: ModelReport;
  readonly pairs: readonly PairReport[];
  readonly scorers: ScorerReport;
}

/** Two models on the same prompts, under the same terms. */
export interface PairReport {
  readonly a: string;
  readonly b: string;
  /** Whether the decoder was held to the form for both. */
  readonly constrained: boolean;
  /** Prompts. */
  readonly n: number;
  readonly seed: number;
  /** Share of prompts on which a keeps more rules than b; ties count half. */
  readonly winRate: number;
  readonly ci: readonly [number, number];
  /** Share of poems that keep every rule, a less b, with its paired bootstrap interval. */
  readonly difference: { readonly all: Mean };
}

export interface ModelPoems {
  readonly name: string;
  readonly seed: number;
  readonly constrained: boolean;
  readonly poems: readonly JudgedPoem[];
  readonly bitsPerChar?: number;
  readonly bitsPerCharCi?: readonly [number, number];
  readonly bitsPerCharPoems?: number;
  readonly tokensPerSecond?: number;
  readonly tasks?: Readonly<Record<string, TaskScores>>;
}
