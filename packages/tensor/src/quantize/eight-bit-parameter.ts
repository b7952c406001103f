/** Parameters whose products run over 8-bit blocks: for sampling, an approximation. */
import type { DeviceBuffer, Kernels } from '@tuiqiao/kernels';
import { TensorError } from '../errors.ts';
import type { Parameter } from '../tape.ts';

const BLOCK = 32;
const PANEL = 16;

/** Whether the rows divide into blocks. */
export function fitsEightBit({ shape }: Pick<Parameter, 'shape'>): boolean {
  return shape.length === 2 && shape[1]! > 0 && shape[1]! % BLOCK === 0;
}

/**
 * Gives a frozen matrix an 8-bit form of `weight` (its own values, or what they were read into).
 * @param keepsValue false: the float value is dropped
 * @throws TensorError `tensor.state` when the parameter is trained, no matrix or not whole blocks wide
 */
export function setEightBit(
  kernels: Kernels,
  parameter: Parameter,
  weight: DeviceBuffer,
  { keepsValue }: { keepsValue: boolean },
): void {
  if (parameter.requiresGrad || !fitsEightBit(parameter)) {
    const wanted = `a frozen matrix of a multiple of ${BLOCK} columns`;
    throw new TensorError('tensor.state', `setEightBit: expected ${wanted}, got ${parameter.name}`);
  }
  const [N, K] = parameter.shape as readonly [number, number];
  const padded = Math.ceil(N / PANEL) * PANEL * K;
  const codes = kernels.allocate('u8', padded);
  const scales = kernels.allocate('f32', padded / BLOCK);
  kernels.quantize8(codes, scales, weight, { N, K });
  parameter.eightBit = { codes, scales };
  if (keepsValue) return;
  const empty = kernels.allocate(parameter.compute.dtype, 0);
  parameter.value = empty;
  parameter.compute = empty;
  parameter.fusion = null;
}
