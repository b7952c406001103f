/**
 * Muon (Jordan et al. 2024) for hidden matrices, AdamW for the rest. The momentum of a matrix is replaced by the nearest
 * semi-orthogonal one, found by five Newton–Schulz steps, so that every direction is learnt at the same speed; scaled so
 * that an element moves as far as under AdamW (Liu et al. 2025, "Muon is scalable for LLM training").
 */
import type { DeviceBuffer, FloatType, Kernels } from '@tuiqiao/kernels';
import type { Arena } from '../arena.ts';
import { TensorError } from '../errors.ts';
import { syncCompute } from '../parameter.ts';
import { type AdamWOptions, createAdamWSlots, stepAdamW } from './adamw.ts';
import { createSlots, loadSlots, type Optimizer, type ParameterGroup, type Slot, saveSlots } from './optimizer.ts';

export interface MuonOptions {
  /** Decay of the momentum; 0.95 when absent. */
  readonly momentum?: number;
  /** Look ahead by one momentum step; true when absent. */
  readonly isNesterov?: boolean;
  /** Newton–Schulz steps; 5 when absent. */
  readonly iterations?: number;
  /** Type of the products; bf16 where it is fast, when absent. */
  readonly computeType?: FloatType;
  /** Settings for `adamwGroups`. */
  readonly adamw?: AdamWOptions;
}

/** x ← a·x + b·x³ + c·x⁵ on singular values: steep at 0, and near 1 for 1 (Jordan's coefficients). */
const COEFFICIENTS = { a: 3.4445, b: -4.775, c: 2.0315 } as const;
/** Root mean square of an AdamW update, which Muon's is matched to. */
const UPDATE_RMS = 0.2;
/** Keeps a zero gradient from dividing by zero. */
const NORM_FLOOR = 1e-7;

/**
 * b = μ·b + g; O = orthogonalise(g + μ·b); p −= lr·wd·p; p −= lr·0.2·√max(out, in)·O. One learning rate serves both
 * kinds of group. `groups` hold matrices; `adamwGroups` embeddings, heads, vectors.
 * @throws TensorError `tensor.state` when a parameter is not trainable or given twice, or not a matrix in `groups`
 */
export function createMuon(
  kernels: Kernels,
  arena: Arena,
  groups: readonly ParameterGroup[],
  adamwGroups: readonly ParameterGroup[],
  options: MuonOptions = {},
): Optimizer {
  const { momentum = 0.95, isNesterov = true, iterations = 5, adamw = {} } = options;
  const { computeType = kernels.features.hasFastBf16 ? 'bf16' : 'f32' } = options;
  for (const { name, shape } of groups.flatMap(({ parameters }) => parameters)) {
    if (shape.length !== 2) {
      throw new TensorError('tensor.state', `createMuon: expected matrices, got ${name} [${shape.join(', ')}]`);
    }
  }
  const slots = createSlots(kernels, groups, ['momentum_buffer']);
  const adamwSlots = createAdamWSlots(kernels, adamwGroups);
  const allSlots = [...slots, ...adamwSlots];
  let stepCount = 0;

  /** b = μ·b + s·g, and the matrix to orthogonalise; with the sum of its squares. */
  function advance(slot: Slot, gradientScale: number, squares: DeviceBuffer, index: number): DeviceBuffer {
    const { grad } = slot.parameter;
    const buffer = slot.buffers.momentum_buffer!;
    const { length } = buffer;
    kernels.scale(buffer, buffer, { length, alpha: momentum });
    kernels.scale(buffer, grad!, { length, alpha: gradientScale, accumulate: true });
    const direction = arena.allocate('f32', length, false);
    kernels.scale(direction, buffer, { length, alpha: isNesterov ? momentum : 1 });
    if (isNesterov) kernels.scale(direction, grad!, { length, alpha: gradientScale, accumulate: true });
    kernels.sumSquares(squares, direction, { index, length });
    return direction;
  }

  return {
    parameters: allSlots.map(({ parameter }) => parameter),
    get stepCount() {
      return stepCount;
    },
    async step(learningRate, gradientScale = 1) {
      stepCount++;
      const squares = kernels.allocate('f32', Math.max(1, slots.length));
      const directions = slots.map((slot, index) => advance(slot, gradientScale, squares, index));
      const sums = await kernels.read(squares);
      for (const [index, { parameter, weightDecay, learningRateScale }] of slots.entries()) {
        const [O, I] = parameter.shape as readonly [number, number];
        const { length } = parameter.value;
        const rate = learningRate * learningRateScale;
        const direction = directions[index]!;
        const norm = Math.sqrt(sums[index]!) + NORM_FLOOR;
        const update = orthogonalise(kernels, arena, direction, { O, I, norm, iterations, computeType });
        kernels.scale(parameter.value, parameter.value, { length, alpha: 1 - rate * weightDecay });
        const alpha = -rate * UPDATE_RMS * Math.sqrt(Math.max(O, I));
        kernels.scale(parameter.value, update, { length, alpha, accumulate: true });
        syncCompute(kernels, parameter);
        arena.release(update);
        arena.release(direction);
      }
      stepAdamW(kernels, adamwSlots, adamw, { learningRate, gradientScale, step: stepCount });
    },
    saveState: () => saveSlots(kernels, allSlots, stepCount),
    async loadState(state) {
      stepCount = await loadSlots(kernels, allSlots, state);
    },
  };
}

/**
 * A matrix with the singular vectors of `matrix` [O, I] and singular values near 1 (0.7 … 1.2), in arena memory.
 * `norm`: its Frobenius norm. The products are taken on the shorter side: X Xᵀ when O ≤ I, else Xᵀ X.
 */
export function orthogonalise(
  kernels: Kernels,
  arena: Arena,
  matrix: DeviceBuffer,
  sizes: { O: number; I: number; norm: number; iterations: number; computeType: FloatType },
): DeviceBuffer {
  const { O, I, norm, iterations, computeType } = sizes;
  const { a, b, c } = COEFFICIENTS;
  const isWide = O <= I;
  const side = Math.min(O, I);
  const length = O * I;
  let x = arena.allocate(computeType, length, false);
  let next = arena.allocate(computeType, length, false);
  const gram = arena.allocate(computeType, side * side, false);
  const polynomial = arena.allocate(computeType, side * side, false);
  kernels.scale(x, matrix, { length, alpha: 1 / norm });
  for (let i = 0; i < iterations; i++) {
    // gram = X Xᵀ (or Xᵀ X); polynomial = b·gram + c·gram²; next = a·X + polynomial·X (or X·polynomial).
    kernels.matmul(gram, x, x, { M: side, N: side, K: Math.max(O, I), transposeA: !isWide, transposeB: isWide });
    kernels.scale(polynomial, gram, { length: side * side, alpha: b });
    kernels.matmul(polynomial, gram, gram, { M: side, N: side, K: side, alpha: c, accumulate: true });
    kernels.scale(next, x, { length, alpha: a });
    if (isWide) kernels.matmul(next, polynomial, x, { M: O, N: I, K: O, accumulate: true });
    else kernels.matmul(next, x, polynomial, { M: O, N: I, K: I, accumulate: true });
    [x, next] = [next, x];
  }
  for (const buffer of [next, gram, polynomial]) arena.release(buffer);
  return x;
}
