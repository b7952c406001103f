export { bootstrapMean, type Mean, pairedWinRate, type Rate, wilson } from './intervals.ts';
export {
  buildLadder,
  type JudgedPoem,
  judgeModel,
  type LadderReport,
  type LadderSample,
  type LadderScorers,
  type ModelPoems,
  type ModelReport,
  type Novelty,
  type PairReport,
  type Scores,
} from './ladder.ts';
export { type BitsPerChar, bitsPerChar, hanCharacterCount, kneserNeyBitsPerChar } from './language/bits-per-char.ts';
export { type KneserNeyModel, type KneserNeyOptions, trainKneserNey } from './language/kneser-ney.ts';
export {
  type ReportInput,
  type ReportLanguage,
  type ReportLogEntry,
  type ReportPoem,
  type ReportRun,
  renderReport,
} from './report/index.ts';
export { type CopyLookup, type LineTrace, traceLines } from './scorers/copying.ts';
export { type Diversity, diversityOf } from './scorers/diversity.ts';
export { type AskedForm, type FormScore, scoreForm } from './scorers/shape.ts';
export {
  type ThemedPoem,
  type ThemeRelevance,
  type TitledPoem,
  themeFit,
  trainThemeRelevance,
} from './scorers/theme.ts';
