/**
 * The ladder: the same prompts and seeds through several models, beside a control row of real held-out poems, every
 * figure with its n and 95 % interval. `LadderReport` is `report.json` as `interface.md` has it.
 */
import type { Verdict } from '@tuiqiao/prosody';
import { bootstrapMean, type Mean, pairedWinRate, type Rate, wilson } from './intervals.ts';
import { type Diversity, diversityOf } from './scorers/diversity.ts';
import { type AskedForm, type FormScore, scoreForm } from './scorers/shape.ts';
import { type ThemeRelevance, themeFit } from './scorers/theme.ts';

/** One poem to be judged: what was asked, what came, where it overlaps with the corpus. */
export interface JudgedPoem {
  readonly asked: AskedForm;
  readonly title?: string;
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
  /** Mean score of facing characters in the couplets that should be parallel; absent when the verdicts have none. */
  readonly parallelism?: Mean;
  /** On held-out poems. */
  readonly bitsPerChar?: number;
  /** 95 % interval of `bitsPerChar`, by bootstrap over poems. */
  readonly bitsPerCharCi?: readonly [number, number];
  readonly tokensPerSecond?: number;
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

export interface LadderReport {
  readonly models: readonly ModelReport[];
  readonly control: ModelReport;
  readonly pairs: readonly PairReport[];
}

/** Two models on the same prompts, under the same terms. */
export interface PairReport {
  readonly a: string;
  readonly b: string;
  /** Whether the decoder was held to the form for both. */
  readonly constrained: boolean;
  /** Share of prompts on which a keeps more rules than b; ties count half. */
  readonly winRate: number;
  readonly ci: readonly [number, number];
}

export interface ModelPoems {
  readonly name: string;
  readonly seed: number;
  readonly constrained: boolean;
  readonly poems: readonly JudgedPoem[];
  readonly bitsPerChar?: number;
  readonly bitsPerCharCi?: readonly [number, number];
  readonly tokensPerSecond?: number;
}

const SAMPLES_PER_FORM = 2;
/** Rules kept, 0–4: what the paired comparison counts. */
const points = (score: FormScore): number =>
  Number(score.strict.length) + Number(score.strict.rhyme) + Number(score.strict.meter) + Number(score.strict.all);

function summarize(scores: readonly FormScore[], kind: 'strict' | 'lenient'): Scores {
  const rate = (rule: keyof FormScore['strict']): Rate =>
    wilson(scores.filter((score) => score[kind][rule]).length, scores.length);
  return { n: scores.length, length: rate('length'), rhyme: rate('rhyme'), meter: rate('meter'), all: rate('all') };
}

/** Mean over the poems that have couplets to judge. */
function parallelismOf(scores: readonly FormScore[]): Mean | null {
  const means = scores.flatMap(({ verdict }) => {
    const couplets = verdict?.parallelism?.couplets ?? [];
    return couplets.length === 0 ? [] : [couplets.reduce((sum, { score }) => sum + score, 0) / couplets.length];
  });
  return means.length === 0 ? null : bootstrapMean(means);
}

function sampleOf(poem: JudgedPoem, score: FormScore, prompt: number): LadderSample {
  return {
    prompt,
    form: poem.asked.tune ?? poem.asked.form,
    ...(poem.title === undefined ? {} : { title: poem.title }),
    text: poem.text,
    strict: score.strict,
    findings: (score.verdict?.findings ?? []).filter((f) => f.verdict !== '合').map((f) => f.message),
    copiedLines: poem.copiedLines,
    longestSharedNgram: poem.longestSharedNgram,
    verdict: score.verdict,
  };
}

/** What the ladder measures beside form, when it is given the means. */
export interface LadderScorers {
  /** Trained on poems that are in no prompt. */
  readonly theme?: ThemeRelevance;
}

function themeOf(poems: readonly JudgedPoem[], relevance: ThemeRelevance | undefined): Mean | null {
  if (relevance === undefined) return null;
  const titled = poems.flatMap(({ title, text, asked }) =>
    title === undefined ? [] : [{ title, text, group: asked.tune ?? asked.form }],
  );
  return themeFit(relevance, titled);
}

export function judgeModel(
  model: ModelPoems,
  scorers: LadderScorers = {},
): { report: ModelReport; scores: readonly FormScore[] } {
  const scores = model.poems.map((poem) => scoreForm(poem.text, poem.asked));
  const names = [...new Set(model.poems.map((poem) => poem.asked.tune ?? poem.asked.form))];
  const byForm: Record<string, Scores> = {};
  const samples: LadderSample[] = [];
  for (const name of names) {
    const indices = model.poems.flatMap((poem, i) => ((poem.asked.tune ?? poem.asked.form) === name ? [i] : []));
    byForm[name] = summarize(
      indices.map((i) => scores[i]!),
      'strict',
    );
    for (const i of indices.slice(0, SAMPLES_PER_FORM)) samples.push(sampleOf(model.poems[i]!, scores[i]!, i));
  }
  const parallelism = parallelismOf(scores);
  const theme = themeOf(model.poems, scorers.theme);
  const report: ModelReport = {
    name: model.name,
    n: model.poems.length,
    seed: model.seed,
    constrained: model.constrained,
    byForm,
    overall: summarize(scores, 'strict'),
    lenient: summarize(scores, 'lenient'),
    novelty: {
      novel: wilson(model.poems.filter((poem) => poem.copiedLines.length === 0).length, model.poems.length),
      copiedLines: model.poems.reduce((sum, poem) => sum + poem.copiedLines.length, 0),
      longestSharedNgram: bootstrapMean(model.poems.map((poem) => poem.longestSharedNgram)),
    },
    diversity: diversityOf(model.poems.map((poem) => poem.text)),
    ...(theme === null ? {} : { theme }),
    ...(parallelism === null ? {} : { parallelism }),
    ...(model.bitsPerChar === undefined ? {} : { bitsPerChar: model.bitsPerChar }),
    ...(model.bitsPerCharCi === undefined ? {} : { bitsPerCharCi: model.bitsPerCharCi }),
    ...(model.tokensPerSecond === undefined ? {} : { tokensPerSecond: model.tokensPerSecond }),
    samples,
  };
  return { report, scores };
}

/** Judges every model and the control row; each model is compared with those before it, prompt by prompt. */
export function buildLadder(
  models: readonly ModelPoems[],
  control: ModelPoems,
  scorers: LadderScorers = {},
): LadderReport {
  const judged = models.map((model) => judgeModel(model, scorers));
  const pairs = judged.flatMap((a, i) =>
    judged
      .slice(0, i)
      .reverse()
      .filter((b) => a.scores.length === b.scores.length && a.report.constrained === b.report.constrained)
      .map(
        (b): PairReport => ({
          a: a.report.name,
          b: b.report.name,
          constrained: a.report.constrained,
          ...pairedWinRate(a.scores.map(points), b.scores.map(points)),
        }),
      ),
  );
  return { models: judged.map((entry) => entry.report), control: judgeModel(control, scorers).report, pairs };
}
