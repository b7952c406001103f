/** The pairs of a preference stage: of files, or made by the policy and the checker for the poems of a corpus. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Poem } from '@tuiqiao/corpus';
import type { DpoRecipe, KtoRecipe, RmRecipe, RunControls, RunWarning } from '@tuiqiao/schema';
import { createRandom } from '@tuiqiao/tensor';
import type { PreferencePair } from '@tuiqiao/tune';
import { type CharacterPairs, sampleCharacterPairs } from './character-pairs.ts';
import { type OpenedCorpus, openCorpus } from './corpus-source.ts';
import { checkValidation, findDatasets, holdOut } from './dataset-source.ts';
import { RecipesError } from './errors.ts';
import { isModel } from './examples.ts';
import { openLineIndexes } from './line-indexes.ts';
import type { OpenedModel } from './models.ts';
import { describePairs, formatPairCard, PAIR_CARD_FILES } from './pair-card.ts';
import { describeExcluded, exclusionWarnings, loadHeldOut, screenPairs } from './pair-hygiene.ts';
import { formNameOf, plainRequest } from './poet/requests.ts';
import { chooseFiles, loadPairs } from './preference-files.ts';
import {
  countRules,
  makeNegativePairs,
  type SampledPairs,
  type SamplePairsOptions,
  samplePairs,
  type TextPair,
  tokenizePair,
} from './preference-pairs.ts';
import { sampleRankedPairs } from './ranked-pairs.ts';
import type { ManifestData } from './run-manifest.ts';
import type { TrainingRun } from './training-run.ts';

/** What preference stages have in common. */
type PairsRecipe = DpoRecipe | KtoRecipe | RmRecipe;

const PAIRS_FILE = 'pairs.json';
/** Poems sampled at the same time while pairs are made. */
const SAMPLING_SLOTS = 128;

export interface OpenedPairs {
  readonly training: readonly PreferencePair[];
  readonly validation: readonly PreferencePair[];
  /** Where they come from, for the notes. */
  readonly note: string;
  readonly manifestEntries: readonly ManifestData[];
  readonly warnings: readonly RunWarning[];
}

/** The pairs of the recipe: of its files, or made for the poems of its corpora; and those to validate with. */
export async function openPairs(
  recipe: PairsRecipe,
  opened: OpenedModel,
  run: TrainingRun,
  controls: RunControls,
): Promise<OpenedPairs> {
  const { tokenizer } = opened;
  checkValidation(recipe);
  const files = chooseFiles(await findDatasets(recipe.dataset, recipe.datasetDir));
  const evalFiles = chooseFiles(await findDatasets(recipe.evalDataset, recipe.datasetDir));
  if (recipe.evalDataset.length > 0 && evalFiles === null) {
    throw new RecipesError(
      'recipe-bad-value',
      `dpo: evalDataset: expected files of pairs, got ${recipe.evalDataset[0]}`,
      {
        hint: 'Use valSize to hold sampled pairs out.',
      },
    );
  }
  const evaluation = evalFiles === null ? null : await loadPairs(evalFiles, recipe, tokenizer, controls);
  const manifestEntries: ManifestData[] = [...(evaluation?.manifestEntries ?? [])];
  const warnings: RunWarning[] = [...(evaluation?.warnings ?? [])];
  let all: readonly PreferencePair[];
  let note: string;
  let corpora: readonly (readonly Poem[])[] = [];
  if (files === null) {
    const sources = await Promise.all(recipe.dataset.map((name) => openCorpus(name, controls)));
    corpora = sources.map(({ poems }) => poems);
    const { made, data } = await openMadePairs(recipe, opened, run, sources, controls);
    all = [
      ...made.pairs.map((pair, index) => tokenizePair(pair, index, tokenizer, recipe.pairs.cutAtParting)),
      ...(made.characters?.pairs ?? []),
    ];
    note = describeMade(made);
    manifestEntries.unshift(...data);
  } else {
    const loaded = await loadPairs(files, recipe, tokenizer, controls);
    all = loaded.pairs;
    note = `Pairs: ${all.length} from ${files.map(({ name }) => name).join(', ')}; nothing is sampled.`;
    manifestEntries.unshift(...loaded.manifestEntries);
    warnings.unshift(...loaded.warnings);
  }
  const heldOut = await loadHeldOut(corpora);
  const screened = screenPairs(all, heldOut, tokenizer);
  if (screened.pairs.length === 0) {
    throw new RecipesError(
      'dataset-empty',
      `dpo: no pair is left: ${describeExcluded(screened.excluded).join('; ')} were left out`,
      { hint: 'What the model is judged by must not be learnt from.' },
    );
  }
  const split = holdOut(screened.pairs, recipe.valSize, recipe.dataset.join(', '), recipe.seed);
  const [training, validation] = [split.training, evaluation?.pairs ?? split.validation];
  const card = describePairs({
    training,
    validation,
    excluded: screened.excluded,
    heldOutPoems: heldOut.length,
    origin: note,
    data: manifestEntries,
    seed: recipe.seed,
  });
  await run.folder.writeFile(PAIR_CARD_FILES.json, `${JSON.stringify(card, null, 2)}\n`);
  await run.folder.writeFile(PAIR_CARD_FILES.markdown, formatPairCard(card));
  return { training, validation, note, manifestEntries, warnings: [...warnings, ...exclusionWarnings(screened)] };
}

/** What was found wrong with pairs, as warnings of the run. @param notes of `inspectPairs`, `checkDpoStart` */
export function pairWarnings(notes: readonly string[]): RunWarning[] {
  return notes
    .filter((note) => note.startsWith('warning:'))
    .map((note) => ({ type: 'run-warning', code: 'dpo-pairs', message: note.slice('warning:'.length).trim() }));
}

