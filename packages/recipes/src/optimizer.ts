/** The optimizer and the schedule that a recipe names. */
import type { PretrainRecipe, SftRecipe } from '@tuiqiao/schema';
import {
  createAdafactor,
  createAdamW,
  createAdamW8bit,
  createArena,
  createLion,
  createMuon,
  createSchedule,
  createSgd,
  groupParameters,
  type Kernels,
  type Optimizer,
  type Parameter,
  type ParameterGroup,
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
  Partial<Pick<PretrainRecipe, 'matrixLearningRate'>> & {
    readonly lora?: { readonly loraplusLrRatio?: number | undefined };
    readonly outputDir: string;
  };

/** Matrices that Muon orthogonalises: the hidden ones; embedding and head stay with AdamW. */
function isHiddenMatrix(parameter: Parameter): boolean {
  return parameter.shape.length === 2 && !/embed_tokens|lm_head/.test(parameter.name);
}

/** Matrices with weight decay, vectors without; LoRA+ gives B a larger learning rate. */
function groupsOf(parameters: readonly Parameter[], recipe: TrainingRecipe): ParameterGroup[] {
  const ratio = recipe.lora?.loraplusLrRatio;
  if (ratio === undefined) return groupParameters(parameters, recipe.weightDecay);
  const isB = ({ name }: Parameter): boolean => name.includes('.lora_B.');
  return [
    ...groupParameters(
      parameters.filter((parameter) => !isB(parameter)),
      recipe.weightDecay,
    ),
    ...groupParameters(parameters.filter(isB), recipe.weightDecay).map((group) => ({
      ...group,
      learningRateScale: ratio,
    })),
  ];
}

export function openOptimizer(kernels: Kernels, parameters: readonly Parameter[], recipe: TrainingRecipe): Optimizer {
  const adamw = { beta1: recipe.adamBeta1, beta2: recipe.adamBeta2, epsilon: recipe.adamEpsilon };
  const paged = { pagedFolder: recipe.outputDir };
  // Lion's momentum is slower than Adam's; 0.999, AdamW's default, is not meant for it.
  const lion = { beta1: recipe.adamBeta1, beta2: recipe.adamBeta2 === 0.999 ? 0.99 : recipe.adamBeta2 };
  switch (recipe.optimizer) {
    case 'adamw':
      return createAdamW(kernels, groupsOf(parameters, recipe), adamw);
    case 'paged_adamw':
      return createAdamW(kernels, groupsOf(parameters, recipe), { ...adamw, ...paged });
    case 'adamw_8bit':
      return createAdamW8bit(kernels, groupsOf(parameters, recipe), adamw);
    case 'paged_adamw_8bit':
      return createAdamW8bit(kernels, groupsOf(parameters, recipe), { ...adamw, ...paged });
    case 'lion':
      return createLion(kernels, groupsOf(parameters, recipe), lion);
    case 'paged_lion':
      return createLion(kernels, groupsOf(parameters, recipe), { ...lion, ...paged });
    case 'adafactor':
      return createAdafactor(kernels, groupsOf(parameters, recipe));
    case 'sgd':
      return createSgd(kernels, groupsOf(parameters, recipe), { momentum: recipe.momentum });
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
