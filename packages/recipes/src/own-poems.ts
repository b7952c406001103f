/**
 * Examples the model writes for itself: the automaton holds it to the rules, and what it wrote is learnt without the
 * automaton. Drawing from the allowed characters A gives, at every place, an unbiased sample of the gradient of
 * −log P(A); where nothing was taken away that gradient is 0 and the sample is noise. So each character counts by the
 * probability the rules took away at its place, and the poems of others are not needed: nothing is learnt by heart. What
 * the model has learnt by heart before is not taught again: a poem with a line of a known one is refused.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { buildLineIndex, type LineIndex, type Poem, type PoemRequest } from '@tuiqiao/corpus';
import type { Tokenizer } from '@tuiqiao/lm';
import type { RunControls, SftRecipe } from '@tuiqiao/schema';
import { createRandom } from '@tuiqiao/tensor';
import type { Example } from '@tuiqiao/tune';
import { promptIdsFor, type WrittenPoem, writePoems } from '@tuiqiao/verse';
import { type OpenedCorpus, openCorpus } from './corpus-source.ts';
import { findDatasets } from './dataset-source.ts';
import { RecipesError } from './errors.ts';
import { isModel } from './examples.ts';
import { openLineIndexes } from './line-indexes.ts';
import type { OpenedModel } from './models.ts';
import { plainRequest, writableRequests } from './poet/requests.ts';
import type { TrainingRun } from './training-run.ts';

const FILE = 'own-poems.json';
/** Written at the same time. */
const SLOTS = 256;
/** Poems between two progress events. */
const BATCH = 512;

/**
 * A character's weight is `FLOOR + min(1, SLOPE · m)`, m the probability taken away. From a fifth on, a place counts in
 * full; the floor keeps the rest of the language where it is.
 */
const SLOPE = 5;
const FLOOR = 0.02;

export interface OwnPoems {
  readonly examples: readonly Example[];
  /** Poems begun. */
  readonly samples: number;
  /** Refused for a line that stands in a known poem. */
  readonly copied: number;
  /** Mean over characters of the probability that the rules took away. */
  readonly removedShare: number;
}

interface OwnPoemsOptions {
  readonly recipe: Pick<SftRecipe, 'dataset' | 'datasetDir' | 'ownPoems' | 'rhymeWeight' | 'seed'>;
  readonly opened: Pick<OpenedModel, 'model' | 'tokenizer' | 'folder'>;
  readonly run: TrainingRun;
  readonly controls: RunControls;
}

/**
 * Writes the poems, or reads those an interrupted run has already written: the policy may have changed since.
 *
 * @throws RecipesError `recipe-bad-value` for data sets that are no poems, `dataset-empty` when no request is left or no
 *   poem was finished
 */
export async function openOwnPoems({ recipe, opened, run, controls }: OwnPoemsOptions): Promise<OwnPoems> {
  const { model, tokenizer } = opened;
  const file = run.folder.pathOf(FILE);
  if (run.folder.resumedFrom !== null && existsSync(file)) return JSON.parse(await readFile(file, 'utf8')) as OwnPoems;
  const corpora = await openCorpora(recipe, controls);
  const requests = ownRequests(recipe, corpora, tokenizer);
  const indexes = await openKnownLines(recipe, corpora, opened.folder);
  const examples: Example[] = [];
  let copied = 0;
  let removed = 0;
  let tokens = 0;
  for (let start = 0; start < requests.length; start += BATCH) {
    const written = await writePoems({
      model,
      tokenizer,
      requests: requests.slice(start, start + BATCH),
      isConstrained: true,
      attempts: 1,
      seed: recipe.seed + start,
      sampling: { temperature: recipe.ownPoems.temperature },
      slots: SLOTS,
      ...(controls.signal === undefined ? {} : { signal: controls.signal }),
    });
    for (const [i, poem] of written.entries()) {
      if (!poem.isAccepted) continue;
      if (hasCopiedLine(poem, indexes)) {
        copied++;
        continue;
      }
      examples.push(ownExample(poem, `own:${start + i}`, tokenizer, recipe.rhymeWeight));
      removed += poem.allowedMass.reduce((sum, mass) => sum + 1 - mass, 0);
      tokens += poem.allowedMass.length;
    }
    const done = Math.min(requests.length, start + BATCH);
    run.emit({ type: 'progress', label: 'writing own poems', done, total: requests.length, unit: 'poems' });
  }
  if (examples.length === 0) {
    throw new RecipesError(
      'dataset-empty',
      `ownPoems: none of ${requests.length} poems came to its end without a copied line (${copied} had one)`,
      {
        hint: copied === 0 ? 'Raise pretraining or lower ownPoems.temperature.' : 'Raise ownPoems.temperature.',
      },
    );
  }
  const own = { examples, samples: requests.length, copied, removedShare: removed / tokens };
  await run.folder.writeFile(FILE, JSON.stringify(own));
  return own;
}

