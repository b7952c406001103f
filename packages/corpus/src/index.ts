export {
  type BuildOptions,
  buildCorpus,
  corpusFile,
  corpusFolder,
  findCorpus,
  loadCorpus,
  readCorpus,
} from './build.ts';
export { defaultCacheFolder } from './cache-folder.ts';
export { CLEANING_RULES, type CleanedPoem, type CleaningRule, cleanPoem } from './clean/clean-poem.ts';
export { foldText } from './clean/fold-variants.ts';
export { characterCount, splitLines } from './clean/lines.ts';
export { toSimplified } from './clean/to-simplified.ts';
export { toTraditional } from './clean/to-traditional.ts';
export * from './datasets/index.ts';
export { createHeldOutIndex, type HeldOutIndex } from './dedupe/held-out-index.ts';
export { type DuplicateReport, findDuplicates } from './dedupe/near-duplicates.ts';
export { CorpusError, type CorpusErrorCode } from './errors.ts';
export { loadCorpusLineIndex } from './index/corpus-index.ts';
export {
  type BuildLineIndexOptions,
  buildLineIndex,
  type CopiedLine,
  type IndexedPoem,
  LineIndex,
  type LineSource,
  MIN_LINE_CHARACTERS,
} from './index/line-index.ts';
export * from './instruct/index.ts';
export { CORPUS_VERSION, type CorpusManifest, type CorpusRule, type RuleCount } from './manifest.ts';
export { CharacterPool } from './pair/character-pool.ts';
export {
  createNegative,
  createRandomNegative,
  isSpoilable,
  NEGATIVE_RULES,
  type Negative,
  type NegativeOptions,
  type NegativeRule,
  negativeRulesFor,
} from './pair/negatives.ts';
export {
  createOtherNegative,
  OTHER_NEGATIVES,
  type OtherNegative,
  type OtherNegativeOptions,
} from './pair/other-negatives.ts';
export { createRandom, type Random, shuffle } from './pair/random.ts';
export type { Dynasty, Poem, PoemLabels } from './poem.ts';
export { loadPoems, readPoems, type WrittenFile, writePoemFile } from './poem-file.ts';
export { type SearchHit, type SearchOptions, searchPoems } from './search.ts';
export { type Paraphrase, readParaphrases } from './sources/paraphrases.ts';
export { findPulled, type PulledCorpus, type PullOptions, pullCorpus } from './sources/pull.ts';
export {
  COLLECTIONS,
  type CollectionName,
  listRecordFiles,
  type RawPoem,
  readComposedGlyphs,
  readRecords,
} from './sources/read-records.ts';
export { splitOfCluster } from './split.ts';
export { decodeStarter, encodeStarter, loadStarter } from './starter.ts';
export { type CorpusStats, corpusStats } from './stats.ts';
