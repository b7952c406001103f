/**
 * The language-model head: log-probabilities of given tokens, a chunk of rows at a time, so that a rows × vocabulary
 * matrix never exists. Legend: R loss rows, C channels, V vocabulary.
 */
import type { DeviceBuffer, FloatType } from '@tuiqiao/kernels';
import { TensorError } from '../errors.ts';
import type { Parameter, Tape, Tensor } from '../tape.ts';
import { cast } from './embed.ts';

export interface HeadOptions {
  readonly withEntropy?: boolean;
  readonly withMean?: boolean;
  readonly withTop?: boolean;
  /**
   * ∂loss/∂logProbs [R], known before the forward pass: each chunk's backward runs right after its forward. The weight's
   * gradient is then added to at once (zero it before the forward pass), and entropy and mean carry no gradient.
   */
  readonly knownGradient?: Float32Array;
  /** Logits l become cap · tanh(l/cap) (Gemma 2). */
  readonly softCap?: number;
  /** Logits, capped where they are, are divided by it: everything is then of the distribution one samples from. Default 1. */
  readonly temperature?: number;
  /**
   * Up to so many bytes, the logits of all rows are kept where the backward pass needs them again: reading them takes less
   * time than the product. More are made again, a chunk at a time, to the same bits. Default 128 MiB.
   */
  readonly keptBytes?: number;
}

/** f32 [R] each; `top` i32. */
export interface HeadResult {
  readonly logProbs: Tensor;
  readonly entropy?: Tensor;
  readonly meanLogProbs?: Tensor;
  readonly top?: Tensor;
}

/** A chunk's f32 logits should stay in the last-level cache between the product and the kernels that read them. */
const CHUNK_BYTES = 1 << 23;
const KEPT_BYTES = 1 << 27;
/** With fewer rows a product is bound by reading the weight, however large the vocabulary. */
const MIN_CHUNK_ROWS = 192;

/** Rows of logits made at a time at most for a vocabulary of V. */
export function headChunkRows(V: number): number {
  return Math.max(MIN_CHUNK_ROWS, Math.floor(CHUNK_BYTES / (4 * V)));
}

/**
 * logProbs[r] = log softmax(hidden[r] · weightᵀ / temperature)[targets[r]]; optionally the row's entropy, the mean log-probability
 * over the vocabulary, and the arg-max. `hidden` [R, C], `weight` [V, C], `targets` i32 [R].
 * @throws TensorError `tensor.shape`
 */
