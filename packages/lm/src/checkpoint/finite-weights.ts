/** Damaged files and diverged runs leave NaN or infinity in weights, which would silently fill every answer. */
import type { DeviceBuffer, Kernels, Parameter } from '@tuiqiao/tensor';
import { LmError } from '../errors.ts';

/**
 * Reads every number of the given weights.
 * @param source what the weights belong to, for the message
 * @throws LmError `checkpoint-malformed` naming each weight that holds NaN or infinity
 */
export async function requireFiniteWeights(
  source: string,
  kernels: Kernels,
  parameters: readonly Parameter[],
): Promise<void> {
  const sums = await sumsOfSquares(
    kernels,
    parameters.map(({ value }) => value),
  );
  const bad = parameters.filter((_, index) => !Number.isFinite(sums[index]));
  if (bad.length === 0) return;
  throw new LmError(
    'checkpoint-malformed',
    `expected finite weights in ${source}, got NaN or infinity in ${bad.map(({ name }) => name).join(', ')}`,
    { hint: 'The file is damaged, or was saved from a run that had diverged.' },
  );
}

/** True for a buffer without NaN or infinity. */
export async function holdsNumbers(kernels: Kernels, buffer: DeviceBuffer): Promise<boolean> {
  return Number.isFinite((await sumsOfSquares(kernels, [buffer]))[0]);
}

async function sumsOfSquares(kernels: Kernels, buffers: readonly DeviceBuffer[]): Promise<Float32Array> {
  const sums = kernels.allocate('f32', buffers.length);
  for (const [index, buffer] of buffers.entries()) kernels.sumSquares(sums, buffer, { index, length: buffer.length });
  return kernels.read(sums);
}
