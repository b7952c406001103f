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

export const lion: Kernels['lion'] = (parameter, m, bf16Copy, grad, sizes) => {
  const { length, learningRate, beta1, beta2, weightDecay, gradientScale } = sizes;
  const values = toFloats(parameter);
  const mean = toFloats(m);
  const gradients = toFloats(grad, length);
  const keep = 1 - learningRate * weightDecay;
  for (let i = 0; i < length; i++) {
    const g = gradientScale * gradients[i]!;
    const direction = Math.sign(beta1 * mean[i]! + (1 - beta1) * g);
    mean[i] = beta2 * mean[i]! + (1 - beta2) * g;
    values[i] = values[i]! * keep - learningRate * direction;
  }
  if (bf16Copy !== null) storeFloats(bf16Copy, values.subarray(0, length));
};

export const adafactor: Kernels['adafactor'] = (parameter, row, column, bf16Copy, grad, sizes) => {
  const { O, I, learningRate, beta2, epsilon, clipThreshold, weightDecay, gradientScale } = sizes;
  const length = O * I;
  const values = toFloats(parameter);
  const gradients = toFloats(grad, length);
  const rows = toFloats(row);
  const columns = column === null ? null : toFloats(column);
  const square = (i: number): number => (gradientScale * gradients[i]!) ** 2 + epsilon;
  let rowMean = 1;
  if (columns === null) {
    for (let i = 0; i < length; i++) rows[i] = beta2 * rows[i]! + (1 - beta2) * square(i);
  } else {
    const sums = new Float64Array(I);
    rowMean = 0;
    for (let o = 0; o < O; o++) {
      let sum = 0;
      for (let i = 0; i < I; i++) {
        const q = square(o * I + i);
        sum += q;
        sums[i]! += q;
      }
      rows[o] = beta2 * rows[o]! + ((1 - beta2) * sum) / I;
      rowMean += rows[o]! / O;
    }
    for (let i = 0; i < I; i++) columns[i] = beta2 * columns[i]! + ((1 - beta2) * sums[i]!) / O;
  }
  const updateOf = (o: number, i: number): number => {
    const second = columns === null ? rows[i]! : (rows[o]! / rowMean) * columns[i]!;
    return (gradientScale * gradients[o * I + i]!) / Math.sqrt(second);
  };
  let sum = 0;
  for (let o = 0; o < O; o++) for (let i = 0; i < I; i++) sum += updateOf(o, i) ** 2;
  const rate = learningRate / Math.max(1, Math.sqrt(sum / length) / clipThreshold);
  const keep = 1 - learningRate * weightDecay;
  for (let o = 0; o < O; o++) {
    for (let i = 0; i < I; i++) values[o * I + i] = values[o * I + i]! * keep - rate * updateOf(o, i);
  }
  if (bf16Copy !== null) storeFloats(bf16Copy, values.subarray(0, length));
};
