/**
 * Tensors, parameters and the tape: reverse-mode differentiation as a list of closures. An op computes its result with
 * a kernel and, when the tape records, pushes a closure that adds to its inputs' gradients; `backward` runs the list
 * from the end. No graph, no nodes. Memory of a step comes from the arena and is freed in one go by `reset`.
 */
import type { Activation, DeviceBuffer, DType, FloatType, Kernels } from '@tuiqiao/kernels';
import type { Arena } from './arena.ts';

/** A shaped view of step memory. `grad` is allocated (zeroed) by the first op that needs it. */
export interface Tensor {
  readonly shape: readonly number[];
  /** Another one after `Tape.recompute`. */
  buffer: DeviceBuffer;
  /** Computes the values of `buffer` again from inputs that live as long; of ops that do little work. */
  again?: () => void;
  /** True when something trainable lies below: only then is a gradient computed for it. */
  readonly requiresGrad: boolean;
  grad: DeviceBuffer | null;
}

/**
 * A weight. `value` is what is saved and updated (f32 master when trainable; the checkpoint's own type when frozen);
 * `compute` is what kernels multiply with (a bf16 copy, or `value` itself). `grad` (f32) exists while training.
 */
export interface Parameter {
  /** Hugging Face name. */
  readonly name: string;
  readonly shape: readonly number[];
  value: DeviceBuffer;
  compute: DeviceBuffer;
  grad: DeviceBuffer | null;
  requiresGrad: boolean;
  /** Set when this weight lies beside others in one matrix (`fuseParameters`): several linears then are one product. */
  fusion?: Fusion | null;
  /** Set when the weight is kept in 4 bits: `value` and `compute` are then empty, and products de-quantise it by tiles. */
  quantized?: QuantizedWeight | null;
  /**
   * Set when products without gradients use an 8-bit form. `value` and `compute` are empty, but for the output head's:
   * its rows are the embedding's too, or are wanted for exact log-probabilities.
   */
  eightBit?: EightBitWeight | null;
  /** The value lies in a mapped file. */
  readonly isMapped?: boolean;
}

/** A frozen matrix in 8-bit blocks (Q8_0), as `quantize8` of the kernels lays it out. */
export interface EightBitWeight {
  readonly codes: DeviceBuffer;
  readonly scales: DeviceBuffer;
}

/** A frozen matrix in 4-bit blocks on the kernels' side, as bitsandbytes lays it out (see `quantize/four-bit.ts`). */
export interface QuantizedWeight {
  readonly type: 'nf4' | 'fp4';
  /** u8, ⌈length/2⌉. */
  readonly packed: DeviceBuffer;
  /** f32 a block, or u8 codes with double quantisation. */
  readonly maxima: DeviceBuffer;
  readonly code: DeviceBuffer;
  readonly nested: { readonly maxima: DeviceBuffer; readonly code: DeviceBuffer; readonly offset: number } | null;
}

/** Weights that lie one below the other in one matrix [Σ out, in]; `grad` when all are trained. */
export interface Fusion {
  readonly members: readonly Parameter[];
  readonly compute: DeviceBuffer;
  readonly grad: DeviceBuffer | null;
}

/** Low-rank addition to a linear layer: y += scaling · dropout(x) Aᵀ Bᵀ. A: [rank, in], B: [out, rank]. */
export interface LowRankDelta {
  readonly name: string;
  readonly a: Parameter;
  readonly b: Parameter;
  readonly rank: number;
  /** α/r (α/√r with rsLoRA). 0 switches the delta off without touching it. */
  scaling: number;
  /**
   * DoRA (Liu 2024): length of each output row of W + s·B·A, [out]; null for plain LoRA. The layer then multiplies with
   * magnitude ⊙ (W + s·B·A)/‖W + s·B·A‖.
   */
  readonly magnitude?: Parameter | null;
  /** Probability that an input element is zeroed while training. */
  dropout: number;
}

/**
 * A bottleneck adapter on the residual stream of a block: x += scaling · up(f(down(y))). y is what a branch adds to the
 * stream (`branch`), or the stream after that (`stream`).
 */
export interface Bottleneck {
  readonly name: string;
  /** [r, C], with a bias. */
  readonly down: Linear;
  /** [C, r], with a bias. */
  readonly up: Linear;
  readonly activation: Activation;
  readonly reads: 'branch' | 'stream';
  /** 0 switches the adapter off without touching it. */
  scaling: number;
}

