/**
 * What low-rank adapters add to routed experts: rows y of expert e get s·(x Aₑᵀ) Bₑᵀ. One grouped product for all experts'
 * A and one for their B; an expert without a delta keeps its rows.
 * Legend: E experts, R grouped rows, I input features, O output features of a projection, r rank.
 */
import type { DeviceBuffer } from '@tuiqiao/kernels';
import { TensorError } from '../errors.ts';
import type { Linear, LowRankDelta, Parameter, Tape } from '../tape.ts';
import type { Target } from './base-product.ts';

/** Rows grouped by expert: those of e are offsets[e] … offsets[e + 1] − 1. */
export interface GroupedRows {
  /** [R, I] */
  readonly buffer: DeviceBuffer;
  readonly R: number;
  /** i32 [E + 1] */
  readonly offsets: DeviceBuffer;
}

/** An adapter's deltas of one projection, and what they leave for their backward pass. */
export interface ExpertTrace {
  /** By expert; null: none. */
  readonly deltas: readonly (LowRankDelta | null)[];
  readonly rank: number;
  readonly scaling: number;
  /** x Aᵀ: [R, r]. */
  readonly hidden: DeviceBuffer;
}

/** Some delta of these layers is switched on and trained. */
export function trainsDeltas(layers: readonly Linear[]): boolean {
  return layers.some(({ deltas }) =>
    deltas.some(({ scaling, a, b }) => scaling !== 0 && (a.requiresGrad || b.requiresGrad)),
  );
}

/** Adds the deltas of a projection of all experts to its output. @throws TensorError `tensor.state` */
export function addExpertLowRank(
  tape: Tape,
  target: Target,
  x: GroupedRows,
  projection: readonly Linear[],
): ExpertTrace[] {
  const { kernels } = tape;
  const E = projection.length;
  const { inFeatures: I, outFeatures: O } = projection[0]!;
  const { buffer, R, offsets } = x;
  return adaptersOf(projection).map(({ deltas, rank, scaling }) => {
    const hidden = tape.scratch(buffer.dtype, R * rank);
    kernels.expertMatmul(hidden, buffer, matrices(deltas, 'a'), offsets, { E, N: rank, K: I, transposeB: true });
    kernels.expertMatmul(target.buffer, hidden, matrices(deltas, 'b'), offsets, {
      E,
      N: O,
      K: rank,
      transposeB: true,
      ldOut: target.ld,
      accumulate: true,
      alpha: scaling,
    });
    return { deltas, rank, scaling, hidden };
  });
}

/** dB += s·dOutᵀ h, dA += dHᵀ x with dH = s·dOut B, which takes the place of h for `expertInputGradient`. */
export function expertLowRankBackward(
  tape: Tape,
  dOut: Target,
  x: GroupedRows,
  projection: readonly Linear[],
  traces: readonly ExpertTrace[],
): void {
  const { kernels } = tape;
  const E = projection.length;
  const { inFeatures: I, outFeatures: O } = projection[0]!;
  for (const { deltas, rank, scaling: alpha, hidden } of traces) {
    const sizes = { E, O, I: rank, alpha, ldOut: dOut.ld };
    kernels.expertMatmulWeights(gradients(deltas, 'b'), dOut.buffer, hidden, x.offsets, sizes);
    const product = { E, N: rank, K: O, ldA: dOut.ld, alpha };
    kernels.expertMatmul(hidden, dOut.buffer, matrices(deltas, 'b'), x.offsets, product);
    kernels.expertMatmulWeights(gradients(deltas, 'a'), hidden, x.buffer, x.offsets, { E, O: rank, I });
  }
}

/** dX += dH A, after `expertLowRankBackward`. `dX` [R, I]. */
export function expertInputGradient(
  { kernels }: Tape,
  dX: DeviceBuffer,
  offsets: DeviceBuffer,
  projection: readonly Linear[],
  traces: readonly ExpertTrace[],
): void {
  for (const { deltas, rank, hidden } of traces) {
    const sizes = { E: projection.length, N: projection[0]!.inFeatures, K: rank, accumulate: true };
    kernels.expertMatmul(dX, hidden, matrices(deltas, 'a'), offsets, sizes);
  }
}

type Adapter = Omit<ExpertTrace, 'hidden'>;

/** The deltas that are switched on, by adapter. */
function adaptersOf(projection: readonly Linear[]): Adapter[] {
  const byName = new Map<string, (LowRankDelta | null)[]>();
  for (const [expert, { deltas }] of projection.entries()) {
    for (const delta of deltas) {
      if (delta.scaling === 0) continue;
      const all = byName.get(delta.name) ?? projection.map(() => null);
      all[expert] = delta;
      byName.set(delta.name, all);
    }
  }
  return [...byName.values()].map((deltas) => {
    const some = deltas.filter((delta) => delta !== null);
    const { rank, scaling, name } = some[0]!;
    if (some.some((delta) => delta.rank !== rank || delta.scaling !== scaling || delta.magnitude)) {
      throw new TensorError(
        'tensor.state',
        `mixture: expected plain low-rank deltas of one rank and scale on the experts of a layer, got others (${name})`,
      );
    }
    return { deltas, rank, scaling };
  });
}

function matrices(deltas: Adapter['deltas'], matrix: 'a' | 'b'): (DeviceBuffer | null)[] {
  return deltas.map((delta) => delta?.[matrix].compute ?? null);
}

function gradients(deltas: Adapter['deltas'], matrix: 'a' | 'b'): (DeviceBuffer | null)[] {
  const gradientOf = ({ requiresGrad, grad }: Parameter): DeviceBuffer | null => (requiresGrad ? grad : null);
  return deltas.map((delta) => (delta === null ? null : gradientOf(delta[matrix])));
}