/** Pairs made from corpora. `negatives` of them, at the end, are spoilt copies of real poems. */
interface MadePairs extends SampledPairs {
  readonly negatives: number;
  /** Pairs of single characters; null where none were asked for. */
  readonly characters: CharacterPairs | null;
}

function describeMade({ pairs, samples, flawlessShare, negatives, characters }: MadePairs): string {
  if (characters !== null) return describeCharacters(characters);
  const rules = countRules(pairs)
    .slice(0, 6)
    .map(([rule, count]) => `${rule} ${count}`);
  const origins = [
    ...(samples === 0
      ? []
      : [
          `${pairs.length - negatives} from ${samples} samples of the policy, ${(100 * flawlessShare).toFixed(1)} % of which keep every rule`,
        ]),
    ...(negatives === 0 ? [] : [`${negatives} real poems against copies that break one rule`]),
  ];
  return `Pairs: ${origins.join('; ')}; rejected poems break ${rules.join(', ')}.`;
}

function describeCharacters({ pairs, poems, removedShare }: CharacterPairs): string {
  const rules = countRules(pairs.map(({ tags = [] }) => ({ brokenRules: tags })))
    .slice(0, 6)
    .map(([rule, count]) => `${rule} ${count}`);
  return `Pairs: ${pairs.length} characters of ${poems} poems of the policy, where the rules took away ${(100 * removedShare).toFixed(1)} % of its probability; rejected characters break ${rules.join(', ')}.`;
}

/** Makes pairs, or reads those an interrupted run has already made: sampling again would change the data. */
async function openMadePairs(
  recipe: PairsRecipe,
  { model, tokenizer, folder }: OpenedModel,
  run: TrainingRun,
  corpora: readonly OpenedCorpus[],
  controls: RunControls,
): Promise<{ made: MadePairs; data: ManifestData[] }> {
  const data = corpora.map((corpus) => corpus.manifestEntry);
  const file = run.folder.pathOf(PAIRS_FILE);
  if (run.folder.resumedFrom !== null && existsSync(file)) {
    return { made: JSON.parse(await readFile(file, 'utf8')) as MadePairs, data };
  }
  const { source, prompts, samplesPerPrompt, temperature } = recipe.pairs;
  const poems = askedPoems(recipe, corpora);
  const sampling = {
    model,
    tokenizer,
    requests: poems.slice(0, prompts).map(plainRequest),
    samplesPerPrompt,
    temperature,
    seed: recipe.seed,
    slots: SAMPLING_SLOTS,
  };
  const progress = { ...controls, onEvent: run.emit };
  const characters = source === 'characters' ? await sampleCharacterPairs(sampling, progress) : null;
  const sampled = await sampleWholePoems(recipe, sampling, folder, progress);
  const negatives = spoiltPairs(recipe, poems);
  const made: MadePairs = {
    ...sampled,
    pairs: [...sampled.pairs, ...negatives],
    negatives: negatives.length,
    characters,
  };
  if (made.pairs.length + (characters?.pairs.length ?? 0) === 0) {
    throw new RecipesError(
      'dataset-empty',
      source === 'negatives'
        ? 'dpo: no poem of the data could be made to break a rule'
        : 'dpo: no prompt gave both a poem that keeps the rules and one that does not',
      {
        hint: 'Raise pairs.samplesPerPrompt, run SFT first, or take pairs.source: negatives.',
      },
    );
  }
  await run.folder.writeFile(PAIRS_FILE, JSON.stringify(made));
  return { made, data };
}

/**
 * Poems that pairs are made of, in the order they are asked for.
 * @throws RecipesError `dataset-empty`
 */
export function askedPoems({ pairs, dataset, seed }: PairsRecipe, corpora: readonly OpenedCorpus[]): Poem[] {
  const { forms } = pairs;
  const isAsked = (poem: Poem): boolean => forms === undefined || forms.includes(formNameOf(poem));
  const poems = corpora
    .flatMap((corpus) => corpus.poems.filter(isModel))
    .filter((poem) => poem.labels.split === 'train' && isAsked(poem));
  if (poems.length === 0) {
    throw new RecipesError('dataset-empty', `${dataset.join(', ')}: no poem is left to ask for`, {
      hint: 'Only poems of the training split that keep every rule are asked for; pairs.forms names forms and tunes.',
    });
  }
  createRandom(seed).fork('prompts').shuffle(poems);
  return poems;
}

/** Pairs that the source takes from real poems. @param poems as `askedPoems` gives them */
export function spoiltPairs(
  { pairs: { source, prompts, rules }, seed }: PairsRecipe,
  poems: readonly Poem[],
): TextPair[] {
  if (source !== 'negatives' && source !== 'both') return [];
  // With both, other poems than those that were asked for, as far as there are any.
  const unasked = source === 'both' ? [...poems.slice(prompts), ...poems.slice(0, prompts)] : poems;
  const texts = poems.map(({ text }) => text);
  return makeNegativePairs(unasked, texts, prompts, seed, rules);
}

/** The pairs of whole poems that the source asks the policy for. */
async function sampleWholePoems(
  { pairs: { source, margin } }: PairsRecipe,
  sampling: SamplePairsOptions,
  modelFolder: string,
  progress: RunControls,
): Promise<SampledPairs> {
  switch (source) {
    case 'samples':
    case 'both':
      return samplePairs(sampling, progress);
    case 'ranked':
      return sampleRankedPairs({ ...sampling, margin, lineIndexes: await openLineIndexes(modelFolder) }, progress);
    case 'characters':
    case 'negatives':
      return { pairs: [], samples: 0, flawlessShare: 0 };
    default:
      return source satisfies never;
  }
}
