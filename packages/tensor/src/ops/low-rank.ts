/**
 * What low-rank adapters add to linear layers: y += s·(dropout(x) Aᵀ) Bᵀ. The A of layers side by side over one input lie
 * one below the other, so that x is read once for all of them, and dX written once.
 * Legend: N rows, I input features, O output features of a layer, r rank, R ranks of a group together.
 */
import type { DeviceBuffer } from '@tuiqiao/kernels';
import { fuseParameters } from '../parameter.ts';
import type { Linear, LowRankDelta, Parameter, Tape, Tensor } from '../tape.ts';
import type { Target } from './base-product.ts';
import { addDora, type DoraTrace, doraBackward } from './dora.ts';

/** A layer, and its columns of an output or of that output's gradient. */
export interface Branch {
  readonly layer: Linear;
  readonly target: Target;
}

/** A delta of one of the layers side by side. */
interface Member {
  /** Which of the layers. */
  readonly at: number;
  readonly delta: LowRankDelta;
  /** Its first column of `hidden`. */
  readonly first: number;
}

/** What deltas that are multiplied together leave for their backward pass. */
export interface LowRankTrace {
  readonly members: readonly Member[];
  /** dropout(x) Aᵀ, the members' side by side: [N, R]. */
  readonly hidden: DeviceBuffer;
  readonly R: number;
  /** [R, I] */
  readonly a: { readonly compute: DeviceBuffer; readonly grad: DeviceBuffer | null };
  /** Dropout probability of this call: 0 outside training. */
  readonly p: number;
  readonly seed: number;
  readonly dora: DoraTrace | null;
}

/** Adds the deltas of layers over one input to their outputs. `x` [N, I]. */
export function addLowRank(tape: Tape, x: Tensor, branches: readonly Branch[]): LowRankTrace[] {
  const { kernels } = tape;
  const [N, I] = x.shape as readonly [number, number];
  const traces: LowRankTrace[] = [];
  for (const group of groupsOf(tape, branches)) {
    const { delta: first } = group.members[0]!;
    const p = tape.isTraining ? first.dropout : 0;
    const seed = p > 0 ? tape.dropoutSeed++ : 0;
    const input = p > 0 ? dropped(tape, x, p, seed) : x.buffer;
    const { members, R, a } = group;
    const hidden = tape.scratch(x.buffer.dtype, N * R);
    kernels.matmul(hidden, input, a.compute, { M: N, N: R, K: I, transposeB: true });
    for (const { at, delta, first: column } of members) {
      const { target, layer } = branches[at]!;
      kernels.matmul(target.buffer, columnsFrom(hidden, column), delta.b.compute, {
        M: N,
        N: layer.outFeatures,
        K: delta.rank,
        transposeB: true,
        ldA: R,
        ldOut: target.ld,
        accumulate: true,
        alpha: delta.scaling,
      });
    }
    const { magnitude } = first;
    const { target, layer } = branches[members[0]!.at]!;
    const dora = magnitude ? addDora(tape, target, { buffer: input, N }, hidden, layer, { ...first, magnitude }) : null;
    if (input !== x.buffer) tape.arena.release(input);
    if (tape.isRecording) {
      traces.push({ ...group, hidden, p, seed, dora });
      continue;
    }
    for (const buffer of [hidden, dora?.z, dora?.reciprocal, dora?.excess]) if (buffer) tape.arena.release(buffer);
  }
  return traces;
}

/**
 * With h = dropout(x) Aᵀ and dH = s·dOut B: dB += s·dOutᵀ h, dA += dHᵀ dropout(x), dX += dropout(dH A).
 * `branches`: the layers with the gradients of their outputs.
 */
