/**
 * A bottleneck adapter: x + s · up(f(down(y))), both layers with biases (Houlsby 2019, Pfeiffer 2020).
 * Legend: N rows, C channels, r width of the bottleneck.
 */
import type { Activation } from '@tuiqiao/kernels';
import type { Bottleneck, Tape, Tensor } from '../tape.ts';
import { add } from './embed.ts';
import { linear } from './linear.ts';

/** x [N, C] plus what the adapter makes of y [N, C]: f32; x itself when the adapter is switched off. */
export function addBottleneck(tape: Tape, x: Tensor, y: Tensor, { down, up, activation, scaling }: Bottleneck): Tensor {
  if (scaling === 0) return x;
  const narrow = activate(tape, linear(tape, y, down), activation);
  return add(tape, x, linear(tape, narrow, up, { outType: 'f32' }), scaling);
}

/** f(x), of x's shape and type. */
export function activate(tape: Tape, x: Tensor, activation: Activation): Tensor {
  const { kernels } = tape;
  const sizes = { length: x.buffer.length, activation };
  const out = tape.tensor(x.shape, x.buffer.dtype, x.requiresGrad, false);
  kernels.activate(out.buffer, x.buffer, sizes);
  if (out.requiresGrad) {
    tape.push(() => {
      if (out.grad !== null) {
        const { buffer, accumulate } = tape.gradTarget(x);
        if (accumulate) {
          kernels.activateBackward(out.grad, out.grad, x.buffer, sizes);
          kernels.scale(buffer, out.grad, { length: sizes.length, alpha: 1, accumulate });
        } else {
          kernels.activateBackward(buffer, out.grad, x.buffer, sizes);
        }
      }
      tape.discard(out);
    });
  }
  return out;
}
