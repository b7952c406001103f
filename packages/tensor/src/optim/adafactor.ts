/**
 * Adafactor (Shazeer, Stern 2018) without momentum and with an external learning rate, as transformers' `Adafactor` with
 * `scale_parameter=False, relative_step=False`: the second moment of a matrix is kept as one number a row and one a column.
 */
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

export interface AdafactorOptions extends StateMemory {
  /** Added to squared gradients; 1e-30 when absent. */
  readonly epsilon?: number;
  /** Largest root mean square of an update before the learning rate; 1 when absent. */
  readonly clipThreshold?: number;
  /** β₂ of step t is 1 − t^decayRate; −0.8 when absent. */
  readonly decayRate?: number;
}

/** @throws TensorError `tensor.state` when a parameter is not trainable or is given twice */
export function createAdafactor(
  kernels: Kernels,
  groups: readonly ParameterGroup[],
  { epsilon = 1e-30, clipThreshold = 1, decayRate = -0.8, ...memory }: AdafactorOptions = {},
): Optimizer {
  const slots = createSlots(
    kernels,
    groups,
    ({ shape, value }) =>
      shape.length === 2
        ? { exp_avg_sq_row: ['f32', shape[0]!], exp_avg_sq_col: ['f32', shape[1]!] }
        : { exp_avg_sq: ['f32', value.length] },
    memory,
  );
  let stepCount = 0;
  return {
    parameters: slots.map(({ parameter }) => parameter),
    get stepCount() {
      return stepCount;
    },
    async step(learningRate, gradientScale = 1) {
      stepCount++;
      for (const { parameter, weightDecay, learningRateScale, buffers } of slots) {
        const column = buffers.exp_avg_sq_col ?? null;
        const O = column === null ? 1 : parameter.shape[0]!;
        const row = (column === null ? buffers.exp_avg_sq : buffers.exp_avg_sq_row)!;
        kernels.adafactor(parameter.value, row, column, bf16CopyOf(parameter), parameter.grad!, {
          O,
          I: parameter.value.length / O,
          learningRate: learningRate * learningRateScale,
          beta2: 1 - stepCount ** decayRate,
          epsilon,
          clipThreshold,
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
