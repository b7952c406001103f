/**
 * The decoder of every family: one forward pass, of which `config.architecture` says which parts there are. It serves
 * training (packed, recorded), scoring and decoding over a cache; only the attention step differs.
 *
 *   x  = embed(ids)
 *   x += norm₂(o_proj(attention(rope(q_norm(q_proj(h))), rope(k_norm(k_proj(h))), v_proj(h)))),  h = norm₁(x)
 *   x += norm₄(down_proj(silu(gate_proj(h)) ⊙ up_proj(h))),                                      h = norm₃(x)
 *   logits = lm_head(norm(x))
 *
 * Most families have norm₁ and norm₃ only.
 *
 * Legend: N packed tokens, C hidden size, H query heads, G key/value heads, D head size, V vocabulary, R loss rows.
 */
import {
  type Arena,
  type AttentionOptions,
  add,
  attention,
  type Columns,
  checkpoint,
  createArena,
  createRope,
  type DeviceBuffer,
  embed,
  type FloatType,
  fusedLinear,
  gatherRows,
  geglu,
  headLogProbs,
  headNormRope,
  insertVirtualRows,
  type Kernels,
  type Linear,
  linear,
  linearAddResidual,
  mixture,
  type Parameter,
  type Rope,
  rmsNorm,
  softCap,
  splitColumns,
  swiglu,
  Tape,
  type Tensor,
  uploadInts,
  virtualLayout,
} from '@tuiqiao/tensor';
import { holdsNumbers, requireFiniteWeights } from '../checkpoint/finite-weights.ts';
import type { ModelConfig } from '../config.ts';
import { LmError } from '../errors.ts';
import type {
  CacheEntry,
  LanguageModel,
  LogProbOptions,
  PackedBatch,
  SoftPrompt,
  TokenLogProbs,
} from '../language-model.ts';
import { checkIds, checkLossRows, checkPositions, checkRows, checkTokens } from './check-batch.ts';
import { DecoderCache, type ExtendPlan, planExtend } from './key-value-cache.ts';
import { createModules, type Layer, type Modules } from './modules.ts';
import { normaliseFrozenRows, normaliseRows } from './normalised-head.ts';
import { ropeAngles, ropeLengthClass } from './rope.ts';
import { appendPrefix, insertPrompt, planPrefix, planPrompt } from './soft-prompt.ts';
import { TrimmedVocabulary } from './trimmed-vocabulary.ts';

/** Rotary tables start this long and double when a longer sequence comes: most poems are far below 40,960 positions. */
const FIRST_ROPE_POSITIONS = 1024;

/** Attention of one layer: q [N, H·D], k [N, G·D], v a slice of width G·D → [N, H·D]. */
type Attend = (tape: Tape, layer: number, q: Tensor, k: Tensor, v: Columns) => Tensor;

type Tokens = Pick<PackedBatch, 'ids' | 'positions' | 'segments'>;

/** A decoder over the given weights: all of `weightSpecs(config)`, by name. See `createModules` about their memory. */
export class Decoder implements LanguageModel {
  readonly config: ModelConfig;
  readonly kernels: Kernels;
  readonly parameters: ReadonlyMap<string, Parameter>;
  readonly computeType: FloatType;
  /** What the weights were read from; null for new ones. */
  readonly #source: string | null;
  /** Mapped weights that nothing has read as a whole. */
  readonly #hasUnreadWeights: boolean;
  #modules: Modules;
  readonly #layerArena: Arena;
  softPrompt: SoftPrompt | null = null;
  #vocabulary: TrimmedVocabulary | null = null;
  /** Of a frozen, normalised head; made on first use. */
  #normalisedHead: Parameter | null = null;
  #rope: Rope;
  /** Of layers with a window, where the family turns those at another rate. */
  #localRope: Rope | null;
  #ropePositions: number;
  #ropeLengthClass: number;

  constructor(
    config: ModelConfig,
    kernels: Kernels,
    parameters: ReadonlyMap<string, Parameter>,
    computeType: FloatType,
    source: string | null = null,
  ) {
    this.config = config;
    this.kernels = kernels;
    this.parameters = parameters;
    this.computeType = computeType;
    this.#source = source;
    this.#hasUnreadWeights = [...parameters.values()].some(({ isMapped }) => isMapped === true);
    this.#modules = createModules(config, kernels, parameters);
    this.#layerArena = createArena(kernels);
    this.#ropePositions = Math.min(FIRST_ROPE_POSITIONS, config.maxPositions);
    this.#ropeLengthClass = ropeLengthClass(config.ropeScaling, 1);
    this.#rope = this.#createRope(1);
    this.#localRope = this.#createLocalRope();
  }

