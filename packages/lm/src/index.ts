export type { ModelConfig } from './config.ts';
export type {
  CacheEntry,
  KeyValueCache,
  LanguageModel,
  LogProbOptions,
  PackedBatch,
  TokenLogProbs,
} from './language-model.ts';
