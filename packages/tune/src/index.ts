export type { BatchingOptions, DataPosition } from './batching.ts';
export { checkBatching, countSteps, planEpoch, planMicroBatches } from './batching.ts';
export { attachBottlenecks, type BottleneckOptions, type BottleneckPlacement } from './bottleneck/bottleneck.ts';
export { findResumable, listCheckpoints } from './checkpoint.ts';
export { TuneError } from './errors.ts';
export type { EvaluateLossOptions } from './evaluate-loss.ts';
export { evaluateLoss } from './evaluate-loss.ts';
export type { FrozenReference } from './frozen-reference.ts';
export { checkReferenceStart, freezeReference } from './frozen-reference.ts';
export type { Dataset, Example, PreferencePair } from './items.ts';
export { exampleDataset, preferenceDataset } from './items.ts';
export type { Adapter, AdapterConfig, Initialization, LoraOptions } from './lora/adapter.ts';
export {
  attachLora,
  copyAdapter,
  detachAdapter,
  freezeAdapter,
  isLowRank,
  selectAdapter,
  setAdapterScale,
  startPissa,
  unfreezeAdapter,
} from './lora/adapter.ts';
export type { LoadAdapterOptions } from './lora/adapter-files.ts';
export { loadAdapter, readAdapterConfig, saveAdapter } from './lora/adapter-files.ts';
export { type Combination, combineAdapters } from './lora/combine-adapters.ts';
export { mergeAdapter } from './lora/merge-adapter.ts';
export { isMlxFolder, saveMlxAdapter } from './lora/mlx-files.ts';
export type { TargetModules } from './lora/target-modules.ts';
export { computeTypeOf } from './micro-batch.ts';
export type { MicroBatchInput, Objective, ObjectiveResult, StepFinding, StepObjective } from './objective.ts';
export type { AdvantageOptions, GroupAdvantages } from './objectives/advantages.ts';
export { groupAdvantages } from './objectives/advantages.ts';
export type { BradleyTerryInput, BradleyTerryOptions } from './objectives/bradley-terry.ts';
export { bradleyTerry, checkBradleyTerryOptions } from './objectives/bradley-terry.ts';
export type { CrossEntropyInput } from './objectives/cross-entropy.ts';
export { crossEntropy } from './objectives/cross-entropy.ts';
export type { GrpoInput, GrpoLoss, GrpoOptions } from './objectives/grpo.ts';
export { checkGrpoOptions, grpo, grpoLosses } from './objectives/grpo.ts';
export type { KtoInput, KtoLoss, KtoOptions } from './objectives/kto.ts';
export { checkKtoOptions, kto, ktoLosses } from './objectives/kto.ts';
export type { OnPolicyOptions, RolloutFacts, RolloutItem } from './objectives/on-policy.ts';
export { grpoObjective } from './objectives/on-policy.ts';
export type { PairwiseInput, PairwiseLoss, PairwiseOptions } from './objectives/pairwise.ts';
export { checkPairwiseOptions, isReferenceFree, pairwise, pairwiseLosses } from './objectives/pairwise.ts';
export type { PairwiseLosses, WeightedLoss } from './objectives/pairwise-mix.ts';
export { needsReference, pairwiseMix } from './objectives/pairwise-mix.ts';
export type { ReferenceLogProbs } from './objectives/preference.ts';
export { pairSequences, preferenceObjective } from './objectives/preference.ts';
export type { SftOptions } from './objectives/sft.ts';
export { sftObjective } from './objectives/sft.ts';
export type { UnpairedExample, UnpairedReference } from './objectives/unpaired.ts';
export {
  checkUnpairedStart,
  computeUnpairedReference,
  evaluateUnpaired,
  ktoObjective,
  unpairedDataset,
} from './objectives/unpaired.ts';
export type { PackedSequences, PackOptions, Sequence } from './packing.ts';
export { packSequences } from './packing.ts';
export { inspectPairs } from './pair-checks.ts';
export type { ReferenceKind, ReferenceOptions, StartCheckOptions } from './reference.ts';
export { checkDpoStart, computeReferenceLogProbs } from './reference.ts';
export { type PlannedWork, planWork, type Rehearsal, type RehearsedPass, rehearse } from './rehearsal.ts';
export {
  createScoreHead,
  evaluateRewardModel,
  loadRewardModel,
  rewardObjective,
  saveRewardModel,
  scoreRewards,
} from './reward-model.ts';
export type { Completion, CompletionScores, Rollout, RolloutOptions, RolloutPrompt } from './rollouts.ts';
export { rolloutSource } from './rollouts.ts';
export type { ScoreOptions } from './score.ts';
export { scoreCompletions } from './score.ts';
export type { FreezeOptions } from './select-parameters.ts';
export { selectBiases, selectFrozenRest } from './select-parameters.ts';
export { attachSoftPrompt, type SoftPromptKind, type SoftPromptOptions } from './soft-prompt/soft-prompt.ts';
export type { StepItems, StepSource } from './step-source.ts';
export { datasetSource } from './step-source.ts';
export type { CheckpointOptions, LoopOptions, TrainOptions, TrainResult } from './train.ts';
export { train, trainFrom } from './train.ts';
export type { TrainerLog, TrainerLogEntry } from './trainer-log.ts';
export { openTrainerLog, readTrainerLog } from './trainer-log.ts';
