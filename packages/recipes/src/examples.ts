/** Training examples of fine-tuning, from built-in corpora: poems that keep every rule, asked for as a person asks. */
import { END_TOKEN, type Poem, type PoemRequest } from '@tuiqiao/corpus';
import type { Tokenizer } from '@tuiqiao/lm';
import type { RunControls, SftRecipe } from '@tuiqiao/schema';
import { createRandom } from '@tuiqiao/tensor';
import type { Example } from '@tuiqiao/tune';
import { promptIdsFor, promptStyleOf } from '@tuiqiao/verse';
import { openCorpus } from './corpus-source.ts';
import { RecipesError } from './errors.ts';
import { plainRequest } from './poet/requests.ts';
import type { ManifestData } from './run-manifest.ts';

export interface LoadedExamples {
  readonly training: readonly Example[];
  readonly validation: readonly Example[];
  readonly manifestEntries: readonly ManifestData[];
}

type DataRecipe = Pick<SftRecipe, 'dataset' | 'maxSamples' | 'maxLength' | 'seed'>;

/** Validation examples: enough for a steady loss, few enough to be quick. */
const MAX_VALIDATION = 400;

/** A poem and the request it answers, as token ids. */
export function poemExample(poem: Poem, request: PoemRequest, tokenizer: Tokenizer): Example {
  const isControl = promptStyleOf(tokenizer) === 'control';
  const completion = tokenizer.encode(isControl ? poem.text + END_TOKEN : poem.text, { addSpecialTokens: false });
  if (!isControl && tokenizer.eosTokenId !== null) completion.push(tokenizer.eosTokenId);
  return { id: poem.id, promptIds: promptIdsFor(tokenizer, request), completionIds: completion };
}

/** Regulated verse and ci that keep every rule by the strict checker. */
export function isModel(poem: Poem): boolean {
  return poem.labels.isFlawless && (poem.labels.start !== null || poem.labels.tune !== null);
}

/**
 * @throws RecipesError `dataset-not-found` when a name is no corpus and no file; `dataset-empty` when nothing is left
 */
export async function loadExamples(
  recipe: DataRecipe,
  tokenizer: Tokenizer,
  controls: RunControls = {},
): Promise<LoadedExamples> {
  const training: Example[] = [];
  const validation: Example[] = [];
  const manifestEntries: ManifestData[] = [];
  for (const name of recipe.dataset) {
    const corpus = await openCorpus(name, controls);
    manifestEntries.push(corpus.manifestEntry);
    const poems = corpus.poems.filter(isModel);
    createRandom(recipe.seed).fork(name).shuffle(poems);
    const toExamples = (split: Poem['labels']['split'], limit: number): Example[] =>
      poems
        .filter((poem) => poem.labels.split === split)
        .slice(0, limit)
        .map((poem) => poemExample(poem, plainRequest(poem), tokenizer))
        .filter((example) => example.promptIds.length + example.completionIds.length <= recipe.maxLength);
    training.push(...toExamples('train', recipe.maxSamples ?? Infinity));
    validation.push(...toExamples('validation', MAX_VALIDATION));
  }
  if (training.length === 0) {
    throw new RecipesError('dataset-empty', `${recipe.dataset.join(', ')}: no example is left to train on`, {
      hint: 'Only poems that keep every rule are used, up to maxLength tokens.',
    });
  }
  return { training, validation, manifestEntries };
}
