/**
 * Gradient checkpointing (Chen et al. 2016, "Training deep nets with sublinear memory cost"): of a part of the model only
 * input and output are kept; the backward pass computes the part again. The numbers are those of the plain pass, bit for
 * bit: the same kernels run on the same input, and dropout masks are drawn again from the same seeds.
 */
import type { Arena } from '../arena.ts';
import { Tape, type Tensor } from '../tape.ts';
import { addGradient } from './embed.ts';

/**
 * run(tape, x), with its activations in `arena` for as long as they are needed: once now, once in the backward pass.
 * `arena` is reset; nothing else may live there. `run` must read `x` and weights only, and do the same every time.
 */
export function checkpoint(tape: Tape, arena: Arena, x: Tensor, run: (tape: Tape, x: Tensor) => Tensor): Tensor {
  const { kernels, computeType, isRecording, isTraining, dropoutSeed } = tape;
  const replay = (): { inner: Tape; input: Tensor; result: Tensor } => {
    arena.reset();
    const inner = new Tape(kernels, arena, { computeType, isRecording, isTraining, dropoutSeed });
    const input: Tensor = { ...x, grad: null };
    return { inner, input, result: run(inner, input) };
  };
  const { inner, result } = replay();
  tape.dropoutSeed = inner.dropoutSeed;
  const { shape, requiresGrad } = result;
  const out = tape.tensor(shape, result.buffer.dtype, requiresGrad, false);
  kernels.scale(out.buffer, result.buffer, { length: out.buffer.length, alpha: 1 });
  arena.reset();
  if (out.requiresGrad) {
    tape.push(() => {
      const dOut = out.grad;
      tape.arena.release(out.buffer);
      if (dOut === null) return;
      const again = replay();
      again.result.grad = dOut;
      again.inner.backward();
      const dX = again.input.grad;
      // A residual stream hands its gradient's buffer on.
      if (dX === dOut && x.grad === null) {
        x.grad = dOut;
      } else {
        if (dX !== null && x.requiresGrad) addGradient(tape, x, dX);
        tape.arena.release(dOut);
      }
      arena.reset();
    });
  }
  return out;
}
