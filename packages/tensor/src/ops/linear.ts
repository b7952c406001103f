/**
 * Linear layers y = x Wᵀ + bias + Σ s·(dropout(x) Aᵀ) Bᵀ, alone, side by side over a shared input, or added to the
 * residual stream. A frozen W gets no dW; an x without trainable parts below gets no dX.
 * Legend: N rows, I input features, O output features, r rank.
 */
import type { DeviceBuffer, FloatType } from '@tuiqiao/kernels';
import { type Columns, splitColumns } from '../columns.ts';
import { TensorError } from '../errors.ts';
import type { Fusion, Linear, LowRankDelta, Parameter, Tape, Tensor } from '../tape.ts';
import { multiplyBase, multiplyBaseBackward, type Target } from './base-product.ts';
import { addDora, type DoraTrace, doraBackward } from './dora.ts';
import { addGradient, cast } from './embed.ts';

/** What a delta leaves for its backward pass. */
interface DeltaTrace {
  readonly delta: LowRankDelta;
  /** dropout(x) Aᵀ, [N, r]. */
  readonly hidden: DeviceBuffer;
  readonly scaling: number;
  /** Dropout probability of this call: 0 outside training. */
  readonly p: number;
  readonly seed: number;
  readonly dora: DoraTrace | null;
}

