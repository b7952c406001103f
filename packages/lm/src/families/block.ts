/** One block of a decoder: attention and the feed-forward, each added to the residual stream. See `decoder.ts`. */
import {
  add,
  addBottleneck,
  type Bottleneck,
  type Columns,
  type DeviceBuffer,
  type FloatType,
  fusedLinear,
  gatherRows,
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
  /** i32 [R], each once: the rows of x that are wanted. All when absent. */
  readonly wanted?: DeviceBuffer;
}

/**
 * x [N, C] after the block of a layer; in place unless recorded. Of the last layer rows may be left out: the others need
 * their keys and values, nothing else. Then a new tensor [R, C].
 */
export function runBlock(tape: Tape, config: ModelConfig, x: Tensor, place: Place, attend: Attend): Tensor {
  const { layer, index } = place;
  const h = normaliseOrSame(tape, config, x, layer.beforeAttention);
  const [q, k, v] = queryKeyValue(tape, config, h, place);
  tape.recompute(h);
  const all = attend(tape, index, q, k, v);
  tape.recompute(q);
  tape.recompute(k);
  const only = (rows: Tensor) => (place.wanted === undefined ? rows : gatherRows(tape, rows, place.wanted));
  const [stream, mixed] = [only(x), only(all)];
  const { attentionOutput, afterAttention, bottlenecks } = layer;
  const middle = addToStream(tape, config, stream, mixed, {
    projection: attentionOutput,
    norm: afterAttention,
    bottlenecks: bottlenecks.attention,
  });
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
  { feedForward, afterFeedForward, bottlenecks }: Layer,
): Tensor {
  if ('router' in feedForward) return addBranch(tape, x, mixture(tape, h, feedForward), bottlenecks.feedForward);
  const { intermediateSize: I, architecture } = config;
  const [gate, up] = project(tape, h, feedForward.gateUp, [I, I]);
  tape.recompute(h);
  const gated = (architecture.activation === 'silu' ? swiglu : geglu)(tape, gate!, up!);
  const out = addToStream(tape, config, x, gated, {
    projection: feedForward.down,
    norm: afterFeedForward,
    bottlenecks: bottlenecks.feedForward,
  });
  tape.recompute(gated);
  return out;
}

/** How a branch ends. */
interface BranchEnd {
  readonly projection: Linear;
  readonly norm: Parameter | null;
  readonly bottlenecks: readonly Bottleneck[];
}

/** x + norm(projection(branch)), and what bottleneck adapters add. */
function addToStream(
  tape: Tape,
  config: ModelConfig,
  x: Tensor,
  branch: Tensor,
  { projection, norm, bottlenecks }: BranchEnd,
): Tensor {
  if (norm === null && !bottlenecks.some(isOn)) return linearAddResidual(tape, x, branch, projection);
  const projected = linear(tape, branch, projection, { outType: 'f32' });
  const change = norm === null ? projected : normalise(tape, config, projected, norm, 'f32');
  return addBranch(tape, x, change, bottlenecks);
}

/** x + change, and what bottleneck adapters add: in place unless recorded, as `linearAddResidual` does. */
function addBranch(tape: Tape, x: Tensor, change: Tensor, bottlenecks: readonly Bottleneck[]): Tensor {
  const { kernels, isRecording } = tape;
  if (!isRecording) kernels.add(x.buffer, x.buffer, change.buffer, { length: x.buffer.length });
  let sum = isRecording ? add(tape, x, change) : x;
  for (const each of bottlenecks.filter(isOn)) {
    sum = addBottleneck(tape, sum, each.reads === 'branch' ? change : sum, each);
  }
  return sum;
}

function isOn({ scaling }: Bottleneck): boolean {
  return scaling !== 0;
}

/** Column slices of one product: of several matrices side by side, or of one that holds them all. */
function project(tape: Tape, h: Tensor, layers: readonly Linear[], widths: readonly number[]): Columns[] {
  return layers.length === 1 ? splitColumns(linear(tape, h, layers[0]!), widths) : fusedLinear(tape, h, layers);
}