export function headLogProbs(
  tape: Tape,
  hidden: Tensor,
  weight: Parameter,
  targets: DeviceBuffer,
  options: HeadOptions = {},
): HeadResult {
  const { kernels, arena } = tape;
  const [R, C] = hidden.shape as readonly [number, number];
  const V = weight.shape[0]!;
  const { knownGradient, temperature = 1 } = options;
  // cap · tanh(l/cap) / T = (cap/T) · tanh((l/T) / (cap/T)): the product is scaled at once, and so are its gradients.
  const alpha = 1 / temperature;
  const softCap = options.softCap === undefined ? undefined : options.softCap * alpha;
  if (!(temperature > 0)) {
    throw new TensorError('tensor.shape', `headLogProbs: expected a temperature > 0, got ${temperature}`);
  }
  if (weight.shape[1] !== C || targets.length !== R || (knownGradient !== undefined && knownGradient.length !== R)) {
    throw new TensorError(
      'tensor.shape',
      `headLogProbs: expected hidden [R, ${weight.shape[1]}] and R targets (and known gradients), got [${R}, ${C}], ${targets.length} and ${knownGradient?.length ?? 'none'}`,
    );
  }
  const input = cast(tape, hidden, weight.compute.dtype as FloatType);
  const needsGradient = input.requiresGrad || weight.requiresGrad;
  const isDeferred = needsGradient && knownGradient === undefined;
  const rows = (dtype: 'f32' | 'i32', requiresGrad: boolean) => tape.tensor([R], dtype, requiresGrad, false);
  const logProbs = rows('f32', isDeferred);
  const entropy = options.withEntropy ? rows('f32', isDeferred) : null;
  const mean = options.withMean ? rows('f32', isDeferred) : null;
  const top = options.withTop ? rows('i32', false) : null;
  const lse = tape.scratch('f32', R);
  // A row's log-probability depends on no other row: its gradient for 1 can be made while its logits are at hand, and
  // takes its factor later. A frozen weight has no use for the logits of all rows together.
  const isScaledLater = tape.isRecording && isDeferred && !weight.requiresGrad && entropy === null && mean === null;
  const unit = isScaledLater ? tape.scratch('f32', R * C) : null;
  const dKnown = knownGradient === undefined && unit === null ? null : tape.scratch('f32', R);
  if (dKnown !== null) {
    if (knownGradient === undefined) kernels.fill(dKnown, 1);
    else kernels.write(dKnown, knownGradient);
  }

  // Even chunks: a last one of a few rows would be bound by reading the weight.
  const chunkRows = R === 0 ? 0 : Math.ceil(R / Math.ceil(R / headChunkRows(V)));

  const isKept = tape.isRecording && isDeferred && unit === null && 4 * R * V <= (options.keptBytes ?? KEPT_BYTES);
  /** The logits of all rows, or of one chunk after the other. */
  let memory: DeviceBuffer | null = null;
  const partOf = (first: number, count: number) => memory!.view(isKept ? first * V : 0, count * V);

  /** Calls `use` with the first row, the number of rows and the f32 logits of each chunk. */
  function forEachChunk(use: (first: number, count: number, logits: DeviceBuffer) => void): void {
    if (R === 0) return;
    const isMade = memory !== null;
    memory ??= tape.scratch('f32', (isKept ? R : chunkRows) * V);
    for (let first = 0; first < R; first += chunkRows) {
      const count = Math.min(chunkRows, R - first);
      const logits = partOf(first, count);
      if (!isMade) multiplyHead(logits, first, count);
      use(first, count, logits);
    }
    if (isKept && !isMade) return;
    arena.release(memory);
    memory = null;
  }

  function multiplyHead(logits: DeviceBuffer, first: number, count: number): void {
    kernels.matmul(logits, input.buffer.view(first * C, count * C), weight.compute, {
      M: count,
      N: V,
      K: C,
      transposeB: true,
      alpha,
      isConstantB: !weight.requiresGrad,
    });
    if (softCap !== undefined) kernels.softCap(logits, logits, { length: count * V, cap: softCap });
  }

  /** From a chunk's logits and row gradients: dHidden (+)= dLogits W, dW += dLogitsᵀ hidden. */
  function propagate(
    first: number,
    count: number,
    logits: DeviceBuffer,
    gradients: { logProbs: DeviceBuffer; entropy: DeviceBuffer | null; mean: DeviceBuffer | null },
    dHidden: { buffer: DeviceBuffer; accumulate: boolean } | null,
  ): void {
    const part = (buffer: DeviceBuffer) => buffer.view(first, count);
    const orNull = (buffer: DeviceBuffer | null) => (buffer === null ? null : part(buffer));
    const type = input.buffer.dtype;
    // In place, unless the capped logits are needed once more.
    const scratch = type === 'f32' && softCap === undefined ? null : tape.scratch(type, count * V);
    const dLogits = scratch ?? logits;
    kernels.tokenLogProbsBackward(
      dLogits,
      part(gradients.logProbs),
      orNull(gradients.entropy),
      orNull(gradients.mean),
      logits,
      part(lse),
      gradients.entropy === null ? null : part(entropy!.buffer),
      part(targets),
      { R: count, V },
    );
    if (softCap !== undefined) kernels.softCapBackward(dLogits, dLogits, logits, { length: count * V, cap: softCap });
    if (dHidden !== null) {
      kernels.matmul(dHidden.buffer.view(first * C, count * C), dLogits, weight.compute, {
        M: count,
        N: C,
        K: V,
        alpha,
        accumulate: dHidden.accumulate,
        isConstantB: !weight.requiresGrad,
      });
    }
    if (weight.requiresGrad) {
      kernels.matmul(weight.grad!, dLogits, input.buffer.view(first * C, count * C), {
        M: V,
        N: C,
        K: count,
        transposeA: true,
        alpha,
        accumulate: true,
      });
    }
    if (scratch !== null) arena.release(scratch);
  }

  const dHiddenKnown =
    unit !== null
      ? { buffer: unit, accumulate: false }
      : dKnown !== null && input.requiresGrad
        ? tape.gradTarget(input)
        : null;
  forEachChunk((first, count, logits) => {
    const part = (tensor: Tensor | null) => (tensor === null ? null : tensor.buffer.view(first, count));
    kernels.tokenLogProbs(
      logProbs.buffer.view(first, count),
      lse.view(first, count),
      part(entropy),
      part(mean),
      part(top),
      logits,
      targets.view(first, count),
      { R: count, V },
    );
    if (dKnown !== null && tape.isRecording && needsGradient) {
      propagate(first, count, logits, { logProbs: dKnown, entropy: null, mean: null }, dHiddenKnown);
    }
  });
  if (dKnown !== null) arena.release(dKnown);

  if (tape.isRecording && isDeferred) {
    tape.push(() => {
      if (logProbs.grad === null && !entropy?.grad && !mean?.grad) return;
      const gradients = {
        logProbs: tape.gradOf(logProbs, 'f32'),
        entropy: entropy?.grad ?? null,
        mean: mean?.grad ?? null,
      };
      const dHidden = input.requiresGrad ? tape.gradTarget(input) : null;
      if (unit !== null) {
        if (dHidden !== null) {
          kernels.scaleRows(dHidden.buffer, unit, gradients.logProbs, { N: R, C, accumulate: dHidden.accumulate });
        }
        arena.release(unit);
        arena.release(lse);
        return;
      }
      forEachChunk((first, count, logits) => propagate(first, count, logits, gradients, dHidden));
      arena.release(lse);
    });
  } else {
    arena.release(lse);
  }
  return {
    logProbs,
    ...(entropy === null ? {} : { entropy }),
    ...(mean === null ? {} : { meanLogProbs: mean }),
    ...(top === null ? {} : { top }),
  };
}