/** y = x Wᵀ + bias + Σ deltas. W: [out, in]. */
export interface Linear {
  /** Module path without `.weight`, e.g. `model.layers.0.self_attn.q_proj`. */
  readonly name: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  readonly deltas: LowRankDelta[];
}

export class Tape {
  readonly kernels: Kernels;
  readonly arena: Arena;
  /** Type of activations that feed matrix products; the residual stream and gradients of it stay f32. */
  readonly computeType: FloatType;
  /** False for inference: ops keep nothing for a backward pass. */
  readonly isRecording: boolean;
  /** True while training: dropout is active. */
  readonly isTraining: boolean;
  /** True when a layer's activations are computed again in the backward pass rather than kept (`checkpoint`). */
  readonly usesCheckpoints: boolean;
  /** True when results of element-wise work are computed again rather than kept (`recompute`). */
  readonly recomputes: boolean;
  /** Seed of this step's dropout masks; every dropout call takes the next one. */
  dropoutSeed: number;
  /** Added to the token embeddings, one number an element of [N, C] (NEFTune); null for none. */
  embeddingNoise: Float32Array | null = null;
  readonly #closures: (() => void)[] = [];

  constructor(
    kernels: Kernels,
    arena: Arena,
    options: {
      computeType: FloatType;
      isRecording: boolean;
      isTraining?: boolean;
      usesCheckpoints?: boolean;
      recomputes?: boolean;
      dropoutSeed?: number;
    },
  ) {
    this.kernels = kernels;
    this.arena = arena;
    this.computeType = options.computeType;
    this.isRecording = options.isRecording;
    this.isTraining = options.isTraining ?? false;
    this.usesCheckpoints = options.usesCheckpoints ?? false;
    this.recomputes = options.recomputes ?? false;
    this.dropoutSeed = options.dropoutSeed ?? 0;
  }

  /** A new tensor of step memory; zeroed unless `isZeroed` is false. */
  tensor(shape: readonly number[], dtype: DType, requiresGrad = false, isZeroed = true): Tensor {
    const length = shape.reduce((product, size) => product * size, 1);
    return {
      shape,
      buffer: this.arena.allocate(dtype, length, isZeroed),
      requiresGrad: this.isRecording && requiresGrad,
      grad: null,
    };
  }

  /** The gradient buffer of a tensor: zeroed on first use, of the given type (f32 for the residual stream). */
  gradOf(tensor: Tensor, dtype: FloatType): DeviceBuffer {
    tensor.grad ??= this.arena.allocate(dtype, tensor.buffer.length);
    return tensor.grad;
  }

  /**
   * Where a backward kernel puts a tensor's gradient, in the tensor's own type: the first writer replaces (the buffer
   * is not zeroed), later ones accumulate.
   */
  gradTarget(tensor: Tensor): { buffer: DeviceBuffer; accumulate: boolean } {
    if (tensor.grad !== null) return { buffer: tensor.grad, accumulate: true };
    tensor.grad = this.arena.allocate(tensor.buffer.dtype, tensor.buffer.length, false);
    return { buffer: tensor.grad, accumulate: false };
  }

  /** Scratch for the duration of one op: not zeroed; give it back with `arena.release`. */
  scratch(dtype: DType, length: number): DeviceBuffer {
    return this.arena.allocate(dtype, length, false);
  }

  /**
   * Gives a tensor's memory back to the arena. Called at the end of the backward closure of the op that made it: every
   * reader ran before.
   */
  discard(tensor: Tensor): void {
    this.arena.release(tensor.buffer);
    if (tensor.grad !== null) this.arena.release(tensor.grad);
  }

  /**
   * Gives back the memory of a tensor that the ops so far were the only ones to read: the backward pass computes it again
   * right before theirs, by the same kernel from the same inputs, so to the same bits. Kept where the tape does not
   * recompute, or the tensor knows no cheap way.
   */
  recompute(tensor: Tensor): void {
    const { again, buffer, requiresGrad } = tensor;
    if (!this.recomputes || again === undefined || !requiresGrad) return;
    this.arena.release(buffer);
    this.push(() => {
      tensor.buffer = this.arena.allocate(buffer.dtype, buffer.length, false);
      again();
    });
  }

  push(backward: () => void): void {
    if (this.isRecording) this.#closures.push(backward);
  }

  /** Runs the closures in reverse. Seeds (gradients of outputs) are set by the caller beforehand. */
  backward(): void {
    for (let i = this.#closures.length - 1; i >= 0; i--) this.#closures[i]!();
    this.#closures.length = 0;
  }
}
