import './pages.ts';

export { ALIASES, type Alias, type Origin } from './aliases.ts';
export { describeOptions, describeSchema, flagOf, type OptionDescription } from './describe-options.ts';
export { editDistance, findNearest } from './edit-distance.ts';
export { type ErrorWords, OptionError, type OptionErrorCode, TuiqiaoError } from './errors.ts';
export { reviveError, type SerialisedError, serialiseError } from './errors-between-threads.ts';
export {
  type AdapterEntry,
  loadAdapterRequest,
  scaleAdaptersRequest,
  unloadAdapterRequest,
} from './http/adapter-requests.ts';
export type {
  ChatChoice,
  ChatChunk,
  ChatCompletion,
  ChatLogProbs,
  ErrorReply,
  FinishReason,
  LegacyLogProbs,
  ModelList,
  ModelObject,
  TextCompletion,
  TokenLogProb,
  TopLogProb,
  Usage,
} from './http/openai-replies.ts';
export {
  type ChatCompletionInput,
  type ChatCompletionRequest,
  type CompletionInput,
  type CompletionRequest,
  chatCompletionRequest,
  completionRequest,
} from './http/openai-requests.ts';
export { parseRequest } from './http/parse-request.ts';
export {
  type CheckReply,
  checkManyRequest,
  checkRequest,
  type PoemsReply,
  type PoemToCheck,
  parsePoemWords,
  poemsRequest,
} from './http/poem-requests.ts';
export {
  type PolishRequest,
  polishRequest,
  type RunDetail,
  type RunList,
  type RunLogEntry,
  type RunOutcome,
  type RunSample,
  type RunStreamEvent,
  type RunSummary,
  type StudioModels,
} from './http/studio-requests.ts';
export type { Metrics } from './metrics.ts';
export { checkSchema, INPUT_FORMATS, type InputFormat } from './options/check.ts';
export { DPO_LOSSES } from './options/dpo.ts';
export { EVALUATION_TASKS, type EvaluationTask, parseRung, type Rung } from './options/evaluate.ts';
export { DEFAULT_REWARDS, GRPO_LOSSES } from './options/grpo.ts';
export { KTO_LOSSES } from './options/kto.ts';
export { DEFAULT_MODEL } from './options/model.ts';
export { DATASET_FORMATS } from './options/prepare.ts';
export { TEMPLATES, type TemplateName } from './options/template.ts';
export { LR_SCHEDULERS } from './options/training.ts';
export { BOOKS, VERSE_FORMS } from './options/verse.ts';
export { type Parsed, parseOptions, parseOptionsBy, parseRecipe, readStage } from './parse-options.ts';
export { type PlainMap, resolveNames } from './resolve-names.ts';
export type {
  CheckpointSave,
  EvalEnd,
  OnEvent,
  Progress,
  RunControls,
  RunEnd,
  RunEvent,
  RunFailure,
  RunStart,
  RunWarning,
  Sample,
  StepEnd,
} from './run-event.ts';
export type { StagePlan } from './stage-plan.ts';
export {
  type ChatOptions,
  type CheckOptions,
  type CompareInput,
  type CompareOptions,
  type DemoInput,
  type DemoOptions,
  type DpoInput,
  type DpoLossOptions,
  type DpoRecipe,
  type EvaluateInput,
  type EvaluateRecipe,
  type ExportOptions,
  type GeometryOptions,
  type GrpoInput,
  type GrpoRecipe,
  type KtoInput,
  type KtoRecipe,
  type LoraOptions,
  type MergeOptions,
  OPTION_SETS,
  type OptionSetName,
  type PoemOptions,
  type PolishOptions,
  type PrepareInput,
  type PrepareRecipe,
  type PretrainInput,
  type PretrainRecipe,
  type Recipe,
  type ResolvedOptions,
  type RmInput,
  type RmRecipe,
  type ServeOptions,
  type SftInput,
  type SftRecipe,
  STAGES,
  type Stage,
  type StudioOptions,
  type WriteInput,
  type WriteOptions,
} from './stages.ts';
