export { type CompareResult, type JudgeTally, runCompare } from './compare.ts';
export { type DemoResult, runDemo } from './demo.ts';
export { runDpo } from './dpo.ts';
export { RecipesError, type RecipesErrorCode } from './errors.ts';
export { type EvaluateResult, runEvaluate } from './evaluate.ts';
export { type ExportCheckRow, type ExportResult, runExport } from './export.ts';
export { runGrpo } from './grpo.ts';
export { runKto } from './kto.ts';
export type { LogitDifference } from './logit-check.ts';
export { type MergeResult, runMerge } from './merge.ts';
export { type PoemToPolish, type PolishInput, type PolishRecord, type PolishWords, runPolish } from './polish.ts';
export {
  type PreparedFile,
  type PrepareManifest,
  type PrepareResult,
  runPrepare,
} from './prepare.ts';
export { runPretrain } from './pretrain.ts';
export { type PreviewExample, type PreviewResult, type PreviewSpan, runPreview } from './preview.ts';
export {
  formatRecipe,
  type LoadedRecipe,
  loadRecipe,
  type Override,
  parseOverride,
  type RecipeSource,
  writeRecipe,
} from './recipe-file.ts';
export { runRm } from './rm.ts';
export { followRun, listRuns, readRun, resolveRun } from './run-list.ts';
export {
  describeMachine,
  describeVersions,
  hashFile,
  type Machine,
  type ManifestData,
  type RunManifest,
} from './run-manifest.ts';
export type {
  AdapterChange,
  ChatTurn,
  CompletionControls,
  CompletionEvent,
  CompletionJob,
  CompletionResult,
  Engine,
  EngineFacts,
  PoemJob,
  PoemsResult,
  PolishJob,
  SaidToken,
  ServedModel,
} from './serving/engine.ts';
export { type EngineOptions, openEngine } from './serving/local-engine.ts';
export { type PoemMessage, readPoemMessage } from './serving/poem-message.ts';
export { startEngine } from './serving/start-engine.ts';
export { runSft } from './sft.ts';
export { planStage } from './stage-plan.ts';
export type { StageResult } from './training-run.ts';
export {
  type Checkpoint,
  inspectRun,
  type OpenRunOptions,
  openRun,
  RUN_FILES,
  type RunFacts,
  type RunFolder,
  type RunState,
} from './workspace.ts';
export { type PoemRecord, runWrite, type WriteResult } from './write.ts';
