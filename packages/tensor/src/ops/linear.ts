/**
 * Linear layers y = x Wᵀ + bias + Σ s·(dropout(x) Aᵀ) Bᵀ, alone, side by side over a shared input, or added to the
 * residual stream. A frozen W gets no dW; an x without trainable parts below gets no dX.
 * Legend: N rows, I input features, O output features, r rank.
 */
import type { DeviceBuffer, FloatType } from '@tuiqiao/kernels';
import { type Columns, splitColumns } from '../columns.ts';
import { TensorError } from '../errors.ts';
import type { Fusion, Linear, Tape, Tensor } from '../tape.ts';
import { multiplyBase, multiplyBaseBackward, type Target } from './base-product.ts';
import { addGradient, cast } from './embed.ts';
import { addLowRank, type Branch, lowRankBackward } from './low-rank.ts';

/** y [N, O] of `outType` (the tape's compute type when absent). `x` [N, I]. */
export function linear(tape: Tape, x: Tensor, layer: Linear, options: { outType?: FloatType } = {}): Tensor {
  const input = prepareInput(tape, 'linear', x, layer);
  const N = input.shape[0]!;
  const { outType = tape.computeType } = options;
  const out = tape.tensor([N, layer.outFeatures], outType, needsGradient(input, layer), false);
  const target = { buffer: out.buffer, ld: layer.outFeatures };
  multiplyBase(tape, target, { buffer: input.buffer, N }, layer.weight);
  addBias(tape, { layer, target }, N);
  const traces = addLowRank(tape, input, [{ layer, target }]);
  if (out.requiresGrad) {
    tape.push(() => {
      if (out.grad !== null) {
        withComputeGradient(tape, input, out.grad, (dOut) => {
          const branch = { layer, target: { buffer: dOut, ld: layer.outFeatures } };
          backwardOfBase(tape, branch, input);
          biasBackward(tape, branch, N);
          lowRankBackward(tape, input, [branch], traces);
        });
      }
      tape.discard(out);
    });
  }
  return out;
}

/**
 * Several layers over one input: their outputs lie side by side in one tensor [N, Σ O], returned as a column slice per
 * layer. One product when the weights are fused (`fuseParameters`), else one per layer.
 */
export function fusedLinear(tape: Tape, x: Tensor, layers: readonly Linear[]): Columns[] {
  const input = layers.reduce((tensor, layer) => prepareInput(tape, 'fusedLinear', tensor, layer), x);
  const N = input.shape[0]!;
  const widths = layers.map((layer) => layer.outFeatures);
  const width = widths.reduce((sum, part) => sum + part, 0);
  const requiresGrad = layers.some((layer) => needsGradient(input, layer));
  const out = tape.tensor([N, width], input.buffer.dtype, requiresGrad, false);
  const columns = splitColumns(out, widths);
  const fusion = sharedFusion(layers);
  if (fusion !== null) {
    const sizes = { O: width, isConstantB: fusion.grad === null };
    multiplyForward(tape, { buffer: out.buffer, ld: width }, input, fusion.compute, sizes);
  }
  const branchesOf = (buffer: DeviceBuffer): Branch[] =>
    layers.map((layer, i) => ({ layer, target: columnsOf(buffer, columns[i]!, width) }));
  const branches = branchesOf(out.buffer);
  for (const branch of branches) {
    if (fusion === null) multiplyBase(tape, branch.target, { buffer: input.buffer, N }, branch.layer.weight);
    addBias(tape, branch, N);
  }
  const traces = addLowRank(tape, input, branches);
  if (out.requiresGrad) {
    tape.push(() => {
      const dOut = out.grad;
      if (dOut !== null) {
        if (fusion !== null)
          backwardOfWeight(tape, { buffer: dOut, ld: width }, input, fusion.compute, fusion.grad, width);
        const gradients = branchesOf(dOut);
        for (const branch of gradients) {
          if (fusion === null) backwardOfBase(tape, branch, input);
          biasBackward(tape, branch, N);
        }
        lowRankBackward(tape, input, gradients, traces);
      }
      tape.discard(out);
    });
  }
  return columns;
}

/**
 * residual + linear(x): f32 [N, O]. While recording the sum is a new tensor (a norm below still needs the old one);
 * otherwise it is added in place and `residual` is returned: no later op may want the old one.
 */
export function linearAddResidual(tape: Tape, residual: Tensor, x: Tensor, layer: Linear): Tensor {
  const { kernels } = tape;
  const input = prepareInput(tape, 'linearAddResidual', x, layer);
  const [N, C] = residual.shape as readonly [number, number];
  if (C !== layer.outFeatures || N !== input.shape[0]) {
    throw new TensorError(
      'tensor.shape',
      `linearAddResidual: expected a residual [${input.shape[0]}, ${layer.outFeatures}], got [${residual.shape.join(', ')}]`,
    );
  }
  const layerNeedsGradient = needsGradient(input, layer);
  let out = residual;
  if (tape.isRecording) {
    out = tape.tensor([N, C], residual.buffer.dtype, layerNeedsGradient || residual.requiresGrad, false);
    kernels.scale(out.buffer, residual.buffer, { length: out.buffer.length, alpha: 1 });
  }
  const target = { buffer: out.buffer, ld: C };
  multiplyBase(tape, target, { buffer: input.buffer, N }, layer.weight, true);
  addBias(tape, { layer, target }, N);
  const traces = addLowRank(tape, input, [{ layer, target }]);
  if (out.requiresGrad) {
    tape.push(() => {
      const dOut = out.grad;
      if (dOut !== null && layerNeedsGradient) {
        withComputeGradient(tape, input, dOut, (gradient) => {
          const branch = { layer, target: { buffer: gradient, ld: C } };
          backwardOfBase(tape, branch, input);
          biasBackward(tape, branch, N);
          lowRankBackward(tape, input, [branch], traces);
        });
      }
      tape.arena.release(out.buffer);
      if (dOut === null) return;
      // The stream's gradient flows through unchanged: its buffer is handed on rather than copied.
      if (residual.requiresGrad && residual.grad === null) {
        residual.grad = dOut;
        return;
      }
      if (residual.requiresGrad) addGradient(tape, residual, dOut);
      tape.arena.release(dOut);
    });
  }
  return out;
}

