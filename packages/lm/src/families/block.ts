/** One block of a decoder: attention and the feed-forward, each added to the residual stream. See `decoder.ts`. */
import {
  add,
  type Columns,
  type DeviceBuffer,
  type FloatType,
  fusedLinear,
  geglu,
  headNormRope,
  type Linear,
  linear,
  linearAddResidual,
  mixture,
  type Parameter,
  type Rope,
  rmsNorm,
  splitColumns,
  swiglu,
  type Tape,
  type Tensor,
} from '@tuiqiao/tensor';
import type { ModelConfig } from '../config.ts';
import type { Attend } from './attend.ts';
import type { Layer } from './modules.ts';

/** Where a block stands: its weights, and the rotation of its rows. */
export interface Place {
  readonly index: number;
  readonly layer: Layer;
  readonly rope: Rope;
  /** i32 [N] */
  readonly positions: DeviceBuffer;
}

/** x [N, C] after the block of a layer; in place unless recorded. */
export function runBlock(tape: Tape, config: ModelConfig, x: Tensor, place: Place, attend: Attend): Tensor {
  const { layer, index } = place;
  const h = normaliseOrSame(tape, config, x, layer.beforeAttention);
  const [q, k, v] = queryKeyValue(tape, config, h, place);
  tape.recompute(h);
  const mixed = attend(tape, index, q, k, v);
  const middle = addToStream(tape, config, x, mixed, layer.attentionOutput, layer.afterAttention);
  const h2 = normaliseOrSame(tape, config, middle, layer.beforeFeedForward);
  return addFeedForward(tape, config, middle, h2, layer);
}

export function normalise(
  tape: Tape,
  { rmsNormEpsilon: epsilon, architecture }: ModelConfig,
  x: Tensor,
  weight: Parameter,
  outType: FloatType = tape.computeType,
): Tensor {
  return rmsNorm(tape, x, weight, { epsilon, outType, weightOffset: architecture.normOffset });
}

function normaliseOrSame(tape: Tape, config: ModelConfig, x: Tensor, weight: Parameter | null): Tensor {
  return weight === null ? x : normalise(tape, config, x, weight);
}

function queryKeyValue(
  tape: Tape,
  config: ModelConfig,
  h: Tensor,
  { layer, rope, positions }: Place,
): [Tensor, Tensor, Columns] {
  const { heads, kvHeads, headDim, rmsNormEpsilon: epsilon, architecture } = config;
  const { queryNorm, keyNorm } = layer;
  const rotate = (slice: Tensor | Columns, count: number, weight: Parameter | null) =>
    headNormRope(tape, slice, weight, rope, positions, {
      heads: count,
      headDim,
      epsilon,
      weightOffset: architecture.normOffset,
    });
  if (architecture.queryKeyNorm === 'row') {
    // The norm runs over a whole row, so q and k are tensors of their own.
    const [q, k, v] = layer.queryKeyValue.map((projection) => linear(tape, h, projection));
    return [
      rotate(normalise(tape, config, q!, queryNorm!), heads, null),
      rotate(normalise(tape, config, k!, keyNorm!), kvHeads, null),
      splitColumns(v!, [kvHeads * headDim])[0]!,
    ];
  }
  const widths = [heads * headDim, kvHeads * headDim, kvHeads * headDim];
  const [q, k, v] = project(tape, h, layer.queryKeyValue, widths);
  return [rotate(q!, heads, queryNorm), rotate(k!, kvHeads, keyNorm), v!];
}

/** x plus what the feed-forward, or the experts, make of h. */
function addFeedForward(
  tape: Tape,
  config: ModelConfig,
  x: Tensor,
  h: Tensor,
  { feedForward, afterFeedForward }: Layer,
): Tensor {
  if ('router' in feedForward) return addBranch(tape, x, mixture(tape, h, feedForward));
  const { intermediateSize: I, architecture } = config;
  const [gate, up] = project(tape, h, feedForward.gateUp, [I, I]);
  tape.recompute(h);
  const gated = (architecture.activation === 'silu' ? swiglu : geglu)(tape, gate!, up!);
  const out = addToStream(tape, config, x, gated, feedForward.down, afterFeedForward);
  tape.recompute(gated);
  return out;
}

/** x + norm(projection(branch)). */
function addToStream(
  tape: Tape,
  config: ModelConfig,
  x: Tensor,
  branch: Tensor,
  projection: Linear,
  norm: Parameter | null,
): Tensor {
  if (norm === null) return linearAddResidual(tape, x, branch, projection);
  const change = normalise(tape, config, linear(tape, branch, projection, { outType: 'f32' }), norm, 'f32');
  return addBranch(tape, x, change);
}

/** x + change: in place unless recorded, as `linearAddResidual` does. */
function addBranch(tape: Tape, x: Tensor, change: Tensor): Tensor {
  if (tape.isRecording) return add(tape, x, change);
  tape.kernels.add(x.buffer, x.buffer, change.buffer, { length: x.buffer.length });
  return x;
}

/** Column slices of one product: of several matrices side by side, or of one that holds them all. */
function project(tape: Tape, h: Tensor, layers: readonly Linear[], widths: readonly number[]): Columns[] {
  return layers.length === 1 ? splitColumns(linear(tape, h, layers[0]!), widths) : fusedLinear(tape, h, layers);
}