  get linears(): ReadonlyMap<string, Linear> {
    return this.#modules.linears;
  }

  get keptTokens(): Int32Array | null {
    return this.#vocabulary?.ids ?? null;
  }

  trimVocabulary(ids: Iterable<number>): void {
    const { embedding, head } = this.#modules;
    if (this.#vocabulary !== null || embedding.requiresGrad || head.weight.requiresGrad) {
      const got = this.#vocabulary === null ? 'trained ones' : 'one that was trimmed before';
      throw new LmError('model-trimmed', `trimVocabulary: expected a frozen embedding and head, got ${got}`);
    }
    const vocabulary = new TrimmedVocabulary(ids, this.config.vocabSize);
    const trimmed = vocabulary.trim(this.kernels, embedding);
    const weight = head.weight === embedding ? trimmed : vocabulary.trim(this.kernels, head.weight);
    this.#modules = { ...this.#modules, embedding: trimmed, head: { ...head, weight, outFeatures: weight.shape[0]! } };
    this.#vocabulary = vocabulary;
    this.#normalisedHead = null;
    for (const whole of [embedding, head.weight]) {
      whole.compute = this.kernels.allocate(whole.compute.dtype, 0);
      whole.value = whole.compute;
    }
  }

  logProbs(batch: PackedBatch, tape: Tape, options: LogProbOptions = {}): TokenLogProbs {
    checkTokens(this.config, batch);
    checkLossRows(this.config, batch);
    const x = this.#packedHiddenStates(batch, tape);
    // The final norm and the head see only the rows that predict something.
    const rows = gatherRows(tape, x, uploadInts(tape, batch.lossRows)); // [R, C]
    const hidden = this.#norm(tape, rows, this.#modules.finalNorm);
    const cap = this.config.architecture.logitSoftCap;
    const headOptions = cap === null ? options : { ...options, softCap: cap };
    return headLogProbs(
      tape,
      hidden,
      this.#headWeight(tape),
      uploadInts(tape, this.#placesOf(batch.targets)),
      headOptions,
    );
  }

  hiddenStates(batch: Tokens, rows: Int32Array, tape: Tape): Tensor {
    checkTokens(this.config, batch);
    checkRows(batch, rows);
    const x = this.#packedHiddenStates(batch, tape);
    return this.#norm(tape, gatherRows(tape, x, uploadInts(tape, rows)), this.#modules.finalNorm, 'f32'); // [R, C]
  }

  logits(batch: Tokens, tape: Tape): Tensor {
    checkTokens(this.config, batch);
    return this.#logitsOf(tape, this.#packedHiddenStates(batch, tape)); // [N, V]
  }

  createCache(slots: number, capacity: number): DecoderCache {
    const virtualTokens = this.#activePrompt?.tokens ?? 0;
    return new DecoderCache(this.kernels, this.config, this.computeType, slots, capacity, virtualTokens);
  }

  async extend(cache: DecoderCache, entries: readonly CacheEntry[]): Promise<Float32Array> {
    return this.kernels.read(await this.extendInPlace(cache, entries));
  }

  async extendInPlace(cache: DecoderCache, entries: readonly CacheEntry[]): Promise<DeviceBuffer> {
    if (entries.length === 0) return this.kernels.allocate('f32', 0);
    const prompt = this.#activePrompt;
    if (cache.virtualTokens !== (prompt?.tokens ?? 0)) {
      const got = `${cache.virtualTokens} before now ${prompt?.tokens ?? 0}`;
      throw new LmError('batch-invalid', `extend: expected the soft prompt the cache was made for, got ${got}`);
    }
    const realPlan = planExtend(cache, entries);
    const plan =
      prompt === null ? realPlan : (prompt.prefix === null ? planPrompt : planPrefix)(realPlan, prompt.tokens);
    checkIds(this.config, plan.ids);
    checkPositions(this.config, plan.positions);
    cache.arena.reset();
    const tape = new Tape(this.kernels, cache.arena, { computeType: this.computeType, isRecording: false });
    const attend = this.#attendOverCache(tape, cache, plan);
    if (prompt?.prefix) appendPrefix(tape, this.config, cache, realPlan, prompt);
    const x = this.#hiddenStates(tape, plan.ids, plan.positions, attend, (stream) =>
      prompt?.embeddings ? insertPrompt(tape, stream, prompt.embeddings, realPlan.freshSegments) : stream,
    );
    const last = gatherRows(tape, x, uploadInts(tape, plan.lastRows)); // [B, C]
    const logits = this.#logitsOf(tape, last); // [B, V]
    if (this.#hasUnreadWeights && !(await holdsNumbers(this.kernels, logits.buffer))) await this.requireFiniteWeights();
    for (const entry of entries) cache.lengths[entry.slot]! += entry.ids.length;
    if (this.#vocabulary === null) return logits.buffer;
    const wide = this.#vocabulary.widen(await this.kernels.read(logits.buffer));
    const buffer = tape.arena.allocate('f32', wide.length, false);
    this.kernels.write(buffer, wide);
    return buffer;
  }

  /** Rows of embedding and head. */
  #placesOf(ids: Int32Array): Int32Array {
    return this.#vocabulary?.placesOf(ids) ?? ids;
  }

  async requireFiniteWeights(): Promise<void> {
    if (this.#source === null) return;
    const frozen = [...this.parameters.values()].filter(({ requiresGrad }) => !requiresGrad);
    await requireFiniteWeights(this.#source, this.kernels, frozen);
  }

  #logitsOf(tape: Tape, x: Tensor): Tensor {
    const { finalNorm, head } = this.#modules;
    const hidden = this.#norm(tape, x, finalNorm);
    const weight = this.#headWeight(tape);
    const logits = linear(tape, hidden, weight === head.weight ? head : { ...head, weight }, { outType: 'f32' });
    const cap = this.config.architecture.logitSoftCap;
    return cap === null ? logits : softCap(tape, logits, cap);
  }

  #headWeight(tape: Tape): Parameter {
    const { weight } = this.#modules.head;
    if (!this.config.architecture.isHeadNormalised) return weight;
    if (weight.requiresGrad) return normaliseRows(tape, weight);
    this.#normalisedHead ??= normaliseFrozenRows(this.kernels, weight);
    return this.#normalisedHead;
  }

  get #activePrompt(): SoftPrompt | null {
    return this.softPrompt?.isOn ? this.softPrompt : null;
  }

