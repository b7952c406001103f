// The tasks of the bench by name, in the order they run. Each: ({ isQuick }) → result with `rows` of rates.
import { runGrpo, runPairs } from './alignment.mjs';
import { runChecking } from './checking.mjs';
import { runDecoding } from './decoding.mjs';
import { runLargeCheckpointing, runLargeDecoding, runLargeFineTuning, runQlora, runTrimmed } from './large.mjs';
import { runMasks } from './masks.mjs';
import { profileFineTuning, profilePretraining } from './profile.mjs';
import { runScalingPoint } from './scaling.mjs';
import { runFineTuning, runPretraining } from './training.mjs';

export const TASKS = {
  pretrain: runPretraining,
  sft: runFineTuning,
  decode: runDecoding,
  check: runChecking,
  'large-sft': runLargeFineTuning,
  'large-sft-checkpointed': runLargeCheckpointing,
  'large-qlora': runQlora,
  'large-trimmed': runTrimmed,
  'large-dpo': runPairs,
  'large-grpo': runGrpo,
  'large-decode': runLargeDecoding,
  masks: runMasks,
};

export const TRAINING_TASKS = ['pretrain', 'sft'];

/** A point of `scaling.mjs`. */
export const SCALING_TASK = 'scaling';
export const POINTS = { [SCALING_TASK]: runScalingPoint };

export const PROFILES = {
  'profile-pretrain': profilePretraining,
  'profile-sft': profileFineTuning,
};
