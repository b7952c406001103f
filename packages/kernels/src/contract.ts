/**
 * Contract 1: what a set of float kernels can do. `reference` (plain TypeScript, the truth in tests) and `native`
 * (C++, oneDNN) implement it; one case list runs over both. This file holds no code.
 *
 * Legend: N rows (packed tokens), C channels, V vocabulary, I intermediate size, H query heads, G key/value heads,
 * D head size, S segments (packed sequences), R rows that carry a loss.
 *
 * Rules: arguments are outputs, inputs, sizes. Forward and backward are neighbours. Calls enqueue and return nothing;
 * only what is read is a Promise (host kernels run at once; a GPU may not). Input is trusted: sizes are checked by the caller.
 * Float buffers are `f32` or `bf16` (round to nearest even); arithmetic and accumulation are always f32.
 * "bf16 | f32" below means: either, and all operands named together share it. Gradients are `d` + name.
 * Same input, same thread count → same bits.
 */

import type { TokenChoice, TokenRequest } from './contract-sampling.ts';

export type FloatType = 'f32' | 'bf16';
export type DType = FloatType | 'i32' | 'u8';

/**
 * A run of numbers the kernels can reach: off the JavaScript heap, 64-byte aligned at allocation, zeroed.
 * `view` shares memory and does not own it.
 */
export interface DeviceBuffer {
  readonly dtype: DType;
  readonly length: number;
  view(offset: number, length: number): DeviceBuffer;
}

export interface KernelFeatures {
  /** Which implementation answers. */
  readonly name: 'native' | 'reference';
  /** e.g. `oneDNN 2.6.3`, `portable`, `reference`. */
  readonly gemm: string;
  /** True where bf16 matrix products are faster than f32 (AVX512-BF16, AMX). */
  readonly hasFastBf16: boolean;
  /** Instruction set in use: `amx_bf16`, `avx512_bf16`, `avx2` or `generic`. */
  readonly isa: string;
  readonly threads: number;
  /** True where `allocatePaged` gives memory backed by a file. */
  readonly hasPagedMemory: boolean;
}

/** `out = alpha · op(a) · op(b) (+ out)`, row-major. Leading dimensions default to the packed row length. */
export interface MatmulSizes {
  /** Rows of op(a) and out. */
  M: number;
  /** Columns of op(b) and out. */
  N: number;
  /** Columns of op(a), rows of op(b). */
  K: number;
  /** a is stored [K, M]. */
  transposeA?: boolean;
  /** b is stored [N, K] (a Hugging Face linear weight used forward). */
  transposeB?: boolean;
  /** Add to out instead of replacing it. */
  accumulate?: boolean;
  alpha?: number;
  ldA?: number;
  ldB?: number;
  ldOut?: number;
  /** b does not change between calls (frozen weights): an implementation may cache a packed copy of it. */
  isConstantB?: boolean;
}

/** Element-wise functions: max(x, 0); x/(1 + e^−x), also called swish; gelu in its tanh form, as `geglu` has it. */
export const ACTIVATIONS = ['relu', 'silu', 'gelu'] as const;
export type Activation = (typeof ACTIVATIONS)[number];

export interface RowSizes {
  N: number;
  C: number;
  /** Row stride of the strided operand(s), in elements; C when absent. */
  ldX?: number;
}

export interface AttentionSizes {
  N: number;
  H: number;
  G: number;
  D: number;
  /** Row strides, in elements, of q, k, v (and of dQ, dK, dV); out and dOut are packed [N, H·D]. */
  ldQ: number;
  ldK: number;
  ldV: number;
  /** Number of segments; `segments` holds S + 1 offsets, the first 0, the last N. */
  S: number;
  /** Scores are multiplied by this; 1/√D by default. */
  scale?: number;
  /** A query sees at most this many positions including itself. */
  window?: number;
  /** Scaled scores s become cap · tanh(s/cap), before masks and biases (Gemma 2). */
  softCap?: number;
  /**
   * Adds −slopeₕ · distance to the scores (ALiBi): slopeₕ = 2^(−8(h+1)/n) for the first n heads, n the largest power of
   * two up to H, and 2^(−4(2(h−n)+1)/n) for the others.
   */
  alibi?: boolean;
}

