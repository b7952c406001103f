/** Gradients of ops through the tape against central differences, in double precision. */
import { createReferenceKernels, type DeviceBuffer } from '@tuiqiao/kernels';
import { expect } from 'vitest';
import { createArena } from '../src/arena.ts';
import { createParameter } from '../src/parameter.ts';
import { createRandom } from '../src/random.ts';
import { type Parameter, Tape, type Tensor } from '../src/tape.ts';

/** Reference kernels whose f32 buffers hold doubles. */
export const doubleKernels = createReferenceKernels({ precision: 'double' });

const random = createRandom(20240);

/** A trainable parameter of normal numbers; `isFrozen` leaves it without a gradient. */
export function randomParameter(name: string, shape: readonly number[], isFrozen = false): Parameter {
  const parameter = createParameter(doubleKernels, name, shape, {
    type: 'f32',
    computeType: 'f32',
    requiresGrad: !isFrozen,
  });
  const values = Float64Array.from({ length: parameter.value.length }, () => random.normal());
  doubleKernels.write(parameter.value, values);
  return parameter;
}

export function randomValues(length: number): Float64Array {
  return Float64Array.from({ length }, () => random.normal());
}

export function numbersOf(buffer: DeviceBuffer): Float64Array {
  return Float64Array.from((buffer as unknown as { array: Float64Array }).array);
}

/** A leaf tensor of the given numbers. */
export function leaf(tape: Tape, shape: readonly number[], values: ArrayLike<number>, requiresGrad = true): Tensor {
  const tensor = tape.tensor(shape, 'f32', requiresGrad);
  doubleKernels.write(tensor.buffer, Float64Array.from(values));
  return tensor;
}

export interface GradientCheck {
  readonly parameters?: readonly Parameter[];
  /** Leaf inputs by name. */
  readonly inputs?: Readonly<Record<string, readonly number[]>>;
  readonly isTraining?: boolean;
  /** The op or ops; the loss is a random weighting of what it returns. */
  run(tape: Tape, inputs: Readonly<Record<string, Tensor>>): readonly Tensor[];
}

const STEP = 1e-5;
/** More than the step memory of any check. */
const DIRTY_LENGTH = 200_000;
/** About as many elements of each input are checked. */
const PROBES = 30;

/** Checks every parameter's and input's gradient; every parameter's gradient is also checked to be added to. */
export function checkGradients({ parameters = [], inputs = {}, isTraining = false, run }: GradientCheck): void {
  const values = Object.fromEntries(
    Object.entries(inputs).map(([name, shape]) => [name, randomValues(shape.reduce((a, b) => a * b, 1))]),
  );
  const weights: Float64Array[] = [];
  const arena = createArena(doubleKernels);
  // What an op neither zeroes nor writes shows as NaN.
  doubleKernels.fill(arena.allocate('f32', DIRTY_LENGTH), Number.NaN);

  // Recording even where only values are wanted: a residual stream is updated in place otherwise.
  function forward(): { tape: Tape; leaves: Record<string, Tensor>; outputs: readonly Tensor[] } {
    arena.reset();
    const tape = new Tape(doubleKernels, arena, { computeType: 'f32', isRecording: true, isTraining, dropoutSeed: 3 });
    const leaves = Object.fromEntries(
      Object.entries(inputs).map(([name, shape]) => [name, leaf(tape, shape, values[name]!)]),
    );
    return { tape, leaves, outputs: run(tape, leaves) };
  }

  function loss(): number {
    let sum = 0;
    for (const [i, { buffer }] of forward().outputs.entries()) {
      const numbers = numbersOf(buffer);
      for (let j = 0; j < numbers.length; j++) sum += weights[i]![j]! * numbers[j]!;
    }
    return sum;
  }

  for (const { grad } of parameters) if (grad !== null) doubleKernels.fill(grad, 1);
  const { tape, leaves, outputs } = forward();
  for (const output of outputs) {
    const weight = randomValues(output.buffer.length);
    weights.push(weight);
    if (output.requiresGrad) doubleKernels.write(tape.gradOf(output, 'f32'), weight);
  }
  tape.backward();
  const gradients: [string, Float64Array, (index: number, change: number) => void][] = [];
  for (const [name, { grad }] of Object.entries(leaves)) {
    expect(grad, `gradient of ${name}`).not.toBeNull();
    const change = (index: number, by: number) => {
      values[name]![index]! += by;
    };
    gradients.push([name, numbersOf(grad!), change]);
  }
  for (const parameter of parameters) {
    if (parameter.grad === null) continue;
    const added = numbersOf(parameter.grad).map((x) => x - 1);
    const change = (index: number, by: number) => {
      const numbers = numbersOf(parameter.value);
      numbers[index]! += by;
      doubleKernels.write(parameter.value, numbers);
    };
    gradients.push([parameter.name, added, change]);
  }
  for (const [name, gradient, change] of gradients) {
    const stride = Math.floor(gradient.length / PROBES) | 1;
    for (let i = 0; i < gradient.length; i += stride) {
      change(i, STEP);
      const above = loss();
      change(i, -2 * STEP);
      const below = loss();
      change(i, STEP);
      const numeric = (above - below) / (2 * STEP);
      const difference = Math.abs(gradient[i]! - numeric);
      expect(difference, `d${name}[${i}] = ${gradient[i]}, differences give ${numeric}`).toBeLessThanOrEqual(
        1e-8 + 1e-6 * Math.abs(numeric),
      );
    }
  }
}
