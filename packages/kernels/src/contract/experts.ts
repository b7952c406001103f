/** Routed experts. Legend and rules: `../contract.ts`. */
import type { DeviceBuffer } from './buffers.ts';
import type { MatmulSizes } from './matrix.ts';

/** A matrix of each expert: stacked, or one by one; null: none, and the rows of that expert are left as they are. */
export type ExpertMatrices = DeviceBuffer | readonly (DeviceBuffer | null)[];

export interface ExpertKernels {
  /**
   * Routing of N tokens to K of E experts each: the largest of softmax(logits[n]) (the lower index on a tie), their
   * shares divided by their sum when `isNormalised`. Rows are grouped by expert: those of expert e are offsets[e] …
   * offsets[e + 1] − 1 (i32 [E + 1]), row r is token tokens[r] (i32 [N·K]) with share weights[r] (f32 [N·K]).
   */
  routeExperts(
    weights: DeviceBuffer,
    tokens: DeviceBuffer,
    offsets: DeviceBuffer,
    logits: DeviceBuffer,
    sizes: { N: number; E: number; K: number; isNormalised: boolean },
  ): void;
  /** Replaces dLogits; the choice itself has no gradient. */
  routeExpertsBackward(
    dLogits: DeviceBuffer,
    dWeights: DeviceBuffer,
    weights: DeviceBuffer,
    tokens: DeviceBuffer,
    offsets: DeviceBuffer,
    logits: DeviceBuffer,
    sizes: { N: number; E: number; K: number; isNormalised: boolean },
  ): void;
  /** Grouped rows times their expert's matrix: out[r] = α · a[r] · op(b[e]) (+ out[r]). a [R, K], out [R, N]. */
  expertMatmul(
    out: DeviceBuffer,
    a: DeviceBuffer,
    b: ExpertMatrices,
    offsets: DeviceBuffer,
    sizes: { E: number; N: number; K: number } & Pick<
      MatmulSizes,
      'transposeB' | 'isConstantB' | 'accumulate' | 'alpha' | 'ldA' | 'ldOut'
    >,
  ): void;
  /** dB[e] += α · dOut[rows of e]ᵀ · a[rows of e]; dB f32, of each expert [O, I], dOut [R, O], a [R, I]. */
  expertMatmulWeights(
    dB: ExpertMatrices,
    dOut: DeviceBuffer,
    a: DeviceBuffer,
    offsets: DeviceBuffer,
    sizes: { E: number; O: number; I: number; alpha?: number; ldOut?: number; ldA?: number },
  ): void;
  /** out[tokens[r]] += weights[r] · x[r] (1 without weights), in the order of r. */
  scatterWeighted(
    out: DeviceBuffer,
    x: DeviceBuffer,
    weights: DeviceBuffer | null,
    tokens: DeviceBuffer,
    sizes: { R: number; C: number },
  ): void;
  /** Replaces dX[r] = weights[r] · dOut[tokens[r]] and dWeights[r] = dOut[tokens[r]] · x[r]. */
  scatterWeightedBackward(
    dX: DeviceBuffer,
    dWeights: DeviceBuffer,
    dOut: DeviceBuffer,
    x: DeviceBuffer,
    weights: DeviceBuffer,
    tokens: DeviceBuffer,
    sizes: { R: number; C: number },
  ): void;
}
