// The tasks of the bench by name, in the order they run. Each: ({ isQuick }) → result with `rows` of rates.
import { runChecking } from './checking.mjs';
import { runDecoding } from './decoding.mjs';
import { runLargeCheckpointing, runLargeDecoding, runLargeFineTuning } from './large.mjs';
import { runMasks } from './masks.mjs';
import { profileFineTuning, profilePretraining } from './profile.mjs';
import { runFineTuning, runPretraining } from './training.mjs';

export const TASKS = {
  pretrain: runPretraining,
  sft: runFineTuning,
  decode: runDecoding,
  check: runChecking,
  'large-sft': runLargeFineTuning,
  'large-sft-checkpointed': runLargeCheckpointing,
  'large-decode': runLargeDecoding,
  masks: runMasks,
};

export const TRAINING_TASKS = ['pretrain', 'sft'];

export const PROFILES = {
  'profile-pretrain': profilePretraining,
  'profile-sft': profileFineTuning,
};
