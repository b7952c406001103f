/**
 * Parameters: making, filling, training and freezing them. A trainable parameter has an f32 master in `value`, the copy
 * kernels multiply with in `compute`, and an f32 gradient. Vectors (norm weights, biases) always compute in f32.
 */
import type { DeviceBuffer, FloatType, Kernels } from '@tuiqiao/kernels';
import { TensorError } from './errors.ts';
import type { Random } from './random.ts';
import type { Linear, Parameter } from './tape.ts';

export interface ParameterOptions {
  /** Type of the stored value of a frozen parameter (a checkpoint's own); a trainable one is f32. */
  readonly type: FloatType;
  readonly computeType: FloatType;
  readonly requiresGrad?: boolean;
  /** Memory that already holds the value of a frozen parameter, where it lies: it is neither copied nor moved. */
  readonly mapped?: DeviceBuffer | null;
}

/** A parameter of zeros. After writing `value`, call `syncCompute`. */
export function createParameter(
  kernels: Kernels,
  name: string,
  shape: readonly number[],
  { type, computeType, requiresGrad = false, mapped = null }: ParameterOptions,
): Parameter {
  const length = parameterLength(shape);
  const value = mapped ?? kernels.allocate(requiresGrad ? 'f32' : type, length);
  const parameter: Parameter = {
    name,
    shape: [...shape],
    value,
    compute: value,
    grad: requiresGrad ? kernels.allocate('f32', length) : null,
    requiresGrad,
    fusion: null,
    isMapped: mapped !== null,
  };
  parameter.compute = computeBuffer(kernels, parameter, computeType);
  return parameter;
}

/** Number of elements. */
export function parameterLength(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function computeBuffer(kernels: Kernels, parameter: Parameter, computeType: FloatType): DeviceBuffer {
  const type = parameter.shape.length < 2 ? 'f32' : computeType;
  return parameter.value.dtype === type ? parameter.value : kernels.allocate(type, parameter.value.length);
}

/** Copies `value` to `compute` where they are two buffers; to be called after `value` was written by hand. */
export function syncCompute(kernels: Kernels, parameter: Parameter): void {
  if (parameter.compute === parameter.value || parameter.value.length === 0) return;
  kernels.scale(parameter.compute, parameter.value, { length: parameter.value.length, alpha: 1 });
}

/** Makes a parameter trainable: an f32 master of its value, a copy in `computeType`, a zero gradient. */
export function enableGradient(kernels: Kernels, parameter: Parameter, computeType: FloatType): void {
  parameter.requiresGrad = true;
  if (parameter.value.dtype !== 'f32') {
    const master = kernels.allocate('f32', parameter.value.length);
    kernels.scale(master, parameter.value, { length: master.length, alpha: 1 });
    parameter.value = master;
  }
  if (parameter.grad !== null) return;
  parameter.fusion = null;
  parameter.grad = kernels.allocate('f32', parameter.value.length);
  parameter.compute = computeBuffer(kernels, parameter, computeType);
  syncCompute(kernels, parameter);
}

/** Freezes a parameter and drops its gradient; its value stays the f32 master. */
export function disableGradient(parameter: Parameter): void {
  parameter.requiresGrad = false;
  parameter.grad = null;
  parameter.fusion = null;
}

/**
 * Lays weights [outᵢ, in] that multiply the same input (q, k, v; gate, up) one below the other in shared compute and
 * gradient buffers, so that `fusedLinear` makes one product of them. All frozen or all trained, of one compute type.
 * Values are kept; call it after loading. Mapped weights stay where they are: moving them would make a second copy. Freezing or training a member alone undoes it for that member's group.
 * @throws TensorError `tensor.shape`
 */
export function fuseParameters(kernels: Kernels, parameters: readonly Parameter[]): void {
  const [first] = parameters;
  if (first === undefined || parameters.length < 2 || parameters.some(({ isMapped }) => isMapped)) return;
  for (const parameter of parameters) {
    const fits =
      parameter.shape.length === 2 &&
      parameter.shape[1] === first.shape[1] &&
      parameter.compute.dtype === first.compute.dtype &&
      parameter.requiresGrad === first.requiresGrad;
    if (!fits) {
      throw new TensorError(
        'tensor.shape',
        `fuseParameters: expected matrices with the input size, type and training state of ${first.name} ${show(first)}, got ${parameter.name} ${show(parameter)}`,
      );
    }
  }
  const length = parameters.reduce((sum, parameter) => sum + parameter.value.length, 0);
  const compute = kernels.allocate(first.compute.dtype, length);
  const grad = first.requiresGrad ? kernels.allocate('f32', length) : null;
  const fusion = { members: [...parameters], compute, grad };
  let offset = 0;
  for (const parameter of parameters) {
    const size = parameter.value.length;
    const part = compute.view(offset, size);
    kernels.scale(part, parameter.compute, { length: size, alpha: 1 });
    if (parameter.compute === parameter.value) parameter.value = part;
    parameter.compute = part;
    if (grad !== null) {
      const gradPart = grad.view(offset, size);
      if (parameter.grad !== null) kernels.scale(gradPart, parameter.grad, { length: size, alpha: 1 });
      parameter.grad = gradPart;
    }
    parameter.fusion = fusion;
    offset += size;
  }
}

function show(parameter: Parameter): string {
  return `[${parameter.shape.join(', ')}] ${parameter.compute.dtype}${parameter.requiresGrad ? ' trained' : ' frozen'}`;
}

/** Sets every gradient to zero. */
export function zeroGradients(kernels: Kernels, parameters: Iterable<Parameter>): void {
  for (const { grad } of parameters) if (grad !== null) kernels.fill(grad, 0);
}

/** N(0, std²). */
export function initNormal(kernels: Kernels, parameter: Parameter, random: Random, std: number): void {
  writeValues(kernels, parameter, () => std * random.normal());
}

/**
 * U(−b, b) with b = √(6 / ((1 + a²) · fan-in)), a = √5, that is 1/√in: torch's default for linear layers and PEFT's for
 * LoRA's A.
 */
export function initKaimingUniform(kernels: Kernels, parameter: Parameter, random: Random): void {
  const bound = 1 / Math.sqrt(parameter.shape[1] ?? 1);
  writeValues(kernels, parameter, () => bound * (2 * random.uniform() - 1));
}

/** Every element `value`: 0 for LoRA's B, 1 for norm weights. */
export function initConstant(kernels: Kernels, parameter: Parameter, value: number): void {
  kernels.fill(parameter.value, value);
  syncCompute(kernels, parameter);
}

function writeValues(kernels: Kernels, parameter: Parameter, next: () => number): void {
  const values = new Float32Array(parameter.value.length);
  for (let i = 0; i < values.length; i++) values[i] = next();
  kernels.write(parameter.value, values);
  syncCompute(kernels, parameter);
}

/** A linear layer without deltas; sizes are those of `weight` [out, in]. */
export function createLinear(name: string, weight: Parameter, bias: Parameter | null = null): Linear {
  const [outFeatures, inFeatures] = weight.shape;
  if (outFeatures === undefined || inFeatures === undefined) {
    throw new TensorError(
      'tensor.shape',
      `createLinear: expected a weight [out, in], got [${weight.shape.join(', ')}]`,
    );
  }
  return { name, inFeatures, outFeatures, weight, bias, deltas: [] };
}
