/** Causal attention within packed segments, and the gated feed-forward's activation. Legend: N rows, H query heads,
 * G key/value heads, D head size, S segments, I intermediate size. */
import type { DeviceBuffer } from '@tuiqiao/kernels';
import { claimColumns, columnGradient, columnStride, columnValues, type Slice, toColumns } from '../columns.ts';
import { TensorError } from '../errors.ts';
import type { Tape, Tensor } from '../tape.ts';

export interface AttentionOptions {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Factor on the scores; 1/√headDim when absent. */
  readonly scale?: number;
  /** A query sees at most this many positions including itself; all when absent. */
  readonly window?: number;
  /** Scaled scores s become cap · tanh(s/cap). */
  readonly softCap?: number;
  /** Adds ALiBi's penalty on distance to the scores; see the kernels' contract. */
  readonly alibi?: boolean;
  /** i32 [S]: the segment that each one goes on from, −1 for none; see the kernels' contract. */
  readonly prefixes?: DeviceBuffer;
}

/**
 * out[n, h] = Σ_j softmax_j(scale · q[n, h]·k[j, g]) v[j, g] over j ≤ n of the same segment and its prefix: [N, H · D].
 * q [N, H · D], k and v [N, G · D]; `segments` i32 [S + 1] offsets, 0 … N.
 */
export function attention(
  tape: Tape,
  q: Slice,
  k: Slice,
  v: Slice,
  segments: DeviceBuffer,
  options: AttentionOptions,
): Tensor {
  const { kernels, arena } = tape;
  const { heads: H, kvHeads: G, headDim: D, scale, window, softCap, alibi, prefixes = null } = options;
  const [query, key, value] = [toColumns(q), toColumns(k), toColumns(v)];
  const N = query.tensor.shape[0]!;
  if (query.width !== H * D || key.width !== G * D || value.width !== G * D || H % G !== 0) {
    throw new TensorError(
      'tensor.shape',
      `attention: expected ${H} query and ${G} key/value heads of ${D}, got ${query.width}, ${key.width} and ${value.width} columns`,
    );
  }
  for (const columns of [query, key, value]) claimColumns(tape, 'attention', columns);
  const requiresGrad = query.tensor.requiresGrad || key.tensor.requiresGrad || value.tensor.requiresGrad;
  const out = tape.tensor([N, H * D], query.tensor.buffer.dtype, requiresGrad, false);
  const lse = tape.scratch('f32', N * H);
  const sizes = {
    N,
    H,
    G,
    D,
    ldQ: columnStride(query),
    ldK: columnStride(key),
    ldV: columnStride(value),
    S: segments.length - 1,
    ...(scale === undefined ? {} : { scale }),
    ...(window === undefined ? {} : { window }),
    ...(softCap === undefined ? {} : { softCap }),
    ...(alibi === undefined ? {} : { alibi }),
  };
  const inputs = () => [columnValues(query), columnValues(key), columnValues(value)] as const;
  const [queries, keys, values] = inputs();
  kernels.attention(out.buffer, lse, queries, keys, values, segments, prefixes, sizes);
  if (out.requiresGrad) {
    tape.push(() => {
      if (out.grad !== null) {
        const dQ = columnGradient(tape, 'attention', query);
        const dK = columnGradient(tape, 'attention', key);
        const dV = columnGradient(tape, 'attention', value);
        const { grad, buffer } = out;
        kernels.attentionBackward(dQ, dK, dV, grad, ...inputs(), buffer, lse, segments, prefixes, sizes);
      }
      arena.release(lse);
      tape.discard(out);
    });
  } else {
    arena.release(lse);
  }
  return out;
}

/** out = silu(gate) ⊙ up: [N, I], of gate's type. */
export function swiglu(tape: Tape, gate: Slice, up: Slice): Tensor {
  return gated(tape, 'swiglu', gate, up);
}

/** out = gelu(gate) ⊙ up with gelu's tanh form: [N, I], of gate's type. */
export function geglu(tape: Tape, gate: Slice, up: Slice): Tensor {
  return gated(tape, 'geglu', gate, up);
}

function gated(tape: Tape, op: 'swiglu' | 'geglu', gate: Slice, up: Slice): Tensor {
  const { kernels } = tape;
  const [left, right] = [toColumns(gate), toColumns(up)];
  const N = left.tensor.shape[0]!;
  const C = left.width;
  const ldX = columnStride(left);
  if (right.width !== C || columnStride(right) !== ldX) {
    throw new TensorError(
      'tensor.shape',
      `${op}: expected up as gate, ${C} columns of rows ${ldX} apart, got ${right.width} of rows ${columnStride(right)} apart`,
    );
  }
  claimColumns(tape, op, left);
  claimColumns(tape, op, right);
  const requiresGrad = left.tensor.requiresGrad || right.tensor.requiresGrad;
  const out = tape.tensor([N, C], left.tensor.buffer.dtype, requiresGrad, false);
  const [gates, ups] = [columnValues(left), columnValues(right)];
  const run = () => kernels[op](out.buffer, gates, ups, { N, C, ldX });
  run();
  if (out.requiresGrad) {
    out.again = run;
    tape.push(() => {
      if (out.grad !== null) {
        const dGate = columnGradient(tape, op, left);
        const dUp = columnGradient(tape, op, right);
        kernels[`${op}Backward`](dGate, dUp, out.grad, gates, ups, { N, C, ldX });
      }
      tape.discard(out);
    });
  }
  return out;
}