/** Whether a line of the poem stands in one of the indexes, word for word: as evaluation counts copies. */
export function hasCopiedLine({ text }: Pick<WrittenPoem, 'text'>, indexes: readonly LineIndex[]): boolean {
  return indexes.some((index) => index.findCopiedLines(text).length > 0);
}

/** Lines of the starter corpus, of what the model was trained on, and of the recipe's own poems. */
async function openKnownLines(
  { dataset }: OwnPoemsOptions['recipe'],
  corpora: readonly OpenedCorpus[],
  modelFolder: string,
): Promise<LineIndex[]> {
  // The starter corpus is among them already.
  const others = corpora.filter((_, i) => dataset[i] !== 'starter').flatMap(({ poems }) => poems);
  const known = await openLineIndexes(modelFolder);
  return others.length === 0 ? known : [...known, buildLineIndex(others, { withGrams: false })];
}

async function openCorpora(
  { dataset, datasetDir }: OwnPoemsOptions['recipe'],
  controls: RunControls,
): Promise<OpenedCorpus[]> {
  const other = (await findDatasets(dataset, datasetDir)).find(({ kind }) => kind === 'file');
  if (other !== undefined) {
    throw new RecipesError(
      'recipe-bad-value',
      `ownPoems: expected a corpus of poems to take requests from, got ${other.name}`,
      {
        hint: 'Name starter, full, tang-jinti or song-jinti, or set ownPoems.count: 0.',
      },
    );
  }
  return Promise.all(dataset.map((name) => openCorpus(name, controls)));
}

/** Requests of training poems that keep every rule, from the start again when there are fewer than asked for. */
function ownRequests(
  { dataset, ownPoems, seed }: OwnPoemsOptions['recipe'],
  corpora: readonly OpenedCorpus[],
  tokenizer: Tokenizer,
): PoemRequest[] {
  const isAsked = (poem: Poem): boolean => isModel(poem) && poem.labels.split === 'train';
  const poems = corpora.flatMap((corpus) => corpus.poems.filter(isAsked));
  createRandom(seed).fork('own poems').shuffle(poems);
  const requests = writableRequests(poems.slice(0, ownPoems.count).map(plainRequest), tokenizer);
  if (requests.length === 0) {
    throw new RecipesError('dataset-empty', `${dataset.join(', ')}: no poem is left to ask for`, {
      hint: 'Only poems of the training split that keep every rule are asked for.',
    });
  }
  return Array.from({ length: ownPoems.count }, (_, i) => requests[i % requests.length]!);
}

/** @param rhymeWeight multiplies the weight of the characters before `。` */
export function ownExample(poem: WrittenPoem, id: string, tokenizer: Tokenizer, rhymeWeight = 1): Example {
  const stop = tokenizer.tokenToId('。');
  const completionIds = [...poem.ids];
  if (tokenizer.eosTokenId !== null) completionIds.push(tokenizer.eosTokenId);
  return {
    id,
    promptIds: promptIdsFor(tokenizer, poem.request),
    completionIds,
    weight: poem.allowedMass.map((mass, i) => {
      const weight = FLOOR + Math.min(1, SLOPE * Math.max(0, 1 - mass));
      return stop !== null && completionIds[i + 1] === stop ? rhymeWeight * weight : weight;
    }),
  };
}
