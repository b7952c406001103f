/**
 * Contract 2: a causal language model: tokens in, log-probabilities of given tokens out (training, scoring), or
 * last-position logits over a key/value cache (sampling). Weights keep their Hugging Face names.
 *
 * Legend: N packed tokens, S segments, R loss rows, V vocabulary, B rows of a decoding batch.
 */
import type { Bottleneck, DeviceBuffer, FloatType, Kernels, Linear, Parameter, Tape, Tensor } from '@tuiqiao/tensor';
import type { ModelConfig } from './config.ts';

/** Several sequences laid end to end; nothing is padded. */
export interface PackedBatch {
  /** [N] */
  readonly ids: Int32Array;
  /** [N], restarts at 0 in each segment without a prefix. */
  readonly positions: Int32Array;
  /** [S + 1] offsets into ids. */
  readonly segments: Int32Array;
  /**
   * [S] the segment that each one goes on from, −1 for none: its tokens are read after those of that segment, and its
   * positions go on there. Several may share a beginning so; they follow it directly, and it has none itself.
   */
  readonly prefixes?: Int32Array;
  /** [R] row whose hidden state predicts `targets[r]`; one row may predict several. */
  readonly lossRows: Int32Array;
  /** [R] */
  readonly targets: Int32Array;
}

/** The part of a batch that is read. */
export type PackedTokens = Pick<PackedBatch, 'ids' | 'positions' | 'segments' | 'prefixes'>;

/** Per loss row, f32 [R]. Differentiable under a recording tape: set `grad` of the tensors, then `tape.backward()`. */
export interface TokenLogProbs {
  readonly logProbs: Tensor;
  /** Present when asked for. */
  readonly entropy?: Tensor;
  readonly meanLogProbs?: Tensor;
  /** Arg-max token per row (i32), when asked for: its place in `keptTokens`, where there are some. Not differentiable. */
  readonly top?: Tensor;
}

export interface LogProbOptions {
  readonly withEntropy?: boolean;
  readonly withMean?: boolean;
  readonly withTop?: boolean;
  /** Of the distribution softmax(logits / temperature), which is what sampling at that temperature draws from. Default 1. */
  readonly temperature?: number;
  /**
   * Per-row gradient of the loss with respect to its log-probability, when it is known beforehand (a plain weighted
   * cross-entropy: −w[r]). Head forward and backward then run in one pass per chunk and logits are made once.
   */
  readonly knownGradient?: Float32Array;
}

/**
 * Trained virtual tokens before every sequence: their embeddings (prompt tuning, Lester 2021), or their keys and values in
 * each layer (prefix tuning, Li & Liang 2021). Positions of the real tokens begin after them.
 */
export interface SoftPrompt {
  /** T */
  readonly tokens: number;
  /** Takes part at present. */
  isOn: boolean;
  /** [T, C], or null for a prefix. */
  readonly embeddings: Parameter | null;
  /** Of each layer [T, G·D], keys as they are after the rotation; or null for a prompt. */
  readonly prefix: readonly { readonly keys: Parameter; readonly values: Parameter }[] | null;
}

/** Bottleneck adapters of a layer, after each of its branches. */
export interface LayerBottlenecks {
  readonly attention: Bottleneck[];
  readonly feedForward: Bottleneck[];
}

export interface LanguageModel {
  readonly config: ModelConfig;
  readonly kernels: Kernels;
  /** Type of matrix operands: make training tapes with it. Decoding and the cache use it too. */
  readonly computeType: FloatType;
  /** Every weight by its Hugging Face name (`model.layers.0.self_attn.q_proj.weight`). */
  readonly parameters: ReadonlyMap<string, Parameter>;
  /** Every linear layer by its module path (`model.layers.0.self_attn.q_proj`), where adapters attach. */
  readonly linears: ReadonlyMap<string, Linear>;
  /** Of each layer; where bottleneck adapters attach. */
  readonly bottlenecks: readonly LayerBottlenecks[];
  /** At most one at a time. Log-probabilities, logits and caches speak of the real tokens only. */
  softPrompt: SoftPrompt | null;
  /** Tokens that were kept by `trimVocabulary`, ascending; null: all. */
  readonly keptTokens: Int32Array | null;
  /**
   * From now on only these tokens can be read and said: embedding and head shrink to their rows, and the memory of the
   * rest is given up, so the model can no longer be saved. Token ids stay what they are.
   * @throws LmError `model-trimmed` when that was done before, or embedding or head is trained
   */
  trimVocabulary(ids: Iterable<number>): void;
  /** Log-probability of each target. Gradients reach only parameters with `requiresGrad`. */
  logProbs(batch: PackedBatch, tape: Tape, options?: LogProbOptions): TokenLogProbs;
  /**
   * Hidden states of the given rows after the last norm, f32 [R, C]: what a head of another kind reads. Differentiable
   * under a recording tape.
   */
  hiddenStates(batch: PackedTokens, rows: Int32Array, tape: Tape): Tensor;
  /** Final hidden states → logits of every row [N, V] (of `keptTokens`, where there are some); for tests and small inputs only. */
  logits(batch: PackedTokens, tape: Tape): Tensor;
  /** A cache of `slots` sequences of at most `capacity` tokens, for the soft prompt of the moment; it takes memory as it is filled. */
  createCache(slots: number, capacity: number): KeyValueCache;
  /**
   * Appends tokens and returns the logits of each sequence's last new token, f32 [B, V], rows in the order of `entries`.
   * Prefill: several tokens an entry; decode: one.
   */
  extend(cache: KeyValueCache, entries: readonly CacheEntry[]): Promise<Float32Array>;
  /** The same without a copy: the logits stay where they were made, and hold until the cache is extended again. */
  extendInPlace(cache: KeyValueCache, entries: readonly CacheEntry[]): Promise<DeviceBuffer>;
  /**
   * Reads every frozen weight; to be called when an answer is not a number. Mapped weights are not read as a whole when a
   * model is opened, which would take as long as the first forward pass: a damaged one shows in what it makes. `extend`
   * looks by itself.
   * @throws LmError `checkpoint-malformed` naming each weight that holds NaN or infinity
   */
  requireFiniteWeights(): Promise<void>;
}

export interface CacheEntry {
  readonly slot: number;
  readonly ids: readonly number[];
}

export interface KeyValueCache {
  readonly slots: number;
  readonly capacity: number;
  /** Tokens held per slot; to be read only. */
  readonly lengths: Int32Array;
  /**
   * Drops what a slot holds behind its first `length` tokens; 0 empties it, and its memory is free for others.
   * @throws LmError `batch-invalid` for more than it holds, or where a sliding window has passed over what they see
   */
  truncate(slot: number, length: number): void;
  /** Makes slot `to` hold the first `length` tokens (default: all) of slot `from`. Most of the memory is shared. */
  copySlot(from: number, to: number, length?: number): void;
  /** Empties all slots and leaves the memory to the next cache of the model. */
  free(): void;
}