export function lowRankBackward(
  tape: Tape,
  x: Tensor,
  branches: readonly Branch[],
  traces: readonly LowRankTrace[],
): void {
  const { kernels, arena } = tape;
  const [N, I] = x.shape as readonly [number, number];
  for (const { members, hidden, R, a, p, seed, dora } of traces) {
    for (const { at, delta, first } of members) {
      const { layer, target } = branches[at]!;
      const { b, rank, scaling, magnitude } = delta;
      const { outFeatures: O } = layer;
      const dOut = dora && magnitude ? backwardOfDora(tape, target, x, layer, magnitude, dora, { p, seed }) : target;
      const own = columnsFrom(hidden, first);
      if (b.requiresGrad) {
        const sizes = { M: O, N: rank, K: N, transposeA: true, ldA: dOut.ld, ldB: R, accumulate: true, alpha: scaling };
        kernels.matmul(b.grad!, dOut.buffer, own, sizes);
      }
      if (a.grad !== null || x.requiresGrad) {
        // Over the hidden values, which nothing needs any more.
        const sizes = { M: N, N: rank, K: O, ldA: dOut.ld, ldOut: R, alpha: scaling };
        kernels.matmul(own, dOut.buffer, b.compute, sizes);
      }
      if (dOut !== target) arena.release(dOut.buffer);
    }
    if (a.grad !== null) {
      const input = p > 0 ? dropped(tape, x, p, seed) : x.buffer;
      kernels.matmul(a.grad, hidden, input, { M: R, N: I, K: N, transposeA: true, accumulate: true });
      if (input !== x.buffer) arena.release(input);
    }
    if (x.requiresGrad) {
      const { buffer, accumulate } = tape.gradTarget(x);
      if (p > 0) {
        const dInput = tape.scratch(x.buffer.dtype, N * I);
        kernels.matmul(dInput, hidden, a.compute, { M: N, N: I, K: R });
        kernels.dropout(dInput, dInput, { length: N * I, p, seed });
        kernels.scale(buffer, dInput, { length: N * I, alpha: 1, accumulate });
        arena.release(dInput);
      } else {
        kernels.matmul(buffer, hidden, a.compute, { M: N, N: I, K: R, accumulate });
      }
    }
    arena.release(hidden);
  }
}

/** Deltas that are multiplied together: those of one adapter, where neither dropout nor DoRA keeps them apart. */
function groupsOf(tape: Tape, branches: readonly Branch[]): Pick<LowRankTrace, 'members' | 'R' | 'a'>[] {
  if (branches.length === 1) {
    const active = branches[0]!.layer.deltas.filter(({ scaling }) => scaling !== 0);
    return active.map((delta) => groupOf([delta], delta.a, () => 0));
  }
  const groups: LowRankDelta[][] = [];
  const places = new Map<LowRankDelta, number>();
  const open = new Map<string, LowRankDelta[]>();
  for (const [at, { layer }] of branches.entries()) {
    for (const delta of layer.deltas) {
      if (delta.scaling === 0) continue;
      places.set(delta, at);
      const together = open.get(delta.name);
      if (together !== undefined && canJoin(tape, together[0]!, delta)) {
        together.push(delta);
        continue;
      }
      const alone = [delta];
      groups.push(alone);
      open.set(delta.name, alone);
    }
  }
  const placeOf = (delta: LowRankDelta): number => places.get(delta)!;
  return groups.flatMap((deltas) => {
    const fused = deltas.length === 1 ? null : fusedA(tape, deltas);
    return fused === null
      ? deltas.map((delta) => groupOf([delta], delta.a, placeOf))
      : [groupOf(deltas, fused, placeOf)];
  });
}

function canJoin(tape: Tape, first: LowRankDelta, delta: LowRankDelta): boolean {
  return (
    !first.magnitude &&
    !delta.magnitude &&
    !(tape.isTraining && (first.dropout > 0 || delta.dropout > 0)) &&
    first.a.requiresGrad === delta.a.requiresGrad &&
    first.a.compute.dtype === delta.a.compute.dtype
  );
}

/** The A of several deltas in one matrix: brought together the first time, since adapters come, go, freeze and train again. */
function fusedA({ kernels }: Tape, deltas: readonly LowRankDelta[]) {
  const parameters = deltas.map(({ a }) => a);
  const fusionOf = ([first]: readonly Parameter[]) => first!.fusion ?? null;
  const known = fusionOf(parameters);
  const isWhole =
    known !== null &&
    known.members.length === parameters.length &&
    parameters.every((parameter, i) => parameter === known.members[i] && parameter.fusion === known);
  if (!isWhole) fuseParameters(kernels, parameters);
  return fusionOf(parameters);
}

function groupOf(
  deltas: readonly LowRankDelta[],
  a: LowRankTrace['a'],
  placeOf: (delta: LowRankDelta) => number,
): Pick<LowRankTrace, 'members' | 'R' | 'a'> {
  let R = 0;
  const members = deltas.map((delta) => {
    const first = R;
    R += delta.rank;
    return { at: placeOf(delta), delta, first };
  });
  const requiresGrad = deltas[0]!.a.requiresGrad;
  return { members, R, a: { compute: a.compute, grad: requiresGrad ? a.grad : null } };
}

function columnsFrom(buffer: DeviceBuffer, first: number): DeviceBuffer {
  return first === 0 ? buffer : buffer.view(first, buffer.length - first);
}

function dropped(tape: Tape, x: Tensor, p: number, seed: number): DeviceBuffer {
  const out = tape.scratch(x.buffer.dtype, x.buffer.length);
  tape.kernels.dropout(out, x.buffer, { length: out.length, p, seed });
  return out;
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
