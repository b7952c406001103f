/**
 * What a stage will do, before it does it, and what the descriptions of the stages share: the base opened as the stage
 * opens it, on kernels of the caller's choice, whole or its first layers.
 */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parameterCount, readModelConfig } from '@tuiqiao/lm';
import type { DpoRecipe, GrpoRecipe, KtoRecipe, RmRecipe, SftRecipe } from '@tuiqiao/schema';
import type { Kernels, Parameter } from '@tuiqiao/tensor';
import {
  type Adapter,
  attachLora,
  type BatchingOptions,
  type Dataset,
  type Example,
  exampleDataset,
  type Objective,
  type PlannedWork,
  type PreferencePair,
  type Rehearsal,
  type RehearsedPass,
  readAdapterConfig,
  rehearse,
  type Sequence,
} from '@tuiqiao/tune';
import { quantizationOf, trimVocabulary } from './frozen-base.ts';
import { type OpenedModel, openModel, parseAdapter, resolveModelFolder } from './models.ts';
import { openOptimizer } from './optimizer.ts';
import { openPolicy } from './policy.ts';
import type { ModelChoice } from './pretrain.ts';
import { type Trained, trainedAdapter } from './sft.ts';
import { evaluationInterval } from './training-run.ts';

export type PreferenceRecipe = DpoRecipe | KtoRecipe | RmRecipe;

/** A step that can be made, and what it trains. */
export interface OpenedWork {
  readonly pass: RehearsedPass;
  readonly parameters: readonly Parameter[];
  /** The first so many of one rollout's completions, or all. */
  readonly write?: (count: number) => Promise<void>;
}

/** Passes without gradients: the reference, evaluations. */
export interface ScoringWork {
  /** One micro-batch of them. */
  readonly sequences: readonly Sequence[];
  /** Of the whole run. */
  readonly totalTokens: number;
}

export interface StageWork {
  readonly totalSteps: number;
  /** Of one epoch. */
  readonly samples: number;
  readonly tokens: number;
  readonly plan: PlannedWork;
  readonly scoring: ScoringWork | null;
  /** Completions of one rollout, and of the whole run. */
  readonly writing?: { readonly atOnce: number; readonly total: number };
  /** Of the whole model. */
  readonly layers: number;
  readonly parameters: number;
  /** False when a part of the model cannot stand for the whole: some layers are trained and others are not. */
  readonly canBeCut: boolean;
  /** True when the result is a whole model, written in bf16. */
  readonly savesModel: boolean;
  readonly notes: readonly string[];
  open(kernels: Kernels, choice?: ModelChoice): Promise<OpenedWork>;
}

/** Tokens of a pass without gradients. */
const SCORING_TOKENS = 4096;
/** The base as the stage opens it; of a part of it, adapters of the right shape and no content. */
export async function openBase(
  recipe: SftRecipe | PreferenceRecipe | GrpoRecipe,
  kernels: Kernels,
  choice: ModelChoice,
  adapters: readonly string[],
): Promise<OpenedModel> {
  const isCut = choice.layers !== undefined;
  const there = adapters.filter(isThere);
  const opened = await openModel(recipe.model, {
    kernels,
    computeType: recipe.computeType,
    isTrainable: recipe.stage === 'sft' && recipe.finetuning === 'full',
    quantization: quantizationOf(recipe),
    template: recipe.template,
    templatesOf: recipe.adapter.filter(isThere),
    adapters: isCut ? [] : there,
    ...choice,
  });
  if (!isCut) return opened;
  const standIn: Adapter[] = [];
  for (const adapter of there) standIn.push(await attachAlike(opened, adapter));
  return { ...opened, adapters: standIn };
}

export async function openStart(
  recipe: PreferenceRecipe | GrpoRecipe,
  opened: OpenedModel,
  { layers }: ModelChoice,
): Promise<Trained> {
  const start = recipe.adapter.at(-1);
  if (start !== undefined && !isThere(start)) return openPolicy({ ...recipe, adapter: [] }, opened);
  if (start === undefined || layers === undefined) return openPolicy(recipe, opened);
  return trainedAdapter(await attachAlike(opened, start));
}

/** The stage before may not have run yet. */
function isThere(adapter: string): boolean {
  return existsSync(path.join(parseAdapter(adapter).folder, 'adapter_config.json'));
}

