export { defaultCacheFolder } from './cache-folder.ts';
export { CLEANING_RULES, type CleanedPoem, type CleaningRule, cleanPoem } from './clean/clean-poem.ts';
export { foldText } from './clean/fold-variants.ts';
export { characterCount, splitLines } from './clean/lines.ts';
export { CorpusError, type CorpusErrorCode } from './errors.ts';
export type { Dynasty, Poem, PoemLabels } from './poem.ts';
export { findPulled, type PulledCorpus, type PullOptions, pullCorpus } from './sources/pull.ts';
export {
  COLLECTIONS,
  type CollectionName,
  listRecordFiles,
  type RawPoem,
  readComposedGlyphs,
  readRecords,
} from './sources/read-records.ts';
