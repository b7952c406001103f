export { CANON, type CanonGrade, type CanonPoem } from './checker/canon.ts';
export { type FalseAlarms, measureFalseAlarms } from './checker/false-alarms.ts';
export { bootstrap, bootstrapMean, type Mean, pairedWinRate, type Rate, wilson } from './intervals.ts';
export { buildLadder, judgeModel, type LadderScorers } from './ladder.ts';
export type {
  JudgedPoem,
  LadderReport,
  LadderSample,
  ModelPoems,
  ModelReport,
  Novelty,
  PairReport,
  ScorerReport,
  Scores,
  TaskSample,
  TaskScores,
} from './ladder-report.ts';
export { type BitsPerChar, bitsPerChar, hanCharacterCount, kneserNeyBitsPerChar } from './language/bits-per-char.ts';
export { type KneserNeyModel, type KneserNeyOptions, trainKneserNey } from './language/kneser-ney.ts';
export {
  type BleuOptions,
  type BleuScore,
  corpusBleu,
  type ReferencePair,
  sentenceBleu,
} from './reference/bleu.ts';
export { type Calibration, calibration } from './reference/calibration.ts';
export { type ChrfOptions, corpusChrf, sentenceChrf } from './reference/chrf.ts';
export {
  type ClassificationReport,
  type ClassScore,
  classificationReport,
  cohenKappa,
  confusionMatrix,
  formatClassification,
} from './reference/classification.ts';
export { type RocCurve, rocCurve } from './reference/ranking.ts';
export { type RougeScore, type RougeScores, rouge, rougeTokens } from './reference/rouge.ts';
export { scoreTask, type TaskAnswer } from './reference/task-scores.ts';
export { BLEU_TOKENIZERS, type BleuTokenizer, tokenizeForBleu } from './reference/tokenize.ts';
export {
  type ReportInput,
  type ReportLanguage,
  type ReportLogEntry,
  type ReportPoem,
  type ReportRun,
  renderReport,
} from './report/index.ts';
export * from './review/index.ts';
export { type CopyLookup, type LineTrace, traceLines } from './scorers/copying.ts';
export { type Diversity, diversityOf } from './scorers/diversity.ts';
export { type AskedForm, type FormScore, scoreForm } from './scorers/shape.ts';
export {
  openStyle,
  type StyleClassifier,
  type StyleExample,
  type StyleTrainingOptions,
  type StyleWeights,
  trainStyle,
} from './scorers/style.ts';
export {
  decodeStyle,
  encodeStyle,
  loadStyle,
  type StyleAccuracy,
  type StyleModel,
  type StylePart,
} from './scorers/style-file.ts';
export { type StyledPoem, type StyleScores, scoreStyle } from './scorers/style-scores.ts';
export {
  type ThemedPoem,
  type ThemeRelevance,
  type TitledPoem,
  themeFit,
  trainThemeRelevance,
} from './scorers/theme.ts';
