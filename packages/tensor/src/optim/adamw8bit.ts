/**
 * AdamW whose moments are kept in 8 bits, blockwise (Dettmers 2022), as bitsandbytes' AdamW8bit: a quarter of the state.
 * Small parameters, whose state is no burden, keep theirs in f32.
 */
import type { DeviceBuffer, Kernels } from '@tuiqiao/kernels';
import { dynamicMap } from '../quantize/blockwise.ts';
import { type AdamWOptions, stepAdamW } from './adamw.ts';
import {
  bf16CopyOf,
  createSlots,
  loadSlots,
  type Optimizer,
  type ParameterGroup,
  type StateMemory,
  saveSlots,
} from './optimizer.ts';

/** Numbers that share a scale, and the length below which state stays f32: bitsandbytes' values. */
const BLOCK_SIZE = 256;
const SMALLEST_LENGTH = 4096;

/** @throws TensorError `tensor.state` when a parameter is not trainable or is given twice */
export function createAdamW8bit(
  kernels: Kernels,
  groups: readonly ParameterGroup[],
  { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, ...memory }: AdamWOptions & StateMemory = {},
): Optimizer {
  const slots = createSlots(
    kernels,
    groups,
    ({ value: { length } }) =>
      length < SMALLEST_LENGTH
        ? { exp_avg: ['f32', length], exp_avg_sq: ['f32', length] }
        : {
            exp_avg: ['u8', length],
            exp_avg_absmax: ['f32', Math.ceil(length / BLOCK_SIZE)],
            exp_avg_sq: ['u8', length],
            exp_avg_sq_absmax: ['f32', Math.ceil(length / BLOCK_SIZE)],
          },
    memory,
  );
  const small = slots.filter(({ buffers }) => buffers.exp_avg_absmax === undefined);
  const large = slots.filter(({ buffers }) => buffers.exp_avg_absmax !== undefined);
  const upload = (numbers: Float32Array): DeviceBuffer => {
    const buffer = kernels.allocate('f32', numbers.length);
    kernels.write(buffer, numbers);
    return buffer;
  };
  const signed = upload(dynamicMap(true));
  const unsigned = upload(dynamicMap(false));
  let stepCount = 0;
  return {
    parameters: slots.map(({ parameter }) => parameter),
    get stepCount() {
      return stepCount;
    },
    async step(learningRate, gradientScale = 1) {
      stepCount++;
      stepAdamW(kernels, small, { beta1, beta2, epsilon }, { learningRate, gradientScale, step: stepCount });
      for (const { parameter, weightDecay, learningRateScale, buffers } of large) {
        kernels.adamw8bit(
          parameter.value,
          buffers.exp_avg!,
          buffers.exp_avg_absmax!,
          buffers.exp_avg_sq!,
          buffers.exp_avg_sq_absmax!,
          bf16CopyOf(parameter),
          parameter.grad!,
          signed,
          unsigned,
          {
            length: parameter.value.length,
            learningRate: learningRate * learningRateScale,
            beta1,
            beta2,
            epsilon,
            weightDecay,
            step: stepCount,
            gradientScale,
            blockSize: BLOCK_SIZE,
          },
        );
      }
    },
    saveState: () => saveSlots(kernels, slots, stepCount),
    async loadState(state) {
      stepCount = await loadSlots(kernels, slots, state);
    },
  };
}
