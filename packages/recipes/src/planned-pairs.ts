/** The pairs of a preference stage before it runs: those it will take where they are known, and others like those it will make. */
import type { Poem } from '@tuiqiao/corpus';
import type { Tokenizer } from '@tuiqiao/lm';
import type { RunControls } from '@tuiqiao/schema';
import type { PreferencePair } from '@tuiqiao/tune';
import { openCorpus } from './corpus-source.ts';
import { findDatasets, holdOut } from './dataset-source.ts';
import { openTokenizer } from './models.ts';
import { askedPoems, spoiltPairs } from './opened-pairs.ts';
import { loadHeldOut, screenPairs } from './pair-hygiene.ts';
import { plainRequest } from './poet/requests.ts';
import { chooseFiles, loadPairs } from './preference-files.ts';
import { tokenizePair } from './preference-pairs.ts';
import type { PreferenceRecipe } from './work-parts.ts';

export interface PlannedPairs {
  readonly training: readonly PreferencePair[];
  readonly validation: readonly PreferencePair[];
  readonly notes: readonly string[];
}

/** @throws as `openPairs`, for what is wrong with the data */
export async function planPairs(recipe: PreferenceRecipe, controls: RunControls): Promise<PlannedPairs> {
  const tokenizer = await openTokenizer(recipe);
  const files = chooseFiles(await findDatasets(recipe.dataset, recipe.datasetDir));
  const evalFiles = chooseFiles(await findDatasets(recipe.evalDataset, recipe.datasetDir));
  const { all, corpora, notes } =
    files === null
      ? await makePairs(recipe, tokenizer, controls)
      : { all: (await loadPairs(files, recipe, tokenizer, controls)).pairs, corpora: [], notes: [] };
  const { pairs } = screenPairs(all, await loadHeldOut(corpora), tokenizer);
  const split = holdOut(pairs, recipe.valSize, recipe.dataset.join(', '), recipe.seed);
  const validation =
    evalFiles === null ? split.validation : (await loadPairs(evalFiles, recipe, tokenizer, controls)).pairs;
  return { training: split.training, validation, notes };
}

interface MadePairs {
  readonly all: readonly PreferencePair[];
  readonly corpora: readonly (readonly Poem[])[];
  readonly notes: readonly string[];
}

/** Spoilt copies of real poems are made as the stage makes them; real poems stand for those that the model will write. */
async function makePairs(recipe: PreferenceRecipe, tokenizer: Tokenizer, controls: RunControls): Promise<MadePairs> {
  const { source, prompts, samplesPerPrompt, cutAtParting } = recipe.pairs;
  const sources = await Promise.all(recipe.dataset.map((name) => openCorpus(name, controls)));
  const corpora = sources.map(({ poems }) => poems);
  const poems = askedPoems(recipe, sources);
  const spoilt = spoiltPairs(recipe, poems).map((pair, i) => tokenizePair(pair, i, tokenizer, cutAtParting));
  if (source === 'negatives') return { all: spoilt, corpora, notes: [] };
  const asked = Array.from({ length: prompts }, (_, i) => poems[i % poems.length]!);
  return {
    all: [...asked.map((poem, i) => standIn(poem, i, recipe, tokenizer)), ...spoilt],
    corpora,
    notes: [
      'Pairs that the model writes are made when the stage runs: their number and length, and so the steps and the time, are guesses.',
      `Writing ${samplesPerPrompt} samples for each prompt comes before step 1 and is not in the time.`,
    ],
  };
}

/** Two answers to the poem's request, as long as it, that part half-way, and of single characters end there. */
function standIn(poem: Poem, index: number, { pairs }: PreferenceRecipe, tokenizer: Tokenizer): PreferencePair {
  const { promptIds, chosenIds } = tokenizePair(
    { request: plainRequest(poem), chosen: poem.text, rejected: poem.text, brokenRules: [] },
    index,
    tokenizer,
  );
  const parting = Math.floor(chosenIds.length / 2);
  const end = pairs.source === 'characters' || pairs.cutAtParting ? parting + 1 : chosenIds.length;
  const chosen = Array.from(chosenIds).slice(0, end);
  // The first token of a prompt begins no answer.
  const rejected = chosen.map((id, i) => (i < parting ? id : promptIds[0]!));
  return { id: `pair ${index}`, promptIds, chosenIds: chosen, rejectedIds: rejected };
}
