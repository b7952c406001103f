/** Lion (Chen 2023, "Symbolic Discovery of Optimization Algorithms"): the sign of an interpolated momentum. */
import type { Kernels } from '@tuiqiao/kernels';
import {
  bf16CopyOf,
  createSlots,
  loadSlots,
  type Optimizer,
  type ParameterGroup,
  type StateMemory,
  saveSlots,
} from './optimizer.ts';

export interface LionOptions extends StateMemory {
  /** Weight of the momentum in the direction; 0.9 when absent. */
  readonly beta1?: number;
  /** Decay of the momentum; 0.99 when absent. */
  readonly beta2?: number;
}

/**
 * p −= lr·wd·p; p −= lr·sign(β₁m + (1−β₁)g); m = β₂m + (1−β₂)g. Wants a learning rate 3 to 10 times smaller than AdamW's.
 * @throws TensorError `tensor.state` when a parameter is not trainable or is given twice
 */
export function createLion(
  kernels: Kernels,
  groups: readonly ParameterGroup[],
  { beta1 = 0.9, beta2 = 0.99, ...memory }: LionOptions = {},
): Optimizer {
  const slots = createSlots(kernels, groups, ({ value }) => ({ exp_avg: ['f32', value.length] }), memory);
  let stepCount = 0;
  return {
    parameters: slots.map(({ parameter }) => parameter),
    get stepCount() {
      return stepCount;
    },
    async step(learningRate, gradientScale = 1) {
      stepCount++;
      for (const { parameter, weightDecay, learningRateScale, buffers } of slots) {
        kernels.lion(parameter.value, buffers.exp_avg!, bf16CopyOf(parameter), parameter.grad!, {
          length: parameter.value.length,
          learningRate: learningRate * learningRateScale,
          beta1,
          beta2,
          weightDecay,
          gradientScale,
        });
      }
    },
    saveState: () => saveSlots(kernels, slots, stepCount),
    async loadState(state) {
      stepCount = await loadSlots(kernels, slots, state);
    },
  };
}
