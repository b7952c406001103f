/** Parameter updates, in place. */
import type { Kernels } from '../contract.ts';
import { storeFloats, toFloats } from './memory.ts';

export const adamw: Kernels['adamw'] = (parameter, m, v, bf16Copy, grad, sizes) => {
  const { length, learningRate, beta1, beta2, epsilon, weightDecay, step, gradientScale } = sizes;
  const values = toFloats(parameter);
  const first = toFloats(m);
  const second = toFloats(v);
  const gradients = toFloats(grad, length);
  const keep = 1 - learningRate * weightDecay;
  const correction1 = 1 - beta1 ** step;
  const correction2 = 1 - beta2 ** step;
  for (let i = 0; i < length; i++) {
    const g = gradientScale * gradients[i]!;
    const mean = beta1 * first[i]! + (1 - beta1) * g;
    const square = beta2 * second[i]! + (1 - beta2) * g * g;
    first[i] = mean;
    second[i] = square;
    const update = mean / correction1 / (Math.sqrt(square / correction2) + epsilon);
    values[i] = values[i]! * keep - learningRate * update;
  }
  if (bf16Copy !== null) storeFloats(bf16Copy, values.subarray(0, length));
};

export const sgd: Kernels['sgd'] = (parameter, momentumBuffer, bf16Copy, grad, sizes) => {
  const { length, learningRate, momentum, weightDecay, step, gradientScale } = sizes;
  const values = toFloats(parameter);
  const velocity = momentumBuffer === null ? null : toFloats(momentumBuffer);
  const gradients = toFloats(grad, length);
  for (let i = 0; i < length; i++) {
    let update = gradientScale * gradients[i]! + weightDecay * values[i]!;
    if (velocity !== null) {
      if (step > 1) update += momentum * velocity[i]!;
      velocity[i] = update;
    }
    values[i]! -= learningRate * update;
  }
  if (bf16Copy !== null) storeFloats(bf16Copy, values.subarray(0, length));
};
