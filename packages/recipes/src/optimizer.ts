/** The optimizer and the schedule that a recipe names. */
import type { PretrainRecipe, SftRecipe } from '@tuiqiao/schema';
import {
  createAdamW,
  createArena,
  createMuon,
  createSchedule,
  createSgd,
  groupParameters,
  type Kernels,
  type Optimizer,
  type Parameter,
} from '@tuiqiao/tensor';

/** The fields every training stage shares. */
export type TrainingRecipe = Pick<
  SftRecipe,
  | 'optimizer'
  | 'learningRate'
  | 'lrScheduler'
  | 'warmupRatio'
  | 'warmupSteps'
  | 'minLearningRateRatio'
  | 'decayRatio'
  | 'weightDecay'
  | 'adamBeta1'
  | 'adamBeta2'
  | 'adamEpsilon'
  | 'momentum'
> &
  Partial<Pick<PretrainRecipe, 'matrixLearningRate'>>;

/** Matrices that Muon orthogonalises: the hidden ones; embedding and head stay with AdamW. */
function isHiddenMatrix(parameter: Parameter): boolean {
  return parameter.shape.length === 2 && !/embed_tokens|lm_head/.test(parameter.name);
}

export function openOptimizer(kernels: Kernels, parameters: readonly Parameter[], recipe: TrainingRecipe): Optimizer {
  const adamw = { beta1: recipe.adamBeta1, beta2: recipe.adamBeta2, epsilon: recipe.adamEpsilon };
  switch (recipe.optimizer) {
    case 'adamw':
      return createAdamW(kernels, groupParameters(parameters, recipe.weightDecay), adamw);
    case 'sgd':
      return createSgd(kernels, groupParameters(parameters, recipe.weightDecay), { momentum: recipe.momentum });
    case 'muon': {
      const scale = (recipe.matrixLearningRate ?? recipe.learningRate) / recipe.learningRate;
      const matrices = groupParameters(parameters.filter(isHiddenMatrix), recipe.weightDecay);
      const others = groupParameters(
        parameters.filter((parameter) => !isHiddenMatrix(parameter)),
        0,
      );
      const scaled = matrices.map((group) => ({ ...group, learningRateScale: scale }));
      return createMuon(kernels, createArena(kernels), scaled, others, { adamw });
    }
    default:
      return recipe.optimizer satisfies never;
  }
}

/** Learning rate of each 0-based step. */
export function openSchedule(recipe: TrainingRecipe, totalSteps: number): (step: number) => number {
  return createSchedule(recipe.lrScheduler, {
    learningRate: recipe.learningRate,
    warmupSteps: recipe.warmupSteps ?? Math.ceil(recipe.warmupRatio * totalSteps),
    totalSteps,
    minLearningRateRatio: recipe.minLearningRateRatio,
    decaySteps: Math.ceil(recipe.decayRatio * totalSteps),
  });
}