export function missingNotes({ adapter }: { readonly adapter: readonly string[] }): string[] {
  const missing = adapter.filter((name) => !isThere(name));
  if (missing.length === 0) return [];
  return [`Not there yet: ${missing.join(', ')}; a new adapter of the recipe's rank stands for it.`];
}

/** A new adapter with the ranks and the layers of a stored one. */
async function attachAlike({ model }: OpenedModel, adapter: string): Promise<Adapter> {
  const config = await readAdapterConfig(parseAdapter(adapter).folder);
  const targetModules = [...new Set(config.targetModules.map((module) => module.split('.').at(-1)!))];
  return attachLora(model, { ...config, targetModules, name: adapter, seed: 0 });
}

export function trim(
  recipe: SftRecipe | PreferenceRecipe | GrpoRecipe,
  opened: OpenedModel,
  { adapter }: Trained,
  items: readonly (Example | PreferencePair)[],
): void {
  const ids = items.flatMap((item) =>
    'chosenIds' in item ? [item.promptIds, item.chosenIds, item.rejectedIds] : [item.promptIds, item.completionIds],
  );
  trimVocabulary(recipe, opened, adapter === null ? opened.adapters : [...opened.adapters, adapter], ids);
}

/** The step of a recipe over parameters chosen already. */
export function openStep<Item>(
  recipe: StepRecipe,
  { model, parameters, objective, data, neftuneAlpha }: Omit<Rehearsal<Item>, 'optimizer' | 'gradientCheckpointing'>,
): OpenedWork {
  // Paged optimizers keep their state in a folder; that of the run is not there yet.
  const optimizer = openOptimizer(model.kernels, parameters, { ...recipe, outputDir: tmpdir() });
  const { gradientCheckpointing } = recipe;
  const pass = rehearse({ model, parameters, optimizer, objective, data, neftuneAlpha, gradientCheckpointing });
  return { parameters, pass };
}

type StepRecipe = Parameters<typeof openOptimizer>[2] & { readonly gradientCheckpointing: boolean };

export async function modelFacts(model: string): Promise<{ layers: number; parameters: number }> {
  const config = await readModelConfig(resolveModelFolder(model));
  return { layers: config.layers, parameters: parameterCount(config) };
}

export function batchingOf(recipe: {
  seed: number;
  batchSize: number;
  gradientAccumulationSteps: number;
}): BatchingOptions {
  return { seed: recipe.seed, itemsPerStep: recipe.batchSize * recipe.gradientAccumulationSteps };
}

export function samplingNote({ sampleSteps }: Pick<SftRecipe, 'sampleSteps'>): string[] {
  return sampleSteps === 0 ? [] : [`Samples every ${sampleSteps} steps are not in the time.`];
}

/** How often the loop evaluates: at its interval, and after the last step. */
export function evaluationsOf(evalSteps: number, totalSteps: number): number {
  return Math.ceil(totalSteps / evaluationInterval(evalSteps, totalSteps));
}

/** The sequences of all items, as their objective reads them. */
export function sequencesOf<Item>(data: Dataset<Item>, { sequences }: Pick<Objective<Item>, 'sequences'>): Sequence[] {
  return Array.from({ length: data.length }, (_, i) => sequences(data.item(i))).flat();
}

/** As many sequences as a pass takes. */
export function scoringOf(sequences: readonly Sequence[], total: number): ScoringWork | null {
  if (total === 0 || sequences.length === 0) return null;
  const chosen: Sequence[] = [];
  let sequenceTokens = 0;
  for (const sequence of sequences) {
    const length = sequence.promptIds.length + sequence.completionIds.length;
    if (chosen.length > 0 && sequenceTokens + length > SCORING_TOKENS) break;
    chosen.push(sequence);
    sequenceTokens += length;
  }
  return { sequences: chosen, totalTokens: total };
}

/** @param most items counted, from the first on */
export function totalTokens(data: Dataset<unknown>, most = data.length): number {
  let sum = 0;
  for (let i = 0; i < Math.min(most, data.length); i++) sum += data.tokensOf(i);
  return sum;
}

export function tokensOf(examples: readonly Example[]): number {
  return totalTokens(exampleDataset(examples));
}
