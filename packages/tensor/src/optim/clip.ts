/** Gradient clipping by global norm. */
import type { Kernels } from '@tuiqiao/kernels';
import type { Parameter } from '../tape.ts';

/** √Σ g² over all gradients of the parameters. */
export async function globalGradientNorm(kernels: Kernels, parameters: Iterable<Parameter>): Promise<number> {
  const gradients = [...parameters].flatMap(({ grad }) => (grad === null ? [] : [grad]));
  if (gradients.length === 0) return 0;
  const squares = kernels.allocate('f32', gradients.length);
  for (const [index, grad] of gradients.entries()) kernels.sumSquares(squares, grad, { index, length: grad.length });
  let sum = 0;
  for (const square of await kernels.read(squares)) sum += square;
  return Math.sqrt(sum);
}

/** The factor that brings a norm down to `maxNorm`: min(1, maxNorm/(norm + 1e-6)), as torch; 1 when maxNorm is 0. */
export function clipScale(norm: number, maxNorm: number): number {
  return maxNorm > 0 ? Math.min(1, maxNorm / (norm + 1e-6)) : 1;
}