export interface AdamWSizes {
  length: number;
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  /** 1 for the first update (bias correction). */
  step: number;
  /** Gradients are multiplied by this before use (clipping, accumulation). */
  gradientScale: number;
}

/** 4-bit weights in blocks over the flattened matrix, as bitsandbytes keeps them. */
export interface Dequantize4Sizes {
  /** First element wanted, even. */
  offset: number;
  length: number;
  blockSize: number;
  /** Blocks that share one `nestedAbsmax`, and the mean that was taken off before; with double quantisation only. */
  nestedBlockSize?: number;
  nestedOffset?: number;
}

export interface Kernels {
  readonly features: KernelFeatures;

  // ── memory ────────────────────────────────────────────────────────────────────────────────────────────────────
  /** Zeroed, 64-byte aligned; lives until the buffer and all its views are unreachable. */
  allocate(dtype: DType, length: number): DeviceBuffer;
  /**
   * The same in a mapped temporary file that the system may page out, for state too large for memory; ordinary memory
   * where `features.hasPagedMemory` is false. The file is removed from `folder` at once and its space freed with the buffer.
   */
  allocatePaged(dtype: DType, length: number, folder: string): DeviceBuffer;
  /**
   * `length` numbers that lie in a file from byte `offset` on, little-endian, without a copy: pages are read when first
   * touched and shared with other processes; what is written stays in this buffer. Null where that cannot be done
   * (unaligned offset, no mapping of files): read and `write` them then. The file must not be cut short meanwhile.
   */
  mapFile(dtype: DType, file: string, offset: number, length: number): DeviceBuffer | null;
  /** Copies numbers in, converting to the buffer's type. `data.length` ≤ `out.length`. */
  write(out: DeviceBuffer, data: Float32Array | Float64Array | Int32Array | readonly number[]): void;
  /** Copies raw bf16 bits in (`out` is bf16). */
  writeBf16Bits(out: DeviceBuffer, bits: Uint16Array): void;
  /** A copy as f32 (i32 buffers as Int32Array through `readInts`). */
  read(buffer: DeviceBuffer): Promise<Float32Array>;
  readInts(buffer: DeviceBuffer): Promise<Int32Array>;
  /** Raw bytes, little-endian, as they lie in memory: for bit-exact checkpoints. */
  readBytes(buffer: DeviceBuffer): Promise<Uint8Array>;
  writeBytes(out: DeviceBuffer, bytes: Uint8Array): void;

