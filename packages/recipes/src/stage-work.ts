/** What a training stage will do, before it does it: `stage-estimate.ts` counts and times it. */
import { parameterCount, readModelConfig, type Tokenizer } from '@tuiqiao/lm';
import type {
  DpoRecipe,
  GrpoRecipe,
  KtoRecipe,
  PretrainRecipe,
  RmRecipe,
  RunControls,
  SftRecipe,
} from '@tuiqiao/schema';
import { countSteps, type Example, exampleDataset, planWork, sftObjective } from '@tuiqiao/tune';
import { openCorpus } from './corpus-source.ts';
import { loadExamples } from './examples.ts';
import { openTokenizer, resolveModelFolder } from './models.ts';
import { openPreferenceWork } from './preference-work.ts';
import { openPretraining } from './pretrain.ts';
import { openRolloutWork } from './rollout-work.ts';
import { chooseTrained } from './sft.ts';
import {
  batchingOf,
  evaluationsOf,
  missingNotes,
  modelFacts,
  openBase,
  openStep,
  type StageWork,
  samplingNote,
  scoringOf,
  tokensOf,
  trim,
} from './work-parts.ts';

export type PlannedRecipe = PretrainRecipe | SftRecipe | DpoRecipe | KtoRecipe | RmRecipe | GrpoRecipe;

/**
 * The work of a recipe, from its data and model folder.
 * @throws what the stage itself would throw for a missing model or data set
 */
export async function openStageWork(recipe: PlannedRecipe, controls: RunControls = {}): Promise<StageWork> {
  switch (recipe.stage) {
    case 'pretrain':
      return pretrainWork(recipe, controls);
    case 'sft':
      return sftWork(recipe, controls);
    case 'dpo':
    case 'kto':
    case 'rm':
      return openPreferenceWork(recipe, controls);
    case 'grpo':
      return openRolloutWork(recipe, controls);
    default:
      return recipe satisfies never;
  }
}

async function pretrainWork(recipe: PretrainRecipe, controls: RunControls): Promise<StageWork> {
  const { poems } = await openCorpus(recipe.corpus, controls);
  const { data, validation, batching, totalSteps, open, tokenizer } = await openPretraining(recipe, poems);
  const known = recipe.model === undefined ? null : await readModelConfig(resolveModelFolder(recipe.model));
  const held = Array.from({ length: validation.length }, (_, i) => validation.item(i));
  return {
    totalSteps,
    samples: data.length,
    tokens: data.tokens,
    plan: planWork(data, batching, totalSteps, sftObjective()),
    scoring: scoringOf(held, evaluationsOf(recipe.evalSteps, totalSteps) * validation.tokens),
    layers: known?.layers ?? recipe.geometry.layers,
    parameters: known === null ? newModelParameters(recipe, tokenizer) : parameterCount(known),
    canBeCut: true,
    savesModel: true,
    notes: [],
    open: async (kernels, choice) => {
      const { model } = await open(kernels, choice);
      const parameters = [...model.parameters.values()];
      return openStep<Example>(recipe, { model, parameters, objective: sftObjective(), data });
    },
  };
}

/** Close enough to tell a small model from a large one. */
function newModelParameters({ geometry }: PretrainRecipe, { vocabSize }: Tokenizer): number {
  const { hiddenSize: C, intermediateSize: I, layers } = geometry;
  return layers * (4 * C * C + 3 * C * I) + vocabSize * C;
}

async function sftWork(recipe: SftRecipe, controls: RunControls): Promise<StageWork> {
  const tokenizer = await openTokenizer(recipe);
  const { training: given, validation } = await loadExamples(recipe, tokenizer, controls);
  const training = recipe.ownPoems.count === 0 ? given : standIns(recipe, given);
  const data = exampleDataset(training);
  const batching = batchingOf(recipe);
  const totalSteps = recipe.maxSteps ?? countSteps(data, batching, recipe.epochs);
  const isApart = recipe.neftuneNoiseAlpha !== undefined || ['prompt', 'prefix'].includes(recipe.finetuning);
  const savesModel = ['full', 'freeze', 'bitfit'].includes(recipe.finetuning);
  return {
    ...(await modelFacts(recipe.model)),
    totalSteps,
    samples: training.length,
    tokens: tokensOf(training),
    plan: planWork(data, batching, totalSteps, { ...sftObjective(), sharesBeginnings: !isApart }),
    scoring: scoringOf(validation, evaluationsOf(recipe.evalSteps, totalSteps) * tokensOf(validation)),
    canBeCut: recipe.finetuning !== 'freeze' && recipe.finetuning !== 'bitfit',
    savesModel,
    notes: [
      ...(recipe.ownPoems.count === 0
        ? []
        : ['The model writes its own poems before step 1; that is not in the time.']),
      ...samplingNote(recipe),
      ...missingNotes(recipe),
    ],
    open: async (kernels, choice = {}) => {
      const opened = await openBase(recipe, kernels, choice, recipe.adapter);
      const trained = await chooseTrained(opened, recipe, false);
      trim(recipe, opened, trained, [...training, ...validation]);
      return openStep<Example>(recipe, {
        model: opened.model,
        parameters: trained.parameters,
        objective: sftObjective({ withAccuracy: true, labelSmoothing: recipe.labelSmoothing }),
        data,
        neftuneAlpha: recipe.neftuneNoiseAlpha,
      });
    },
  };
}

/** For poems that the model has yet to write: as long as those of the data. */
function standIns({ ownPoems }: SftRecipe, given: readonly Example[]): Example[] {
  const own = Array.from({ length: ownPoems.count }, (_, i) => given[i % given.length]!);
  return ownPoems.mixed ? [...own, ...given] : own;
}