/** y [N, O] of `outType` (the tape's compute type when absent). `x` [N, I]. */
export function linear(tape: Tape, x: Tensor, layer: Linear, options: { outType?: FloatType } = {}): Tensor {
  const input = prepareInput(tape, 'linear', x, layer);
  const N = input.shape[0]!;
  const { outType = tape.computeType } = options;
  const out = tape.tensor([N, layer.outFeatures], outType, needsGradient(input, layer), false);
  const target = { buffer: out.buffer, ld: layer.outFeatures };
  multiplyBase(tape, target, { buffer: input.buffer, N }, layer.weight);
  const traces = addForward(tape, target, input, layer);
  if (out.requiresGrad) {
    tape.push(() => {
      if (out.grad !== null) {
        withComputeGradient(tape, input, out.grad, (dOut) =>
          backwardOf(tape, { buffer: dOut, ld: layer.outFeatures }, input, layer, traces),
        );
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
  const traces = layers.map((layer, i) => {
    const target = columnsOf(out.buffer, columns[i]!, width);
    if (fusion === null) multiplyBase(tape, target, { buffer: input.buffer, N }, layer.weight);
    return addForward(tape, target, input, layer);
  });
  if (out.requiresGrad) {
    tape.push(() => {
      const dOut = out.grad;
      if (dOut !== null) {
        if (fusion !== null)
          backwardOfWeight(tape, { buffer: dOut, ld: width }, input, fusion.compute, fusion.grad, width);
        for (const [i, layer] of layers.entries()) {
          const target = columnsOf(dOut, columns[i]!, width);
          if (fusion === null) backwardOf(tape, target, input, layer, traces[i]!);
          else backwardOfAdditions(tape, target, input, layer, traces[i]!);
        }
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
  const traces = addForward(tape, target, input, layer);
  if (out.requiresGrad) {
    tape.push(() => {
      const dOut = out.grad;
      if (dOut !== null && layerNeedsGradient) {
        withComputeGradient(tape, input, dOut, (gradient) =>
          backwardOf(tape, { buffer: gradient, ld: C }, input, layer, traces),
        );
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

/** Adds the layer's bias and deltas to its columns of an output. */
function addForward(tape: Tape, out: Target, x: Tensor, layer: Linear): DeltaTrace[] {
  const { kernels } = tape;
  const N = x.shape[0]!;
  const { bias, outFeatures: O, inFeatures: I } = layer;
  if (bias !== null) kernels.addBias(out.buffer, bias.compute, { N, C: O, ldX: out.ld });
  const traces: DeltaTrace[] = [];
  for (const delta of layer.deltas) {
    const { a, b, rank, scaling } = delta;
    if (scaling === 0) continue;
    const p = tape.isTraining ? delta.dropout : 0;
    const seed = p > 0 ? tape.dropoutSeed++ : 0;
    const input = p > 0 ? dropped(tape, x, p, seed) : x.buffer;
    const hidden = tape.scratch(x.buffer.dtype, N * rank);
    kernels.matmul(hidden, input, a.compute, { M: N, N: rank, K: I, transposeB: true });
    kernels.matmul(out.buffer, hidden, b.compute, {
      M: N,
      N: O,
      K: rank,
      transposeB: true,
      ldOut: out.ld,
      accumulate: true,
      alpha: scaling,
    });
    const { magnitude } = delta;
    const dora = magnitude ? addDora(tape, out, { buffer: input, N }, hidden, layer, { ...delta, magnitude }) : null;
    if (input !== x.buffer) tape.arena.release(input);
    if (tape.isRecording) {
      traces.push({ delta, hidden, scaling, p, seed, dora });
      continue;
    }
    for (const buffer of [hidden, dora?.z, dora?.reciprocal, dora?.excess]) if (buffer) tape.arena.release(buffer);
  }
  return traces;
}

function dropped(tape: Tape, x: Tensor, p: number, seed: number): DeviceBuffer {
  const out = tape.scratch(x.buffer.dtype, x.buffer.length);
  tape.kernels.dropout(out, x.buffer, { length: out.length, p, seed });
  return out;
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

function backwardOf(tape: Tape, dOut: Target, x: Tensor, layer: Linear, traces: readonly DeltaTrace[]): void {
  const { weight, outFeatures } = layer;
  if (weight.quantized) {
    if (x.requiresGrad) multiplyBaseBackward(tape, tape.gradTarget(x), dOut, x.shape[0]!, weight);
  } else {
    backwardOfWeight(tape, dOut, x, weight.compute, weight.requiresGrad ? weight.grad : null, outFeatures);
  }
  backwardOfAdditions(tape, dOut, x, layer, traces);
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

/**
 * Bias and deltas. With h = dropout(x) Aᵀ and dH = s·dOut B: dB += s·dOutᵀ h, dA += dHᵀ dropout(x), dX += dropout(dH A).
 */
function backwardOfAdditions(tape: Tape, dOut: Target, x: Tensor, layer: Linear, traces: readonly DeltaTrace[]): void {
  const { kernels, arena } = tape;
  const [N, I] = x.shape as readonly [number, number];
  const { bias, outFeatures: O } = layer;
  if (bias?.requiresGrad) {
    kernels.sumRows(bias.grad!, dOut.buffer, { N, C: O, ldX: dOut.ld, accumulate: true });
  }
  for (const { delta, hidden, scaling, p, seed, dora } of traces) {
    const { a, b, rank, magnitude } = delta;
    const dProduct = dora && magnitude ? backwardOfDora(tape, dOut, x, layer, magnitude, dora, { p, seed }) : dOut;
    if (b.requiresGrad) {
      kernels.matmul(b.grad!, dProduct.buffer, hidden, {
        M: O,
        N: rank,
        K: N,
        transposeA: true,
        ldA: dProduct.ld,
        accumulate: true,
        alpha: scaling,
      });
    }
    if (a.requiresGrad || x.requiresGrad) {
      // Over the hidden values, which nothing needs any more.
      kernels.matmul(hidden, dProduct.buffer, b.compute, { M: N, N: rank, K: O, ldA: dProduct.ld, alpha: scaling });
    }
    if (a.requiresGrad) {
      const input = p > 0 ? dropped(tape, x, p, seed) : x.buffer;
      kernels.matmul(a.grad!, hidden, input, { M: rank, N: I, K: N, transposeA: true, accumulate: true });
      if (input !== x.buffer) arena.release(input);
    }
    if (x.requiresGrad) {
      const { buffer, accumulate } = tape.gradTarget(x);
      if (p > 0) {
        const dInput = tape.scratch(x.buffer.dtype, N * I);
        kernels.matmul(dInput, hidden, a.compute, { M: N, N: I, K: rank });
        kernels.dropout(dInput, dInput, { length: N * I, p, seed });
        kernels.scale(buffer, dInput, { length: N * I, alpha: 1, accumulate });
        arena.release(dInput);
      } else {
        kernels.matmul(buffer, hidden, a.compute, { M: N, N: I, K: rank, accumulate });
      }
    }
    arena.release(hidden);
    if (dProduct !== dOut) arena.release(dProduct.buffer);
  }
}

/** The DoRA part of a delta's backward pass; returns the gradient of the low-rank product. */
function backwardOfDora(
  tape: Tape,
  dOut: Target,
  x: Tensor,
  layer: Linear,
  magnitude: Parameter,
  trace: DoraTrace,
  { p, seed }: { p: number; seed: number },
): Target {
  const [N, I] = x.shape as readonly [number, number];
  const ld = layer.outFeatures;
  if (!x.requiresGrad) return { buffer: doraBackward(tape, dOut, N, layer, magnitude, trace, null), ld };
  if (p === 0) return { buffer: doraBackward(tape, dOut, N, layer, magnitude, trace, tape.gradTarget(x)), ld };
  const dInput = tape.scratch(x.buffer.dtype, N * I);
  const buffer = doraBackward(tape, dOut, N, layer, magnitude, trace, { buffer: dInput, accumulate: false });
  tape.kernels.dropout(dInput, dInput, { length: N * I, p, seed });
  const dX = tape.gradTarget(x);
  tape.kernels.scale(dX.buffer, dInput, { length: N * I, alpha: 1, accumulate: dX.accumulate });
  tape.arena.release(dInput);
  return { buffer, ld };
}