  // ── element-wise, any float types mixed ───────────────────────────────────────────────────────────────────────
  fill(out: DeviceBuffer, value: number): void;
  /** out[n, c] = a[n, c] with independent row strides; converts between f32 and bf16. */
  copyRows(out: DeviceBuffer, a: DeviceBuffer, sizes: { N: number; C: number; ldOut?: number; ldA?: number }): void;
  /** out = alpha · a (+ out). */
  scale(out: DeviceBuffer, a: DeviceBuffer, sizes: { length: number; alpha: number; accumulate?: boolean }): void;
  /** out = a + b. */
  add(out: DeviceBuffer, a: DeviceBuffer, b: DeviceBuffer, sizes: { length: number }): void;
  /** out = a ⊙ b (+ out). */
  multiply(out: DeviceBuffer, a: DeviceBuffer, b: DeviceBuffer, sizes: { length: number; accumulate?: boolean }): void;
  /** out[c] (+)= Σ_n x[n, c]; out f32. Bias gradients. */
  sumRows(out: DeviceBuffer, x: DeviceBuffer, sizes: RowSizes & { accumulate?: boolean }): void;
  /** x[n, c] += bias[c]. */
  addBias(x: DeviceBuffer, bias: DeviceBuffer, sizes: RowSizes): void;
  /** out[n, c] = a[n, c] · factors[c] (+ out); factors f32 [C], independent row strides. */
  scaleColumns(
    out: DeviceBuffer,
    a: DeviceBuffer,
    factors: DeviceBuffer,
    sizes: { N: number; C: number; ldOut?: number; ldA?: number; accumulate?: boolean },
  ): void;
  /** out[n, c] = factors[n] · a[n, c] (+ out); factors f32 [N], rows packed, any float types. */
  scaleRows(
    out: DeviceBuffer,
    a: DeviceBuffer,
    factors: DeviceBuffer,
    sizes: { N: number; C: number; accumulate?: boolean },
  ): void;
  /** out[n] = √Σ_c a[n, c]², or its reciprocal; out f32 [N], a any float type. */
  rowNorms(out: DeviceBuffer, a: DeviceBuffer, sizes: { N: number; C: number; isReciprocal?: boolean }): void;
  /** out[index] = Σ a². f32, accumulated in double. */
  sumSquares(out: DeviceBuffer, a: DeviceBuffer, sizes: { index: number; length: number }): void;
  /**
   * Inverted dropout: keeps element i with probability 1 − p, scaled by 1/(1 − p). The mask is a pure function of
   * (seed, i) (a counter-based generator), so the backward pass is the same call on the gradient.
   */
  dropout(out: DeviceBuffer, a: DeviceBuffer, sizes: { length: number; p: number; seed: number }): void;

  /**
   * out[i] = code[nibble(offset + i)] · absmax[⌊(offset + i)/blockSize⌋]; of a byte of `packed` (u8) the high nibble comes
   * first. `absmax` is f32, or u8 with double quantisation: then absmax[b] = nestedCode[absmax[b]] ·
   * nestedAbsmax[⌊b/nestedBlockSize⌋] + nestedOffset. out any float type; code f32 [16], nestedCode f32 [256].
   */
  dequantize4(
    out: DeviceBuffer,
    packed: DeviceBuffer,
    absmax: DeviceBuffer,
    code: DeviceBuffer,
    nestedAbsmax: DeviceBuffer | null,
    nestedCode: DeviceBuffer | null,
    sizes: Dequantize4Sizes,
  ): void;
  /**
   * The inverse, for finite values: absmax[b] = max |a| over blocks of `blockSize` (even) values, and of every value the
   * code nearest to value/absmax in f32 (the lower code on a tie; 0 where absmax is 0), packed as above; the nibble left
   * over of an odd count is the code of 0. packed u8 [⌈length/2⌉], absmax f32, a any float type, code f32 [16] in any order:
   * of equal codes the later one is for values above.
   */
  quantize4(
    packed: DeviceBuffer,
    absmax: DeviceBuffer,
    a: DeviceBuffer,
    code: DeviceBuffer,
    sizes: { length: number; blockSize: number },
  ): void;

  // ── matrix products ───────────────────────────────────────────────────────────────────────────────────────────
  /** a, b both f32 or both bf16; out f32 or bf16. */
  matmul(out: DeviceBuffer, a: DeviceBuffer, b: DeviceBuffer, sizes: MatmulSizes): void;

  /**
   * weight [N, K] (any float type, K a multiple of 32) in 8-bit blocks as llama.cpp's Q8_0: scale = max |x| / 127 over 32
   * neighbours of a row, code = round(x/scale). codes u8 [16⌈N/16⌉·K], scales f32 [16⌈N/16⌉·K/32], both in the order
   * that `matmul8` reads. Blocks that were Q8_0 before keep their codes and scales.
   */
  quantize8(codes: DeviceBuffer, scales: DeviceBuffer, weight: DeviceBuffer, sizes: { N: number; K: number }): void;
  /**
   * out[M, N] = a · weightᵀ (+ out) with a weight from `quantize8`; rows of a are brought into the same blocks first, sums of
   * a block are exact. out, a any float type; rows of a are packed.
   */
  matmul8(
    out: DeviceBuffer,
    a: DeviceBuffer,
    codes: DeviceBuffer,
    scales: DeviceBuffer,
    sizes: { M: number; N: number; K: number; ldOut?: number; accumulate?: boolean },
  ): void;