  #packedHiddenStates(batch: Tokens, tape: Tape): Tensor {
    const { heads, kvHeads, headDim } = this.config;
    const prompt = this.#activePrompt;
    const layout = virtualLayout(batch.segments, prompt?.tokens ?? 0);
    const segments = uploadInts(tape, layout.segments);
    const sizes = (layer: number) => ({ heads, kvHeads, headDim, ...this.#scoreOptions(layer) });
    if (prompt === null) {
      return this.#hiddenStates(tape, batch.ids, batch.positions, (layerTape, layer, q, k, v) =>
        attention(layerTape, q, k, v, segments, sizes(layer)),
      );
    }
    const later = batch.positions.map((position) => position + prompt.tokens);
    checkPositions(this.config, later);
    const realRows = uploadInts(tape, layout.realRows);
    const { embeddings, prefix } = prompt;
    if (prefix !== null) {
      return this.#hiddenStates(tape, batch.ids, later, (layerTape, layer, q, k, v) => {
        const { keys, values } = prefix[layer]!;
        const insert = (slice: Tensor | Columns, table: Parameter | null) =>
          insertVirtualRows(layerTape, slice, table, layout);
        const all = attention(layerTape, insert(q, null), insert(k, keys), insert(v, values), segments, sizes(layer));
        return gatherRows(layerTape, all, realRows);
      });
    }
    const positions = new Int32Array(layout.realRows.length + layout.virtualRows.length);
    for (const [n, row] of layout.realRows.entries()) positions[row] = later[n]!;
    for (const [i, row] of layout.virtualRows.entries()) positions[row] = i % prompt.tokens;
    const x = this.#hiddenStates(
      tape,
      batch.ids,
      positions,
      (layerTape, layer, q, k, v) => attention(layerTape, q, k, v, segments, sizes(layer)),
      (stream) => insertVirtualRows(tape, stream, embeddings, layout),
    );
    return gatherRows(tape, x, realRows);
  }

  /** What the attention of a layer does beyond the usual. */
  #scoreOptions(layer: number): Pick<AttentionOptions, 'scale' | 'window' | 'softCap' | 'alibi'> {
    const { windows, attentionScale: scale, attentionSoftCap: softCap, isAlibi } = this.config.architecture;
    const window = windows[layer] ?? null;
    return {
      ...(window !== null && { window }),
      ...(scale !== null && { scale }),
      ...(softCap !== null && { softCap }),
      ...(isAlibi && { alibi: true }),
    };
  }

  /** The residual stream after the last block, f32 [N, C]. */
  #hiddenStates(
    tape: Tape,
    ids: Int32Array,
    positions: Int32Array,
    attend: Attend,
    insert: (stream: Tensor) => Tensor = (stream) => stream,
  ): Tensor {
    this.#fitRope(positions);
    const positionBuffer = uploadInts(tape, positions);
    // Without a backward pass a layer's activations die with the layer; the residual stream is updated in place.
    const layerTape = tape.isRecording
      ? tape
      : new Tape(this.kernels, this.#layerArena, { computeType: tape.computeType, isRecording: false });

    const { embeddingScale: scale } = this.config.architecture;
    let x = insert(embed(tape, this.#modules.embedding, uploadInts(tape, this.#placesOf(ids)), { scale }));
    for (let index = 0; index < this.#modules.layers.length; index++) {
      const block = (blockTape: Tape, stream: Tensor) => this.#block(blockTape, stream, index, positionBuffer, attend);
      if (tape.isRecording) {
        x = tape.usesCheckpoints ? checkpoint(tape, this.#layerArena, x, block) : block(tape, x);
        continue;
      }
      x = block(layerTape, x);
      this.#layerArena.reset();
    }
    return x;
  }

  #block(tape: Tape, x: Tensor, index: number, positions: DeviceBuffer, attend: Attend): Tensor {
    const layer = this.#modules.layers[index]!;
    const h = this.#normOrSame(tape, x, layer.beforeAttention);
    const [q, k, v] = this.#queryKeyValue(tape, h, index, positions);
    tape.recompute(h);
    const mixed = attend(tape, index, q, k, v);
    const middle = this.#addToStream(tape, x, mixed, layer.attentionOutput, layer.afterAttention);
    const h2 = this.#normOrSame(tape, middle, layer.beforeFeedForward);
    return this.#feedForward(tape, middle, h2, layer);
  }

  #norm(tape: Tape, x: Tensor, weight: Parameter, outType: FloatType = tape.computeType): Tensor {
    const { rmsNormEpsilon: epsilon, architecture } = this.config;
    return rmsNorm(tape, x, weight, { epsilon, outType, weightOffset: architecture.normOffset });
  }

  #normOrSame(tape: Tape, x: Tensor, weight: Parameter | null): Tensor {
    return weight === null ? x : this.#norm(tape, x, weight);
  }

  #queryKeyValue(tape: Tape, h: Tensor, index: number, positions: DeviceBuffer): [Tensor, Tensor, Columns] {
    const { heads, kvHeads, headDim, rmsNormEpsilon: epsilon, architecture } = this.config;
    const layer = this.#modules.layers[index]!;
    const { queryNorm, keyNorm } = layer;
    const isLocal = architecture.windows[index] !== null;
    const rope = (isLocal ? this.#localRope : null) ?? this.#rope;
    const rotate = (slice: Tensor | Columns, count: number, weight: Parameter | null) =>
      headNormRope(tape, slice, weight, rope, positions, {
        heads: count,
        headDim,
        epsilon,
        weightOffset: architecture.normOffset,
      });
    if (architecture.queryKeyNorm === 'row') {
      // The norm runs over a whole row, so q and k are tensors of their own.
      const [q, k, v] = layer.queryKeyValue.map((projection) => linear(tape, h, projection));
      return [
        rotate(this.#norm(tape, q!, queryNorm!), heads, null),
        rotate(this.#norm(tape, k!, keyNorm!), kvHeads, null),
        splitColumns(v!, [kvHeads * headDim])[0]!,
      ];
    }
    const widths = [heads * headDim, kvHeads * headDim, kvHeads * headDim];
    const [q, k, v] = project(tape, h, layer.queryKeyValue, widths);
    return [rotate(q!, heads, queryNorm), rotate(k!, kvHeads, keyNorm), v!];
  }

  /** x plus what the feed-forward, or the experts, make of h. */
  #feedForward(tape: Tape, x: Tensor, h: Tensor, { feedForward, afterFeedForward }: Layer): Tensor {
    if ('router' in feedForward) return this.#addBranch(tape, x, mixture(tape, h, feedForward));
    const { intermediateSize: I, architecture } = this.config;
    const [gate, up] = project(tape, h, feedForward.gateUp, [I, I]);
    tape.recompute(h);
    const gated = (architecture.activation === 'silu' ? swiglu : geglu)(tape, gate!, up!);
    const out = this.#addToStream(tape, x, gated, feedForward.down, afterFeedForward);
    tape.recompute(gated);
    return out;
  }

  /** x + norm(projection(branch)). */
  #addToStream(tape: Tape, x: Tensor, branch: Tensor, projection: Linear, norm: Parameter | null): Tensor {
    if (norm === null) return linearAddResidual(tape, x, branch, projection);
    const change = this.#norm(tape, linear(tape, branch, projection, { outType: 'f32' }), norm, 'f32');
    return this.#addBranch(tape, x, change);
  }

  /** x + change: in place unless recorded, as `linearAddResidual` does. */
  #addBranch(tape: Tape, x: Tensor, change: Tensor): Tensor {
    if (tape.isRecording) return add(tape, x, change);
    this.kernels.add(x.buffer, x.buffer, change.buffer, { length: x.buffer.length });
    return x;
  }

  /** Appends keys and values to the cache; fresh rows attend within their segment, the others over their slot. */
  #attendOverCache(tape: Tape, cache: DecoderCache, plan: ExtendPlan): Attend {
    const { kernels } = this;
    const { heads: H, kvHeads: G, headDim: D } = this.config;
    const N = plan.positions.length;
    const P = plan.freshRows;
    const slots = uploadInts(tape, plan.slots);
    const positions = uploadInts(tape, plan.positions);
    const segments = uploadInts(tape, plan.freshSegments);
    const continuedSlots = slots.view(P, N - P);
    const lengths = N > P ? uploadInts(tape, plan.lengths) : null;
    return (layerTape, layer, q, k, v) => {
      const ldV = v.tensor.shape[1]!;
      const values = v.tensor.buffer.view(v.offset, v.tensor.buffer.length - v.offset);
      const keyCache = cache.keys[layer]!;
      const valueCache = cache.values[layer]!;
      const scores = this.#scoreOptions(layer);
      kernels.cacheAppend(keyCache, k.buffer, slots, positions, { N, C: G * D, capacity: cache.positions });
      kernels.cacheAppend(valueCache, values, slots, positions, { N, C: G * D, capacity: cache.positions, ldX: ldV });
      const out = layerTape.tensor([N, H * D], layerTape.computeType, false, false);
      if (P > 0) {
        const lse = layerTape.scratch('f32', P * H);
        const S = plan.freshSegments.length - 1;
        const sizes = { N: P, H, G, D, ldQ: H * D, ldK: G * D, ldV, S, ...scores };
        kernels.attention(out.buffer.view(0, P * H * D), lse, q.buffer, k.buffer, values, segments, sizes);
      }
      if (lengths !== null) {
        const tail = (buffer: DeviceBuffer) => buffer.view(P * H * D, (N - P) * H * D);
        const sizes = { B: N - P, H, G, D, capacity: cache.positions, ...scores };
        kernels.attentionCached(tail(out.buffer), tail(q.buffer), keyCache, valueCache, continuedSlots, lengths, sizes);
      }
      return out;
    };
  }

  /** Makes the rotary table long enough, and right for the longest sequence where its angles depend on that. */
  #fitRope(positions: Int32Array): void {
    let longest = 0;
    for (const position of positions) longest = Math.max(longest, position + 1);
    const lengthClass = ropeLengthClass(this.config.ropeScaling, longest);
    if (longest <= this.#ropePositions && lengthClass === this.#ropeLengthClass) return;
    while (this.#ropePositions < longest) this.#ropePositions *= 2;
    this.#ropePositions = Math.min(this.#ropePositions, this.config.maxPositions);
    this.#ropeLengthClass = lengthClass;
    this.#rope = this.#createRope(longest);
    this.#localRope = this.#createLocalRope();
  }

  #createRope(longest: number): Rope {
    const { ropeTheta: theta, ropeScaling: scaling, architecture } = this.config;
    const { rotaryDim, isInterleaved: interleaved } = architecture;
    const angles = ropeAngles({ rotaryDim, theta, scaling }, longest);
    return createRope(this.kernels, { rotaryDim, theta, maxPositions: this.#ropePositions, interleaved, ...angles });
  }

  #createLocalRope(): Rope | null {
    const { rotaryDim, isInterleaved: interleaved, localRopeTheta: theta } = this.config.architecture;
    if (theta === null) return null;
    return createRope(this.kernels, { rotaryDim, theta, maxPositions: this.#ropePositions, interleaved });
  }
}

/** Column slices of one product: of several matrices side by side, or of one that holds them all. */
function project(tape: Tape, h: Tensor, layers: readonly Linear[], widths: readonly number[]): Columns[] {
  return layers.length === 1 ? splitColumns(linear(tape, h, layers[0]!), widths) : fusedLinear(tape, h, layers);
}
