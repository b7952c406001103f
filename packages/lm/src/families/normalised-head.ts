/** Baichuan 2's NormHead: the rows of the head's weight are scaled to length 1 before they are used. */
import { createParameter, type Kernels, type Parameter, type Tape } from '@tuiqiao/tensor';

/** Rows this short are left as they are, as torch's `normalize` does with its epsilon 1e-12. */
const EPSILON = 1e-24;

/**
 * The weight with its rows scaled, as a parameter for the head. Through RMSNorm: w/‖w‖ = rms-normed w, times 1/√C. While
 * recording, its gradient is carried back to `weight` after the head's own backward pass.
 * @param weight [V, C]
 */
export function normaliseRows(tape: Tape, weight: Parameter): Parameter {
  const { kernels } = tape;
  const [V, C] = weight.shape as readonly [number, number];
  const gain = tape.scratch('f32', C);
  kernels.fill(gain, 1 / Math.sqrt(C));
  const rstd = tape.scratch('f32', V);
  const compute = tape.scratch(weight.compute.dtype, V * C);
  const sizes = { N: V, C, epsilon: EPSILON };
  kernels.rmsNorm(compute, rstd, weight.value, gain, sizes);
  const isTrained = tape.isRecording && weight.requiresGrad;
  const grad = isTrained ? tape.arena.allocate('f32', V * C) : null;
  if (grad !== null) {
    tape.push(() => {
      kernels.rmsNormBackward(weight.grad!, null, grad, weight.value, gain, rstd, { N: V, C, accumulate: true });
    });
  }
  return { name: weight.name, shape: weight.shape, value: compute, compute, grad, requiresGrad: isTrained };
}

/** The same once and for all, for weights that do not change. */
export function normaliseFrozenRows(kernels: Kernels, weight: Parameter): Parameter {
  const [V, C] = weight.shape as readonly [number, number];
  const type = weight.compute.dtype as 'f32' | 'bf16';
  const normalised = createParameter(kernels, weight.name, weight.shape, { type, computeType: type });
  const gain = kernels.allocate('f32', C);
  kernels.fill(gain, 1 / Math.sqrt(C));
  const rstd = kernels.allocate('f32', V);
  kernels.rmsNorm(normalised.value, rstd, weight.value, gain, { N: V, C, epsilon: EPSILON });
  return normalised;
}
