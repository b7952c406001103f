/**
 * Training examples of fine-tuning: from built-in corpora, poems that keep every rule, asked for as a person asks; from
 * dataset files, their rows.
 */
import { END_TOKEN, type Poem, type PoemRequest } from '@tuiqiao/corpus';
import type { Tokenizer } from '@tuiqiao/lm';
import type { RunControls, RunWarning, SftRecipe } from '@tuiqiao/schema';
import { createRandom } from '@tuiqiao/tensor';
import type { Example } from '@tuiqiao/tune';
import { promptIdsFor, promptStyleOf } from '@tuiqiao/verse';
import { openCorpus } from './corpus-source.ts';
import { checkValidation, type DatasetSource, findDatasets, holdOut, loadRows } from './dataset-source.ts';
import { RecipesError } from './errors.ts';
import { plainRequest } from './poet/requests.ts';
import { createRowReader, type RowReader } from './row-examples.ts';
import type { ManifestData } from './run-manifest.ts';

export interface LoadedExamples {
  readonly training: readonly Example[];
  readonly validation: readonly Example[];
  readonly manifestEntries: readonly ManifestData[];
  /** To be told when the run has started. */
  readonly warnings: readonly RunWarning[];
}

type DataRecipe = Pick<
  SftRecipe,
  | 'dataset'
  | 'evalDataset'
  | 'datasetDir'
  | 'maxSamples'
  | 'valSize'
  | 'maxLength'
  | 'completionOnlyLoss'
  | 'rhymeWeight'
  | 'seed'
>;

/** Validation examples of a corpus: enough for a steady loss, few enough to be quick. */
const MAX_VALIDATION = 400;

/**
 * A poem and the request it answers, as token ids.
 *
 * @param rhymeWeight loss weight of the characters before `。`: they carry rhyme and its repetition, are one in seven,
 *   and are learnt last. Counts only where every character is one token.
 */
export function poemExample(poem: Poem, request: PoemRequest, tokenizer: Tokenizer, rhymeWeight = 1): Example {
  const isControl = promptStyleOf(tokenizer) === 'control';
  const completion = tokenizer.encode(isControl ? poem.text + END_TOKEN : poem.text, { addSpecialTokens: false });
  if (!isControl && tokenizer.eosTokenId !== null) completion.push(tokenizer.eosTokenId);
  const example = { id: poem.id, promptIds: promptIdsFor(tokenizer, request), completionIds: completion };
  if (rhymeWeight === 1 || !isControl) return example;
  const stop = tokenizer.tokenToId('。');
  return { ...example, weight: completion.map((_, i) => (completion[i + 1] === stop ? rhymeWeight : 1)) };
}

/** Regulated verse and ci that keep every rule by the strict checker. */
export function isModel(poem: Poem): boolean {
  return poem.labels.isFlawless && (poem.labels.start !== null || poem.labels.tune !== null);
}

/** What one name of the recipe gives. */
interface Part {
  readonly training: readonly Example[];
  readonly validation: readonly Example[];
  readonly manifestEntry: ManifestData;
  readonly warnings: readonly string[];
}

/**
 * @throws RecipesError `dataset-not-found` when a name is no corpus, no dataset and no file; `dataset-unsupported` for
 *   rows without an answer; `dataset-empty` when nothing is left; CorpusError for files that cannot be read
 */
export async function loadExamples(
  recipe: DataRecipe,
  tokenizer: Tokenizer,
  controls: RunControls = {},
): Promise<LoadedExamples> {
  checkValidation(recipe);
  const reader = createRowReader({ tokenizer, ...recipe });
  const load = (source: DatasetSource, valSize: number): Promise<Part> =>
    source.kind === 'corpus'
      ? loadPoems(source.name, recipe, tokenizer, controls)
      : loadFile(source, valSize, recipe, reader, controls);
  // Both lists are looked up before anything is read: a misspelt name should not cost minutes.
  const sources = await findDatasets(recipe.dataset, recipe.datasetDir);
  const evalSources = await findDatasets(recipe.evalDataset, recipe.datasetDir);
  const parts: Part[] = [];
  for (const source of sources) parts.push(await load(source, recipe.valSize));
  const evalParts: Part[] = [];
  for (const source of evalSources) evalParts.push(await load(source, 0));

  const training = parts.flatMap((part) => part.training);
  if (training.length === 0) {
    throw new RecipesError('dataset-empty', `${recipe.dataset.join(', ')}: no example is left to train on`, {
      hint: 'Of a corpus only poems that keep every rule are used, up to maxLength tokens.',
    });
  }
  const validation =
    evalParts.length === 0
      ? parts.flatMap((part) => part.validation)
      : // A corpus has a validation part; a file given as validation data is that whole.
        evalParts.flatMap((part, i) => (evalSources[i]!.kind === 'corpus' ? part.validation : part.training));
  const messages = [...parts, ...evalParts].flatMap((part) => part.warnings);
  return {
    training,
    validation,
    manifestEntries: [...parts, ...evalParts].map((part) => part.manifestEntry),
    warnings: [
      ...messages.map((message): RunWarning => ({ type: 'run-warning', code: 'dataset', message })),
      ...reader.warnings(),
    ],
  };
}

async function loadPoems(name: string, recipe: DataRecipe, tokenizer: Tokenizer, controls: RunControls): Promise<Part> {
  const corpus = await openCorpus(name, controls);
  const poems = corpus.poems.filter(isModel);
  createRandom(recipe.seed).fork(name).shuffle(poems);
  const toExamples = (split: Poem['labels']['split'], limit: number): Example[] =>
    poems
      .filter((poem) => poem.labels.split === split)
      .slice(0, limit)
      .map((poem) => poemExample(poem, plainRequest(poem), tokenizer, split === 'train' ? recipe.rhymeWeight : 1))
      .filter((example) => example.promptIds.length + example.completionIds.length <= recipe.maxLength)
      .map((example) => (recipe.completionOnlyLoss ? example : learnWhole(example)));
  return {
    training: toExamples('train', recipe.maxSamples ?? Infinity),
    validation: toExamples('validation', MAX_VALIDATION),
    manifestEntry: corpus.manifestEntry,
    warnings: [],
  };
}

/** The same tokens with the loss on all of them. */
function learnWhole({ id, promptIds, completionIds }: Example): Example {
  return { id, promptIds: [], completionIds: [...Array.from(promptIds), ...Array.from(completionIds)] };
}

async function loadFile(
  source: Extract<DatasetSource, { kind: 'file' }>,
  valSize: number,
  recipe: DataRecipe,
  reader: RowReader,
  controls: RunControls,
): Promise<Part> {
  const { rows, layout, kind, manifestEntry, warnings } = await loadRows(source, recipe, controls);
  if (kind === 'preference' || kind === 'prompt') {
    throw new RecipesError(
      'dataset-unsupported',
      `sft: ${source.name}: expected rows with an answer, got ${kind === 'prompt' ? 'prompts without one' : 'pairs of a better and a worse one'}`,
      kind === 'preference' ? { hint: 'Pairs are for stage dpo.' } : {},
    );
  }
  // Rows, not examples, are held out: the turns of one conversation stay on one side.
  const { training, validation } = holdOut(rows, valSize, source.name, recipe.seed);
  return {
    training: training.flatMap((row) => reader.examples(row, layout.format)),
    validation: validation.flatMap((row) => reader.examples(row, layout.format)),
    manifestEntry,
    warnings,
  };
}
