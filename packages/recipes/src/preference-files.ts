/** Preference pairs for DPO from dataset files, and what a stage of pairs does with its validation part. */
import type { LanguageModel, Tokenizer } from '@tuiqiao/lm';
import type { DpoRecipe, Metrics, RunControls, RunWarning } from '@tuiqiao/schema';
import type { Arena } from '@tuiqiao/tensor';
import {
  computeReferenceLogProbs,
  type Dataset,
  type PairwiseLosses,
  type PreferencePair,
  pairwiseMix,
  type ReferenceLogProbs,
} from '@tuiqiao/tune';
import { type DatasetSource, type FileSource, loadRows } from './dataset-source.ts';
import { RecipesError } from './errors.ts';
import { createRowReader } from './row-examples.ts';
import type { ManifestData } from './run-manifest.ts';

export interface LoadedPairs {
  readonly pairs: readonly PreferencePair[];
  readonly manifestEntries: readonly ManifestData[];
  readonly warnings: readonly RunWarning[];
}

/**
 * Pairs are either sampled, for the poems of a corpus, or stand in files.
 *
 * @returns the files, or null when the pairs are to be sampled
 * @throws RecipesError `recipe-bad-value` when the recipe mixes the two
 */
export function chooseFiles(sources: readonly DatasetSource[]): FileSource[] | null {
  const files = sources.filter((source) => source.kind === 'file');
  if (files.length === 0) return null;
  const corpus = sources.find((source) => source.kind === 'corpus');
  if (corpus === undefined) return files;
  throw new RecipesError(
    'recipe-bad-value',
    `dpo: dataset: expected corpora to sample pairs for or files of pairs, got both (${corpus.name}, ${files[0]!.name})`,
    { hint: 'Run two stages, or leave one of them out.' },
  );
}

/** @throws RecipesError `dataset-unsupported` for rows that are no pairs, `dataset-empty`; CorpusError for broken files */
export async function loadPairs(
  files: readonly FileSource[],
  recipe: Pick<DpoRecipe, 'seed' | 'maxSamples' | 'maxLength'>,
  tokenizer: Tokenizer,
  controls: RunControls = {},
): Promise<LoadedPairs> {
  const reader = createRowReader({ tokenizer, maxLength: recipe.maxLength, completionOnlyLoss: true });
  const pairs: PreferencePair[] = [];
  const manifestEntries: ManifestData[] = [];
  const warnings: RunWarning[] = [];
  for (const source of files) {
    const loaded = await loadRows(source, recipe, controls);
    if (loaded.kind !== 'preference') {
      throw new RecipesError(
        'dataset-unsupported',
        `dpo: ${source.name}: expected rows with chosen and rejected, got rows with ${loaded.kind === 'prompt' ? 'a prompt alone' : 'one answer'}`,
        {
          hint: 'For an alpaca or sharegpt file, say "ranking": true in dataset_info.json; to sample pairs, name a corpus.',
        },
      );
    }
    manifestEntries.push(loaded.manifestEntry);
    warnings.push(...loaded.warnings.map((message): RunWarning => ({ type: 'run-warning', code: 'dataset', message })));
    for (const row of loaded.rows) {
      const pair = reader.pair(row);
      if (pair !== null) pairs.push(pair);
    }
  }
  if (pairs.length === 0) {
    throw new RecipesError('dataset-empty', `dpo: no pair of ${files.map(({ name }) => name).join(', ')} is left`, {
      hint: 'Their prompts alone are longer than maxLength.',
    });
  }
  return { pairs, manifestEntries, warnings: [...warnings, ...reader.warnings()] };
}

/** Loss and TRL's metrics of held-out pairs under the policy as it stands, each with `eval_` before its name. */
export async function evaluatePairs(options: {
  readonly model: LanguageModel;
  readonly data: Dataset<PreferencePair>;
  readonly references: ReferenceLogProbs;
  readonly objective: PairwiseLosses;
  /** Step memory to use; its own by default. */
  readonly arena?: Arena;
  readonly signal?: AbortSignal | undefined;
}): Promise<Metrics> {
  const { model, data, references, arena, signal } = options;
  // The same sums as the reference's, but of the model as it is now.
  const policy = await computeReferenceLogProbs({
    model,
    data,
    reference: 'start',
    ...(arena === undefined ? {} : { arena }),
    ...(signal === undefined ? {} : { signal }),
  });
  const count = data.length;
  const offsets = new Int32Array(2 * count + 1);
  const reference = new Float64Array(2 * count);
  const sums = new Float64Array(2 * count);
  for (let p = 0; p < count; p++) {
    const { chosenIds, rejectedIds } = data.item(p);
    offsets[2 * p + 1] = offsets[2 * p]! + chosenIds.length;
    offsets[2 * p + 2] = offsets[2 * p + 1]! + rejectedIds.length;
    sums[2 * p] = policy.chosen[p]!;
    sums[2 * p + 1] = policy.rejected[p]!;
    reference[2 * p] = references.chosen[p]!;
    reference[2 * p + 1] = references.rejected[p]!;
  }
  // Losses read sums and per-token means of a completion: spread evenly, its tokens have both.
  const logProbs = new Float64Array(offsets.at(-1)!);
  for (let s = 0; s < 2 * count; s++) {
    const [start, end] = [offsets[s]!, offsets[s + 1]!];
    logProbs.fill(sums[s]! / (end - start), start, end);
  }
  const { loss, metrics } = pairwiseMix({ logProbs, offsets, reference }, options.objective);
  return Object.fromEntries(Object.entries({ loss, ...metrics }).map(([name, value]) => [`eval_${name}`, value]));
}