  // ── layers ────────────────────────────────────────────────────────────────────────────────────────────────────
  /** out[n] = scale · table[ids[n]]; out, table any float type. */
  embed(
    out: DeviceBuffer,
    table: DeviceBuffer,
    ids: DeviceBuffer,
    sizes: { N: number; C: number; scale?: number },
  ): void;
  /** dTable[ids[n]] += scale · dOut[n]; dTable f32; deterministic order. */
  embedBackward(
    dTable: DeviceBuffer,
    dOut: DeviceBuffer,
    ids: DeviceBuffer,
    sizes: { N: number; C: number; V: number; scale?: number },
  ): void;

  /**
   * out = x · rstd ⊙ (weight + weightOffset), rstd[n] = 1/√(mean(x[n]²) + epsilon). rstd f32 [N]; out any type; x any
   * type. `weightOffset` is 0 by default, 1 for Gemma.
   */
  rmsNorm(
    out: DeviceBuffer,
    rstd: DeviceBuffer,
    x: DeviceBuffer,
    weight: DeviceBuffer,
    sizes: { N: number; C: number; epsilon: number; weightOffset?: number },
  ): void;
  /**
   * dX (+)= …; dWeight += Σ_n dOut ⊙ x · rstd when given. With g = dOut ⊙ (weight + weightOffset):
   * dX = rstd · (g − x · rstd² · mean(g ⊙ x)). dWeight f32.
   */
  rmsNormBackward(
    dX: DeviceBuffer,
    dWeight: DeviceBuffer | null,
    dOut: DeviceBuffer,
    x: DeviceBuffer,
    weight: DeviceBuffer,
    rstd: DeviceBuffer,
    sizes: { N: number; C: number; accumulate?: boolean; weightOffset?: number },
  ): void;

  /**
   * Per-head RMSNorm (skipped when `weight` is null) followed by rotary embedding, in one pass over head rows:
   * out[n, h] = rotate(norm(x[n, h]), positions[n]). x rows have stride `ldX`, out rows stride `ldOut`.
   * `cos`, `sin`: f32 [P, rotaryDim/2]. Pairs are (i, i + rotaryDim/2), or (2i, 2i + 1) when `interleaved`:
   * out_i = a·cos − b·sin, out_j = b·cos + a·sin. Elements from rotaryDim on pass through. rstd f32 [N, heads].
   */
  headNormRope(
    out: DeviceBuffer,
    rstd: DeviceBuffer | null,
    x: DeviceBuffer,
    weight: DeviceBuffer | null,
    cos: DeviceBuffer,
    sin: DeviceBuffer,
    positions: DeviceBuffer,
    sizes: {
      N: number;
      heads: number;
      D: number;
      rotaryDim: number;
      ldX: number;
      ldOut: number;
      epsilon: number;
      interleaved?: boolean;
      /** Added to the weight; 0 by default. */
      weightOffset?: number;
    },
  ): void;
  /** Inverse rotation of dOut, then the RMSNorm backward; replaces dX (stride ldX). dOut has stride ldOut. */
  headNormRopeBackward(
    dX: DeviceBuffer,
    dWeight: DeviceBuffer | null,
    dOut: DeviceBuffer,
    x: DeviceBuffer,
    weight: DeviceBuffer | null,
    rstd: DeviceBuffer | null,
    cos: DeviceBuffer,
    sin: DeviceBuffer,
    positions: DeviceBuffer,
    sizes: {
      N: number;
      heads: number;
      D: number;
      rotaryDim: number;
      ldX: number;
      ldOut: number;
      interleaved?: boolean;
      weightOffset?: number;
    },
  ): void;

