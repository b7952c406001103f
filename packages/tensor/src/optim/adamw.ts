/** AdamW (Loshchilov, Hutter 2019), as torch.optim.AdamW. */
import type { Kernels } from '@tuiqiao/kernels';
import {
  bf16CopyOf,
  createSlots,
  loadSlots,
  type Optimizer,
  type ParameterGroup,
  type Slot,
  type StateMemory,
  saveSlots,
} from './optimizer.ts';

export interface AdamWOptions {
  /** Decay of the mean of gradients; 0.9 when absent. */
  readonly beta1?: number;
  /** Decay of the mean of squared gradients; 0.999 when absent. */
  readonly beta2?: number;
  /** Added to the root of the second moment; 1e-8 when absent. */
  readonly epsilon?: number;
}

/**
 * p −= lr·wd·p; m = β₁m + (1−β₁)g; v = β₂v + (1−β₂)g²; p −= lr·m̂/(√v̂ + ε), both moments f32 and bias-corrected.
 * @throws TensorError `tensor.state` when a parameter is not trainable or is given twice
 */
export function createAdamW(
  kernels: Kernels,
  groups: readonly ParameterGroup[],
  options: AdamWOptions & StateMemory = {},
): Optimizer {
  const slots = createAdamWSlots(kernels, groups, options);
  let stepCount = 0;
  return {
    parameters: slots.map(({ parameter }) => parameter),
    get stepCount() {
      return stepCount;
    },
    async step(learningRate, gradientScale = 1) {
      stepCount++;
      stepAdamW(kernels, slots, options, { learningRate, gradientScale, step: stepCount });
    },
    saveState: () => saveSlots(kernels, slots, stepCount),
    async loadState(state) {
      stepCount = await loadSlots(kernels, slots, state);
    },
  };
}

export function createAdamWSlots(
  kernels: Kernels,
  groups: readonly ParameterGroup[],
  memory: StateMemory = {},
): Slot[] {
  return createSlots(kernels, groups, ['exp_avg', 'exp_avg_sq'], memory);
}

export function stepAdamW(
  kernels: Kernels,
  slots: readonly Slot[],
  { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamWOptions,
  update: { learningRate: number; gradientScale: number; step: number },
): void {
  for (const { parameter, weightDecay, learningRateScale, buffers } of slots) {
    kernels.adamw(parameter.value, buffers.exp_avg!, buffers.exp_avg_sq!, bf16CopyOf(parameter), parameter.grad!, {
      length: parameter.value.length,
      learningRate: update.learningRate * learningRateScale,
      beta1,
      beta2,
      epsilon,
      weightDecay,
      step: update.step,
      gradientScale: update.gradientScale,
    });
  }
}
