/**
 * A feed-forward of routed experts: each token goes to K of E small feed-forwards, whose results are added by their shares.
 * Tokens are grouped by expert, so that each expert sees its own in one product. Low-rank adapters may sit on the router
 * and on each expert's projections.
 * Legend: N tokens, E experts, K experts a token, R = N·K grouped rows, C channels, I an expert's inner size.
 */
import type { DeviceBuffer, FloatType } from '@tuiqiao/kernels';
import { TensorError } from '../errors.ts';
import type { Fusion, Linear, Tape, Tensor } from '../tape.ts';
import { addExpertLowRank, expertInputGradient, expertLowRankBackward, trainsDeltas } from './expert-low-rank.ts';
import { linear } from './linear.ts';

export interface Experts {
  /** [E, C] */
  readonly router: Linear;
  /** gate₀ [I, C], up₀, gate₁, up₁, …: weights fused by `fuseParameters` in this order. */
  readonly gateUp: readonly Linear[];
  /** down₀ [C, I], down₁, …: fused likewise. */
  readonly down: readonly Linear[];
  readonly perToken: number;
  /** Shares of a token's experts are divided by their sum. */
  readonly isNormalised: boolean;
}

/** Σ over the token's experts of share · down(silu(gate(x)) ⊙ up(x)): f32 [N, C]. `x` [N, C]. @throws TensorError `tensor.state` */
export function mixture(tape: Tape, x: Tensor, experts: Experts): Tensor {
  const { kernels, arena } = tape;
  const { router, perToken: K, isNormalised } = experts;
  const [N, C] = x.shape as readonly [number, number];
  const E = router.outFeatures;
  const I = experts.down[0]!.inFeatures;
  const R = N * K;
  const gateUp = stackOf(experts.gateUp);
  const down = stackOf(experts.down);
  const type = gateUp.compute.dtype as FloatType;
  const logits = linear(tape, x, router, { outType: 'f32' });
  const weights = tape.scratch('f32', R);
  const tokens = tape.scratch('i32', R);
  const offsets = tape.scratch('i32', E + 1);
  const routing = { N, E, K, isNormalised };
  kernels.routeExperts(weights, tokens, offsets, logits.buffer, routing);

  const isConstant = (stack: Fusion) => ({ isConstantB: stack.grad === null });
  const rows = tape.scratch(x.buffer.dtype, R * C);
  kernels.gatherRows(rows, x.buffer, tokens, { R, C });
  const inner = tape.scratch(type, R * 2 * I);
  kernels.expertMatmul(inner, rows, gateUp.compute, offsets, {
    E,
    N: 2 * I,
    K: C,
    transposeB: true,
    ...isConstant(gateUp),
  });
  const gated = tape.scratch(type, R * I);
  const halvesOf = (buffer: DeviceBuffer) =>
    [buffer, buffer.view(Math.min(I, buffer.length), Math.max(0, buffer.length - I))] as const;
  const [gate, up] = halvesOf(inner);
  const inputs = { buffer: rows, R, offsets };
  const projections = [0, 1].map((half) => experts.gateUp.filter((_, i) => i % 2 === half));
  const halfTraces = halvesOf(inner).map((buffer, half) =>
    addExpertLowRank(tape, { buffer, ld: 2 * I }, inputs, projections[half]!),
  );
  const halves = { N: R, C: I, ldX: 2 * I };
  kernels.swiglu(gated, gate, up, halves);
  const results = tape.scratch(type, R * C);
  kernels.expertMatmul(results, gated, down.compute, offsets, { E, N: C, K: I, transposeB: true, ...isConstant(down) });
  const gatedRows = { buffer: gated, R, offsets };
  const downTraces = addExpertLowRank(tape, { buffer: results, ld: C }, gatedRows, experts.down);
  const requiresGrad =
    x.requiresGrad ||
    logits.requiresGrad ||
    gateUp.grad !== null ||
    down.grad !== null ||
    trainsDeltas(experts.gateUp) ||
    trainsDeltas(experts.down);
  const out = tape.tensor([N, C], 'f32', requiresGrad);
  kernels.scatterWeighted(out.buffer, results, weights, tokens, { R, C });
  const release = () => {
    for (const buffer of [weights, tokens, offsets, rows, inner, gated, results]) arena.release(buffer);
    for (const { hidden } of [...halfTraces.flat(), ...downTraces]) arena.release(hidden);
  };
  if (!out.requiresGrad) {
    release();
    return out;
  }
  tape.push(() => {
    if (out.grad !== null) {
      const dResults = tape.scratch(type, R * C);
      const dWeights = tape.scratch('f32', R);
      kernels.scatterWeightedBackward(dResults, dWeights, out.grad, results, weights, tokens, { R, C });
      if (down.grad !== null) kernels.expertMatmulWeights(down.grad, dResults, gated, offsets, { E, O: C, I });
      expertLowRankBackward(tape, { buffer: dResults, ld: C }, gatedRows, experts.down, downTraces);
      const dGated = tape.scratch(type, R * I);
      kernels.expertMatmul(dGated, dResults, down.compute, offsets, { E, N: I, K: C, ...isConstant(down) });
      expertInputGradient(tape, dGated, offsets, experts.down, downTraces);
      const dInner = tape.scratch(type, R * 2 * I);
      const dHalves = halvesOf(dInner);
      kernels.swigluBackward(...dHalves, dGated, gate, up, halves);
      for (const [half, buffer] of dHalves.entries()) {
        expertLowRankBackward(tape, { buffer, ld: 2 * I }, inputs, projections[half]!, halfTraces[half]!);
      }
      if (gateUp.grad !== null) kernels.expertMatmulWeights(gateUp.grad, dInner, rows, offsets, { E, O: 2 * I, I: C });
      if (x.requiresGrad) {
        // Over the rows, which nothing needs any more.
        kernels.expertMatmul(rows, dInner, gateUp.compute, offsets, { E, N: C, K: 2 * I, ...isConstant(gateUp) });
        for (const [half, projection] of projections.entries()) {
          expertInputGradient(tape, rows, offsets, projection, halfTraces[half]!);
        }
        kernels.scatterWeighted(tape.gradOf(x, x.buffer.dtype as FloatType), rows, null, tokens, { R, C });
      }
      if (logits.requiresGrad) {
        const dLogits = tape.gradOf(logits, 'f32');
        kernels.routeExpertsBackward(dLogits, dWeights, weights, tokens, offsets, logits.buffer, routing);
      }
      for (const buffer of [dResults, dWeights, dGated, dInner]) arena.release(buffer);
    }
    release();
    tape.discard(out);
  });
  return out;
}

function stackOf(layers: readonly Linear[]): Fusion {
  const fusion = layers[0]?.weight.fusion ?? null;
  if (fusion !== null && fusion.members.length === layers.length) return fusion;
  throw new TensorError(
    'tensor.state',
    'mixture: expected the experts in one stack, all frozen or all trained, got some on their own',
  );
}
