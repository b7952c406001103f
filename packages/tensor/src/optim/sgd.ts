/** Stochastic gradient descent with momentum, as torch.optim.SGD (no dampening, no Nesterov). */
import type { Kernels } from '@tuiqiao/kernels';
import { bf16CopyOf, createSlots, loadSlots, type Optimizer, type ParameterGroup, saveSlots } from './optimizer.ts';

export interface SgdOptions {
  /** 0 when absent: no momentum buffer is kept. */
  readonly momentum?: number;
}

/**
 * g += wd·p; b = μ·b + g (b = g at first); p −= lr·b.
 * @throws TensorError `tensor.state` when a parameter is not trainable or is given twice
 */
export function createSgd(kernels: Kernels, groups: readonly ParameterGroup[], options: SgdOptions = {}): Optimizer {
  const { momentum = 0 } = options;
  const slots = createSlots(kernels, groups, momentum === 0 ? [] : ['momentum_buffer']);
  let stepCount = 0;
  return {
    parameters: slots.map(({ parameter }) => parameter),
    get stepCount() {
      return stepCount;
    },
    async step(learningRate, gradientScale = 1) {
      stepCount++;
      for (const { parameter, weightDecay, learningRateScale, buffers } of slots) {
        kernels.sgd(parameter.value, buffers.momentum_buffer ?? null, bf16CopyOf(parameter), parameter.grad!, {
          length: parameter.value.length,
          learningRate: learningRate * learningRateScale,
          momentum,
          weightDecay,
          step: stepCount,
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