function prepareInput(tape: Tape, op: string, x: Tensor, layer: Linear): Tensor {
  if (x.shape.length !== 2 || x.shape[1] !== layer.inFeatures) {
    throw new TensorError(
      'tensor.shape',
      `${op}: expected an input [N, ${layer.inFeatures}] for ${layer.name}, got [${x.shape.join(', ')}]`,
    );
  }
  return cast(tape, x, layer.weight.compute.dtype as FloatType);
}

function needsGradient(x: Tensor, layer: Linear): boolean {
  return (
    x.requiresGrad ||
    layer.weight.requiresGrad ||
    layer.bias?.requiresGrad === true ||
    layer.deltas.some(
      ({ a, b, magnitude, scaling }) =>
        scaling !== 0 && (a.requiresGrad || b.requiresGrad || magnitude?.requiresGrad === true),
    )
  );
}

/** The matrix all the layers' weights form, in their order, or null. */
function sharedFusion(layers: readonly Linear[]): Fusion | null {
  const fusion = layers[0]?.weight.fusion ?? null;
  if (fusion === null || fusion.members.length !== layers.length) return null;
  return layers.every(({ weight }, i) => weight === fusion.members[i] && weight.fusion === fusion) ? fusion : null;
}

function columnsOf(buffer: DeviceBuffer, { offset, width }: Columns, ld: number): Target {
  return width === ld ? { buffer, ld } : { buffer: buffer.view(offset, Math.max(0, buffer.length - offset)), ld };
}

/** out (+)= x Wᵀ. `weight` [O, I]. */
function multiplyForward(
  tape: Tape,
  out: Target,
  x: Tensor,
  weight: DeviceBuffer,
  sizes: { O: number; isConstantB: boolean; accumulate?: boolean },
): void {
  const [M, K] = x.shape as readonly [number, number];
  const { O: N, isConstantB, accumulate = false } = sizes;
  const options = { M, N, K, transposeB: true, ldOut: out.ld, isConstantB, accumulate };
  tape.kernels.matmul(out.buffer, x.buffer, weight, options);
}

function addBias({ kernels }: Tape, { layer: { bias, outFeatures }, target }: Branch, N: number): void {
  if (bias !== null) kernels.addBias(target.buffer, bias.compute, { N, C: outFeatures, ldX: target.ld });
}

function biasBackward({ kernels }: Tape, { layer: { bias, outFeatures }, target }: Branch, N: number): void {
  if (!bias?.requiresGrad) return;
  kernels.sumRows(bias.grad!, target.buffer, { N, C: outFeatures, ldX: target.ld, accumulate: true });
}

/** Calls `use` with dOut in the type the products need. */
function withComputeGradient(tape: Tape, x: Tensor, dOut: DeviceBuffer, use: (gradient: DeviceBuffer) => void): void {
  if (dOut.dtype === x.buffer.dtype) {
    use(dOut);
    return;
  }
  const converted = tape.scratch(x.buffer.dtype, dOut.length);
  tape.kernels.scale(converted, dOut, { length: dOut.length, alpha: 1 });
  use(converted);
  tape.arena.release(converted);
}

function backwardOfBase(tape: Tape, { layer, target: dOut }: Branch, x: Tensor): void {
  const { weight, outFeatures } = layer;
  if (weight.quantized) {
    if (x.requiresGrad) multiplyBaseBackward(tape, tape.gradTarget(x), dOut, x.shape[0]!, weight);
    return;
  }
  backwardOfWeight(tape, dOut, x, weight.compute, weight.requiresGrad ? weight.grad : null, outFeatures);
}

/** dX (+)= dOut W; dW += dOutᵀ x. */
function backwardOfWeight(
  tape: Tape,
  dOut: Target,
  x: Tensor,
  weight: DeviceBuffer,
  dWeight: DeviceBuffer | null,
  O: number,
): void {
  const { kernels } = tape;
  const [N, I] = x.shape as readonly [number, number];
  if (x.requiresGrad) {
    const { buffer, accumulate } = tape.gradTarget(x);
    kernels.matmul(buffer, dOut.buffer, weight, {
      M: N,
      N: I,
      K: O,
      ldA: dOut.ld,
      accumulate,
      isConstantB: dWeight === null,
    });
  }
  if (dWeight !== null) {
    kernels.matmul(dWeight, dOut.buffer, x.buffer, {
      M: O,
      N: I,
      K: N,
      transposeA: true,
      ldA: dOut.ld,
      accumulate: true,
    });
  }
}
