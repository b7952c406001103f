export type { Checkpoint } from './checkpoint/checkpoint.ts';
export { openCheckpoint } from './checkpoint/checkpoint.ts';
export { parseConfig, writeConfig } from './checkpoint/config-json.ts';
export type { GgufFile, GgufTensor, GgufValue } from './checkpoint/gguf.ts';
export { readGguf } from './checkpoint/gguf.ts';
export { bf16ToFloats, f16ToFloats, floatsToBf16 } from './checkpoint/number-formats.ts';
export type { OpenedModel } from './checkpoint/open-model.ts';
export { isGguf, openModel, readModelConfig } from './checkpoint/open-model.ts';
export type { SafetensorsDType, SafetensorsHeader, TensorEntry, TensorToWrite } from './checkpoint/safetensors.ts';
export {
  readSafetensorsHeader,
  readTensorBytes,
  readTensorFloats,
  readTensorInts,
  writeSafetensors,
} from './checkpoint/safetensors.ts';
export type { WeightSource, WeightSources } from './checkpoint/weight-source.ts';
export { loadWeight } from './checkpoint/weight-source.ts';
export { writeCheckpoint } from './checkpoint/write-checkpoint.ts';
export { writeTextFile } from './checkpoint/write-text-file.ts';
export type { ModelConfig, RopeScaling } from './config.ts';
export type { LmErrorCode } from './errors.ts';
export { LmError } from './errors.ts';
export { parameterCount } from './families/weights.ts';
export type { BeamOptions, BeamSequence } from './generate/beam-search.ts';
export { beamSearch } from './generate/beam-search.ts';
export type { BatchEvent, BatchSequence } from './generate/decode-batch.ts';
export { createSequences, DecodeBatch } from './generate/decode-batch.ts';
export type { GeneratedSequence, GenerateOptions, SequenceEnd, TokenEvent } from './generate/generate.ts';
export { generate, generateStream } from './generate/generate.ts';
export type { GeneratedText, GenerateTextOptions } from './generate/generate-text.ts';
export { defaultStopIds, generateText } from './generate/generate-text.ts';
export type { SamplingOptions } from './generate/sampling-options.ts';
export type { TextStream } from './generate/text-stream.ts';
export { createTextStream } from './generate/text-stream.ts';
export type { GgufType } from './gguf/gguf-blocks.ts';
export { type WriteGgufOptions, writeGguf } from './gguf/write-gguf.ts';
export type {
  CacheEntry,
  KeyValueCache,
  LanguageModel,
  LayerBottlenecks,
  LogProbOptions,
  PackedBatch,
  PackedTokens,
  SoftPrompt,
  TokenLogProbs,
} from './language-model.ts';
export type { ComputeType, LoadOptions, SaveOptions } from './load-language-model.ts';
export { createLanguageModel, loadLanguageModel, saveLanguageModel } from './load-language-model.ts';
export type { CharacterVocabulary } from './tokenizer/character-tokenizer.ts';
export { createCharacterTokenizer } from './tokenizer/character-tokenizer.ts';
export { chineseTokens } from './tokenizer/chinese-tokens.ts';
export { createTokenizer, loadTokenizer, saveTokenizer } from './tokenizer/load-tokenizer.ts';
export { saveTemplate, withStoredTemplate, withTemplate } from './tokenizer/named-templates.ts';
export type {
  ChatMessage,
  ChatTemplateOptions,
  DecodeOptions,
  EncodeOptions,
  Tokenizer,
  TokenizerFiles,
} from './tokenizer/tokenizer.ts';
