/**
 * The ladder: the same prompts and seeds through several models, beside a control row of real held-out poems, every
 * figure with its n and 95 % interval. `LadderReport` is `report.json` as `interface.md` has it.
 */
import { measureFalseAlarms } from './checker/false-alarms.ts';
import { bootstrapMean, type Mean, pairedWinRate, type Rate, wilson } from './intervals.ts';
import type {
  JudgedPoem,
  LadderReport,
  LadderSample,
  ModelPoems,
  ModelReport,
  PairReport,
  ScorerReport,
  Scores,
} from './ladder-report.ts';
import { diversityOf } from './scorers/diversity.ts';
import { type FormScore, scoreForm } from './scorers/shape.ts';
import type { StyleAccuracy, StyleModel, StylePart } from './scorers/style-file.ts';
import { scoreStyle } from './scorers/style-scores.ts';
import { type ThemeRelevance, themeFit } from './scorers/theme.ts';

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
  /** What `theme` was trained on, for the report. */
  readonly themeFacts?: ScorerReport['theme'];
  readonly style?: StyleModel;
}

function themeOf(poems: readonly JudgedPoem[], relevance: ThemeRelevance | undefined): Mean | null {
  if (relevance === undefined) return null;
  const titled = poems.flatMap(({ title, text, asked }) =>
    title === undefined ? [] : [{ title, text, group: asked.tune ?? asked.form }],
  );
  return themeFit(relevance, titled);
}

/** @param diversityLimit poems at most that diversity is measured on */
export function judgeModel(
  model: ModelPoems,
  scorers: LadderScorers = {},
  diversityLimit = Number.POSITIVE_INFINITY,
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
  const style = scorers.style === undefined ? null : scoreStyle(scorers.style, model.poems);
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
    diversity: diversityOf(
      model.poems.map((poem) => poem.text),
      diversityLimit,
    ),
    ...(theme === null ? {} : { theme }),
    ...(style === null ? {} : { style }),
    ...(parallelism === null ? {} : { parallelism }),
    ...(model.bitsPerChar === undefined ? {} : { bitsPerChar: model.bitsPerChar }),
    ...(model.bitsPerCharCi === undefined ? {} : { bitsPerCharCi: model.bitsPerCharCi }),
    ...(model.bitsPerCharPoems === undefined ? {} : { bitsPerCharPoems: model.bitsPerCharPoems }),
    ...(model.tokensPerSecond === undefined ? {} : { tokensPerSecond: model.tokensPerSecond }),
    ...(model.tasks === undefined ? {} : { tasks: model.tasks }),
    samples,
  };
  return { report, scores };
}

/** Bootstrap resamples prompts with this seed. */
const PAIR_SEED = 1;

function comparePair(a: JudgedModel, b: JudgedModel): PairReport {
  const kept = (scores: readonly FormScore[]): number[] => scores.map(({ strict }) => Number(strict.all));
  const other = kept(b.scores);
  return {
    a: a.report.name,
    b: b.report.name,
    constrained: a.report.constrained,
    n: a.scores.length,
    seed: PAIR_SEED,
    ...pairedWinRate(a.scores.map(points), b.scores.map(points), PAIR_SEED),
    difference: {
      all: bootstrapMean(
        kept(a.scores).map((value, i) => value - other[i]!),
        PAIR_SEED,
      ),
    },
  };
}

type JudgedModel = ReturnType<typeof judgeModel>;

const accuracyOf = ({ accuracy, balancedAccuracy, majority, calibration, trainedOn }: StylePart): StyleAccuracy => ({
  accuracy,
  balancedAccuracy,
  calibration,
  majority,
  trainedOn,
});

/** Judges every model and the control row; each model is compared with those before it, prompt by prompt. */
export function buildLadder(
  models: readonly ModelPoems[],
  control: ModelPoems,
  scorers: LadderScorers = {},
): LadderReport {
  const rows = [...models, control].filter(({ poems }) => poems.length > 0);
  const smallest = Math.min(...rows.map(({ poems }) => poems.length));
  const judged = models.map((model) => judgeModel(model, scorers, smallest));
  const pairs = judged.flatMap((a, i) =>
    judged
      .slice(0, i)
      .reverse()
      .filter((b) => a.scores.length === b.scores.length && a.report.constrained === b.report.constrained)
      .map((b) => comparePair(a, b)),
  );
  const { style, themeFacts } = scorers;
  return {
    models: judged.map((entry) => entry.report),
    control: judgeModel(control, scorers, smallest).report,
    pairs,
    scorers: {
      checker: measureFalseAlarms(),
      ...(themeFacts === undefined ? {} : { theme: themeFacts }),
      ...(style === undefined
        ? {}
        : { style: { dynasty: accuracyOf(style.dynasty), author: accuracyOf(style.author) } }),
    },
  };
}
