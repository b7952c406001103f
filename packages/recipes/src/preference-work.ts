/** What DPO, KTO and a reward model will do, before they do it. */
import type { RunControls } from '@tuiqiao/schema';
import type { Kernels } from '@tuiqiao/tensor';
import {
  countSteps,
  createScoreHead,
  type Dataset,
  ktoObjective,
  type PreferencePair,
  planWork,
  preferenceDataset,
  preferenceObjective,
  rewardObjective,
  type Sequence,
  unpairedDataset,
} from '@tuiqiao/tune';
import { findDatasets, holdOut } from './dataset-source.ts';
import { lossesOfRecipe } from './dpo.ts';
import { unpair } from './kto.ts';
import { openTokenizer } from './models.ts';
import { chooseFiles, loadPairs } from './preference-files.ts';
import type { ModelChoice } from './pretrain.ts';
import {
  batchingOf,
  evaluationsOf,
  missingNotes,
  modelFacts,
  openBase,
  openStart,
  openStep,
  type PreferenceRecipe,
  type StageWork,
  samplingNote,
  scoringOf,
  totalTokens,
  trim,
} from './work-parts.ts';

/** Answers that are compared before step 1. */
const START_SEQUENCES = 32;
/** Characters of a request and of a poem, roughly; for pairs that are only sampled when the stage runs. */
const REQUEST_TOKENS = 24;
const POEM_TOKENS = 56;

export async function openPreferenceWork(recipe: PreferenceRecipe, controls: RunControls): Promise<StageWork> {
  const { training, validation, notes } = await loadOrImaginePairs(recipe, controls);
  const batching = batchingOf(recipe);
  const all = [...training, ...validation];
  const facts = {
    ...(await modelFacts(recipe.model)),
    canBeCut: true,
    savesModel: false,
    notes: [...notes, ...missingNotes(recipe), ...('sampleSteps' in recipe ? samplingNote(recipe) : [])],
  };
  const openModelAndPolicy = async (kernels: Kernels, choice: ModelChoice) => {
    const opened = await openBase(recipe, kernels, choice, recipe.adapter.slice(0, -1));
    const trained = await openStart(recipe, opened, choice);
    trim(recipe, opened, trained, all);
    return { model: opened.model, trained };
  };
  const evaluations = (totalSteps: number): number => evaluationsOf(recipe.evalSteps, totalSteps);
  const stepsOf = (data: Dataset<unknown>): number => recipe.maxSteps ?? countSteps(data, batching, recipe.epochs);

  if (recipe.stage === 'kto') {
    const data = unpairedDataset(training.flatMap(unpair));
    const totalSteps = stepsOf(data);
    const held = validation.length === 0 ? 0 : 2 * pairTokens(validation);
    const references = { completions: new Float64Array(data.length), mismatched: new Float64Array(data.length) };
    const { lossType: loss, beta, desirableWeight, undesirableWeight } = recipe.kto;
    return {
      ...facts,
      totalSteps,
      samples: data.length,
      tokens: totalTokens(data),
      plan: planWork(data, batching),
      scoring: scoringOf(pairsAsSequences(training), totalTokens(data) + held * (1 + evaluations(totalSteps))),
      open: async (kernels, choice = {}) => {
        const { model, trained } = await openModelAndPolicy(kernels, choice);
        const objective = ktoObjective({ loss, beta, desirableWeight, undesirableWeight }, references);
        return openStep(recipe, { model, parameters: trained.parameters, objective, data });
      },
    };
  }

  const data = preferenceDataset(training);
  const totalSteps = stepsOf(data);
  const held = pairTokens(validation);
  // A reward model has no reference.
  const before = recipe.stage === 'dpo' ? totalTokens(data) + held + startTokens(training) : 0;
  return {
    ...facts,
    totalSteps,
    samples: data.length,
    tokens: totalTokens(data),
    plan: planWork(data, batching),
    scoring: scoringOf(pairsAsSequences(training), before + held * evaluations(totalSteps)),
    open: async (kernels, choice = {}) => {
      const { model, trained } = await openModelAndPolicy(kernels, choice);
      if (recipe.stage === 'dpo') {
        const zeros = (): Float64Array => new Float64Array(data.length);
        const objective = preferenceObjective(lossesOfRecipe(recipe), { chosen: zeros(), rejected: zeros() });
        return openStep(recipe, { model, parameters: trained.parameters, objective, data });
      }
      const head = createScoreHead(model, recipe.seed);
      const { centerRewardsCoefficient } = recipe.rm;
      const objective = rewardObjective(head, { centerRewardsCoefficient });
      return openStep(recipe, { model, parameters: [...trained.parameters, head.weight], objective, data });
    },
  };
}

interface KnownPairs {
  readonly training: readonly PreferencePair[];
  readonly validation: readonly PreferencePair[];
  readonly notes: readonly string[];
}

/** Pairs of files; in the place of those that the stage makes itself, as many of about their length. */
async function loadOrImaginePairs(recipe: PreferenceRecipe, controls: RunControls): Promise<KnownPairs> {
  const files = chooseFiles(await findDatasets(recipe.dataset, recipe.datasetDir));
  if (files !== null) {
    const { pairs } = await loadPairs(files, recipe, await openTokenizer(recipe), controls);
    return { ...holdOut(pairs, recipe.valSize, recipe.dataset.join(', '), recipe.seed), notes: [] };
  }
  const { source, samplesPerPrompt, prompts } = recipe.pairs;
  const pair = (_: unknown, i: number): PreferencePair => ({
    id: `pair ${i}`,
    promptIds: new Uint8Array(REQUEST_TOKENS).fill(i % 2),
    chosenIds: new Uint8Array(POEM_TOKENS),
    rejectedIds: new Uint8Array(POEM_TOKENS).fill(1),
  });
  return {
    training: Array.from({ length: prompts * (source === 'both' ? 2 : 1) }, pair),
    validation: [],
    notes: [
      'The pairs are made when the stage runs: their number and length, and so the steps and the time, are guesses.',
      ...(source === 'negatives'
        ? []
        : [`Writing ${samplesPerPrompt} samples for each prompt comes before step 1 and is not in the time.`]),
    ],
  };
}

function pairsAsSequences(pairs: readonly PreferencePair[]): Sequence[] {
  return pairs.flatMap(({ promptIds, chosenIds, rejectedIds }) => [
    { promptIds, completionIds: chosenIds },
    { promptIds, completionIds: rejectedIds },
  ]);
}

function pairTokens(pairs: readonly PreferencePair[]): number {
  return totalTokens(preferenceDataset(pairs));
}

/** Before step 1 policy and reference are compared on the first pairs. */
function startTokens(pairs: readonly PreferencePair[]): number {
  return pairTokens(pairs.slice(0, START_SEQUENCES / 2));
}
