/** What stands in a built corpus: counts, rules, hashes, versions. Written as `manifest.json` beside the poems. */
import type { CleaningRule } from './clean/clean-poem.ts';
import type { CollectionName } from './sources/read-records.ts';

/** Bump when a rule or a label changes: another version is another folder. */
export const CORPUS_VERSION = 5;

export type CorpusRule = CleaningRule | 'exact-duplicates' | 'near-duplicates';

export interface RuleCount {
  /** Poems in which the rule found something. */
  readonly touched: number;
  /** Poems that this rule, as the first of them, dropped. */
  readonly dropped: number;
}

export interface CorpusManifest {
  readonly version: number;
  readonly builtAt: string;
  readonly source: { readonly name: string; readonly version: string; readonly integrity: string };
  readonly read: Readonly<Partial<Record<CollectionName, number>>>;
  readonly kept: Readonly<Partial<Record<CollectionName, number>>>;
  readonly rules: Readonly<Partial<Record<CorpusRule, Readonly<Partial<Record<CollectionName, RuleCount>>>>>>;
  readonly splits: Readonly<Record<'train' | 'validation' | 'test', number>>;
  readonly forms: Readonly<Record<string, { readonly poems: number; readonly flawless: number }>>;
  readonly clusters: number;
  /** Of ids, texts and splits alone: stays when only labels change. */
  readonly textSha256: string;
  readonly seconds: number;
  readonly files: Readonly<
    Record<
      string,
      {
        readonly sizeBytes: number;
        readonly sha256: string;
        /** Of the lines before compression: the same on every machine. */
        readonly contentSha256: string;
        readonly poems: number;
      }
    >
  >;
}