  /**
   * Causal attention inside each segment (varlen): out[n, h] = Σ_j softmax_j(scale · q[n,h]·k[j,g]) v[j,g],
   * g = ⌊h·G/H⌋, j ≤ n in the same segment (and n − j < window). lse f32 [N, H] = log Σ exp of the scaled scores.
   *
   * With `prefixes` (i32 [S]) a segment goes on where another ends: queries of s see the rows of segment prefixes[s], then
   * their own; windows and distances count along both. Several segments may go on from the same one, which they follow
   * directly and which has no prefix itself: −1.
   */
  attention(
    out: DeviceBuffer,
    lse: DeviceBuffer,
    q: DeviceBuffer,
    k: DeviceBuffer,
    v: DeviceBuffer,
    segments: DeviceBuffer,
    prefixes: DeviceBuffer | null,
    sizes: AttentionSizes,
  ): void;
  /**
   * Replaces dQ, dK, dV (strides ldQ, ldK, ldV); those of a prefix are sums over all that go on from it. Recomputes
   * probabilities from q, k and lse.
   */
  attentionBackward(
    dQ: DeviceBuffer,
    dK: DeviceBuffer,
    dV: DeviceBuffer,
    dOut: DeviceBuffer,
    q: DeviceBuffer,
    k: DeviceBuffer,
    v: DeviceBuffer,
    out: DeviceBuffer,
    lse: DeviceBuffer,
    segments: DeviceBuffer,
    prefixes: DeviceBuffer | null,
    sizes: AttentionSizes,
  ): void;
  /**
   * One new query per row over a cache in pages: row b attends to positions 0 … lengths[b] − 1 of its sequence. Position p
   * lies in page tables[b, p div pageSize], of which only pages that are seen need be there.
   * kCache, vCache: [pages, pageSize, G·D], pageSize a power of two; tables i32 [B, ldTable]. out [B, H·D], q [B, H·D];
   * all one float type.
   */
  attentionCached(
    out: DeviceBuffer,
    q: DeviceBuffer,
    kCache: DeviceBuffer,
    vCache: DeviceBuffer,
    tables: DeviceBuffer,
    lengths: DeviceBuffer,
    sizes: { B: number; H: number; G: number; D: number; pageSize: number; ldTable: number } & Pick<
      AttentionSizes,
      'scale' | 'window' | 'softCap' | 'alibi'
    >,
  ): void;
  /** cache[rows[n]] = x[n] (rows of C elements, x row stride ldX). */
  cacheAppend(
    cache: DeviceBuffer,
    x: DeviceBuffer,
    rows: DeviceBuffer,
    sizes: { N: number; C: number; ldX?: number },
  ): void;

  /** out = silu(gate) ⊙ up, silu(x) = x/(1 + e^−x). gate and up rows have stride ldX, out is packed [N, C]. */
  swiglu(out: DeviceBuffer, gate: DeviceBuffer, up: DeviceBuffer, sizes: RowSizes): void;
  /** Replaces dGate and dUp (stride ldX). */
  swigluBackward(
    dGate: DeviceBuffer,
    dUp: DeviceBuffer,
    dOut: DeviceBuffer,
    gate: DeviceBuffer,
    up: DeviceBuffer,
    sizes: RowSizes,
  ): void;

  /** out = gelu(gate) ⊙ up, gelu(x) = x/2 · (1 + tanh(√(2/π)(x + 0.044715x³))); strides as `swiglu`. */
  geglu(out: DeviceBuffer, gate: DeviceBuffer, up: DeviceBuffer, sizes: RowSizes): void;
  /** Replaces dGate and dUp (stride ldX). */
  gegluBackward(
    dGate: DeviceBuffer,
    dUp: DeviceBuffer,
    dOut: DeviceBuffer,
    gate: DeviceBuffer,
    up: DeviceBuffer,
    sizes: RowSizes,
  ): void;

