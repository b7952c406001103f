/** What DPO, KTO and a reward model will do, before they do it. */
import type { RunControls } from '@tuiqiao/schema';
import type { Kernels } from '@tuiqiao/tensor';
import {
  countSteps,
  createScoreHead,
  type Dataset,
  ktoObjective,
  type PreferencePair,
  pairSequences,
  planWork,
  preferenceDataset,
  preferenceObjective,
  rewardObjective,
  unpairedDataset,
} from '@tuiqiao/tune';
import { lossesOfRecipe } from './dpo.ts';
import { unpair } from './kto.ts';
import { planPairs } from './planned-pairs.ts';
import type { ModelChoice } from './pretrain.ts';
import { SCALE_PAIRS } from './rm.ts';
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
  sequencesOf,
  totalTokens,
  trim,
} from './work-parts.ts';

/** Pairs or answers on which policy and reference are compared before step 1. */
const START_ITEMS = 16;

export async function openPreferenceWork(recipe: PreferenceRecipe, controls: RunControls): Promise<StageWork> {
  const { training, validation, notes } = await planPairs(recipe, controls);
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
    const once = totalTokens(data) + totalTokens(data, START_ITEMS);
    const references = { completions: new Float64Array(data.length), mismatched: new Float64Array(data.length) };
    const { lossType: loss, beta, desirableWeight, undesirableWeight } = recipe.kto;
    const objective = ktoObjective({ loss, beta, desirableWeight, undesirableWeight }, references);
    return {
      ...facts,
      totalSteps,
      samples: data.length,
      tokens: totalTokens(data),
      plan: planWork(data, batching, totalSteps, objective),
      scoring: scoringOf(sequencesOf(data, objective), once + held * (1 + evaluations(totalSteps))),
      open: async (kernels, choice = {}) => {
        const { model, trained } = await openModelAndPolicy(kernels, choice);
        return openStep(recipe, { model, parameters: trained.parameters, objective, data });
      },
    };
  }

  const data = preferenceDataset(training);
  const totalSteps = stepsOf(data);
  const held = pairTokens(validation);
  // As in the objectives of both stages.
  const layout = { sequences: pairSequences };
  // A reward model has no reference; its scale is measured at the end.
  const once =
    recipe.stage === 'dpo'
      ? totalTokens(data) + held + pairTokens(training.slice(0, START_ITEMS))
      : pairTokens((validation.length > 0 ? validation : training).slice(0, SCALE_PAIRS));
  return {
    ...facts,
    totalSteps,
    samples: data.length,
    tokens: totalTokens(data),
    plan: planWork(data, batching, totalSteps, layout),
    scoring: scoringOf(sequencesOf(data, layout), once + held * evaluations(totalSteps)),
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

function pairTokens(pairs: readonly PreferencePair[]): number {
  return totalTokens(preferenceDataset(pairs));
}