  /** out = f(x); out may be x. */
  activate(out: DeviceBuffer, x: DeviceBuffer, sizes: { length: number; activation: Activation }): void;
  /** dX = dOut · f′(x); dX may be dOut. */
  activateBackward(
    dX: DeviceBuffer,
    dOut: DeviceBuffer,
    x: DeviceBuffer,
    sizes: { length: number; activation: Activation },
  ): void;

  /** out = cap · tanh(a/cap); out may be a. Gemma 2's logits. */
  softCap(out: DeviceBuffer, a: DeviceBuffer, sizes: { length: number; cap: number }): void;
  /** dA = dOut · (1 − (out/cap)²), from the capped values; dA may be dOut. */
  softCapBackward(
    dA: DeviceBuffer,
    dOut: DeviceBuffer,
    out: DeviceBuffer,
    sizes: { length: number; cap: number },
  ): void;

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
  /** Grouped rows times their expert's matrix: out[r] = a[r] · op(b[e]). a [R, K], out [R, N], b [E, …] stacked. */
  expertMatmul(
    out: DeviceBuffer,
    a: DeviceBuffer,
    b: DeviceBuffer,
    offsets: DeviceBuffer,
    sizes: { E: number; N: number; K: number } & Pick<MatmulSizes, 'transposeB' | 'isConstantB'>,
  ): void;
  /** dB[e] += dOut[rows of e]ᵀ · a[rows of e]; dB f32 [E, O, I], dOut [R, O], a [R, I]. */
  expertMatmulWeights(
    dB: DeviceBuffer,
    dOut: DeviceBuffer,
    a: DeviceBuffer,
    offsets: DeviceBuffer,
    sizes: { E: number; O: number; I: number },
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

  /** out[r] = x[rows[r]]. */
  gatherRows(out: DeviceBuffer, x: DeviceBuffer, rows: DeviceBuffer, sizes: { R: number; C: number }): void;
  /** dX[rows[r]] += dOut[r], in the order of r. */
  scatterAddRows(dX: DeviceBuffer, dOut: DeviceBuffer, rows: DeviceBuffer, sizes: { R: number; C: number }): void;

  /**
   * From logits [R, V]: lse[r] = log Σ_v exp(logits[r, v]); logProbs[r] = logits[r, targets[r]] − lse[r];
   * when given, entropy[r] = lse[r] − Σ_v p_v·logits[r, v]; meanLogProbs[r] = mean_v(logits[r, v]) − lse[r];
   * top[r] = arg max (lowest index on a tie), i32. logits any float type; the rest f32 [R].
   */
  tokenLogProbs(
    logProbs: DeviceBuffer,
    lse: DeviceBuffer,
    entropy: DeviceBuffer | null,
    meanLogProbs: DeviceBuffer | null,
    top: DeviceBuffer | null,
    logits: DeviceBuffer,
    targets: DeviceBuffer,
    sizes: { R: number; V: number },
  ): void;
  /**
   * dLogits[r, v] = dLogProbs[r]·(1[v = target] − p_v) + dEntropy[r]·(−p_v·(log p_v + entropy[r]))
   * + dMean[r]·(1/V − p_v), p_v = exp(logits[r, v] − lse[r]). dLogits may alias logits; any float types.
   */
  tokenLogProbsBackward(
    dLogits: DeviceBuffer,
    dLogProbs: DeviceBuffer,
    dEntropy: DeviceBuffer | null,
    dMean: DeviceBuffer | null,
    logits: DeviceBuffer,
    lse: DeviceBuffer,
    entropy: DeviceBuffer | null,
    targets: DeviceBuffer,
    sizes: { R: number; V: number },
  ): void;

  // ── sampling ──────────────────────────────────────────────────────────────────────────────────────────────────
  /**
   * One token for each request over rows of logits [·, V] (f32; changed meanwhile, and left as they were). In this order:
   * penalties, bans, bias, mask, temperature, top-k (and ties of the k-th), top-p, min-p, typical, the draw; sums in
   * double. A request's answer does not depend on the others.
   */
  chooseTokens(
    logits: DeviceBuffer,
    requests: readonly TokenRequest[],
    sizes: { V: number },
  ): Promise<readonly TokenChoice[]>;
  /** The probabilities [V] that such a draw is made from. Temperature must not be 0. */
  tokenProbabilities(logits: DeviceBuffer, request: TokenRequest, sizes: { V: number }): Promise<Float64Array>;

  // ── updates, in place ─────────────────────────────────────────────────────────────────────────────────────────
  /**
   * Decoupled weight decay Adam: g = s·grad; p −= lr·wd·p; m = β1·m + (1−β1)·g; v = β2·v + (1−β2)·g²;
   * p −= lr · m̂ / (√v̂ + ε), m̂ = m/(1−β1^t), v̂ = v/(1−β2^t). All f32; `bf16Copy`, when given, receives p rounded.
   */
  adamw(
    parameter: DeviceBuffer,
    m: DeviceBuffer,
    v: DeviceBuffer,
    bf16Copy: DeviceBuffer | null,
    grad: DeviceBuffer,
    sizes: AdamWSizes,
  ): void;
  /**
   * `adamw` with both moments kept as u8 codes in blocks with an f32 scale each: m = mCode[m]·mScale, v = vCode[v]·vScale,
   * and after the update each block is quantised anew to the nearest code of value/max. Codes ascend, f32 [256].
   */
  adamw8bit(
    parameter: DeviceBuffer,
    m: DeviceBuffer,
    mScale: DeviceBuffer,
    v: DeviceBuffer,
    vScale: DeviceBuffer,
    bf16Copy: DeviceBuffer | null,
    grad: DeviceBuffer,
    mCode: DeviceBuffer,
    vCode: DeviceBuffer,
    sizes: AdamWSizes & { blockSize: number },
  ): void;
  /** g = s·grad; p −= lr·wd·p; p −= lr·sign(β1·m + (1−β1)·g); m = β2·m + (1−β2)·g. */
  lion(
    parameter: DeviceBuffer,
    m: DeviceBuffer,
    bf16Copy: DeviceBuffer | null,
    grad: DeviceBuffer,
    sizes: {
      length: number;
      learningRate: number;
      beta1: number;
      beta2: number;
      weightDecay: number;
      gradientScale: number;
    },
  ): void;
  /**
   * Adafactor on a matrix [O, I]: q = (s·grad)² + ε; row = β·row + (1−β)·mean_i q; column = β·column + (1−β)·mean_o q;
   * u = s·grad / √(row·column/mean(row)); u /= max(1, rms(u)/clip); p −= lr·wd·p; p −= lr·u. row f32 [O], column f32 [I].
   * With `column` null (vectors, O = 1) row holds the whole second moment [I].
   */
  adafactor(
    parameter: DeviceBuffer,
    row: DeviceBuffer,
    column: DeviceBuffer | null,
    bf16Copy: DeviceBuffer | null,
    grad: DeviceBuffer,
    sizes: {
      O: number;
      I: number;
      learningRate: number;
      beta2: number;
      epsilon: number;
      clipThreshold: number;
      weightDecay: number;
      gradientScale: number;
    },
  ): void;
  /** g = s·grad + wd·p; b = μ·b + g (b = g on step 1); p −= lr·b (lr·g without momentum). As torch.optim.SGD. */
  sgd(
    parameter: DeviceBuffer,
    momentumBuffer: DeviceBuffer | null,
    bf16Copy: DeviceBuffer | null,
    grad: DeviceBuffer,
    sizes: {
      length: number;
      learningRate: number;
      momentum: number;
      weightDecay: number;
      step: number;
      gradientScale: number;
    },
  ): void;
}
