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
  attention,
  type Columns,
  checkpoint,
  createArena,
  type DeviceBuffer,
  embed,
  type FloatType,
  gatherRows,
  headLogProbs,
  insertVirtualRows,
  type Kernels,
  type Linear,
  linear,
  type Parameter,
  softCap,
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
  LayerBottlenecks,
  LogProbOptions,
  PackedBatch,
  PackedTokens,
  SoftPrompt,
  TokenLogProbs,
} from '../language-model.ts';
import { type Attend, attendOverCache, scoreOptions } from './attend.ts';
import { normalise, runBlock } from './block.ts';
import { checkIds, checkLossRows, checkNoPrefixes, checkPositions, checkRows, checkTokens } from './check-batch.ts';
import { DecoderCache, planExtend, SpareCache } from './key-value-cache.ts';
import { createModules, type Modules } from './modules.ts';
import { normaliseFrozenRows, normaliseRows } from './normalised-head.ts';
import { RopeTables } from './rope-tables.ts';
import { appendPrefix, insertPrompt, planPrefix, planPrompt } from './soft-prompt.ts';
import { TrimmedVocabulary } from './trimmed-vocabulary.ts';
import { copyInto, distinctRows } from './wanted-rows.ts';

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
  readonly #rope: RopeTables;
  readonly #spareCache = new SpareCache();

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
    this.#layerArena = createArena(kernels, { keepsViews: true });
    this.#rope = new RopeTables(kernels, config);
  }

  get linears(): ReadonlyMap<string, Linear> {
    return this.#modules.linears;
  }

  get bottlenecks(): readonly LayerBottlenecks[] {
    return this.#modules.layers.map((layer) => layer.bottlenecks);
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
    // The last block's end, the final norm and the head see only the rows that predict something.
    const rows = this.#packedHiddenStates(batch, tape, batch.lossRows); // [R, C]
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

  hiddenStates(batch: PackedTokens, rows: Int32Array, tape: Tape): Tensor {
    checkTokens(this.config, batch);
    checkRows(batch, rows);
    return this.#norm(tape, this.#packedHiddenStates(batch, tape, rows), this.#modules.finalNorm, 'f32'); // [R, C]
  }

  logits(batch: PackedTokens, tape: Tape): Tensor {
    checkTokens(this.config, batch);
    return this.#logitsOf(tape, this.#packedHiddenStates(batch, tape, null)); // [N, V]
  }

  createCache(slots: number, capacity: number): DecoderCache {
    const virtualTokens = this.#activePrompt?.tokens ?? 0;
    const { kernels, config, computeType } = this;
    return new DecoderCache(kernels, config, computeType, slots, capacity, virtualTokens, this.#spareCache);
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
    for (const { slot, ids } of entries) cache.reserve(slot, ids.length);
    cache.arena.reset();
    const tape = new Tape(this.kernels, cache.arena, { computeType: this.computeType, isRecording: false });
    const attend = attendOverCache(tape, this.config, cache, plan);
    if (prompt?.prefix) appendPrefix(tape, this.config, cache, realPlan, prompt);
    const last = this.#hiddenStates(tape, plan.ids, plan.positions, attend, {
      wanted: plan.lastRows,
      insert: (stream) =>
        prompt?.embeddings ? insertPrompt(tape, stream, prompt.embeddings, realPlan.freshSegments) : stream,
    }); // [B, C]
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

  /** The given rows of the residual stream after the last block, f32 [R, C]; all of them, [N, C], for null. */
  #packedHiddenStates(batch: PackedTokens, tape: Tape, rows: Int32Array | null): Tensor {
    const { heads, kvHeads, headDim } = this.config;
    const prompt = this.#activePrompt;
    const layout = virtualLayout(batch.segments, prompt?.tokens ?? 0);
    const segments = uploadInts(tape, layout.segments);
    const prefixes = batch.prefixes === undefined ? {} : { prefixes: uploadInts(tape, batch.prefixes) };
    const sizes = (layer: number) => ({ heads, kvHeads, headDim, ...prefixes, ...scoreOptions(this.config, layer) });
    if (prompt === null) {
      return this.#hiddenStates(
        tape,
        batch.ids,
        batch.positions,
        (layerTape, layer, q, k, v) => attention(layerTape, q, k, v, segments, sizes(layer)),
        { wanted: rows },
      );
    }
    checkNoPrefixes(batch);
    const later = batch.positions.map((position) => position + prompt.tokens);
    checkPositions(this.config, later);
    const realRows = uploadInts(tape, layout.realRows);
    const { embeddings, prefix } = prompt;
    if (prefix !== null) {
      const attend: Attend = (layerTape, layer, q, k, v) => {
        const { keys, values } = prefix[layer]!;
        const insert = (slice: Tensor | Columns, table: Parameter | null) =>
          insertVirtualRows(layerTape, slice, table, layout);
        const all = attention(layerTape, insert(q, null), insert(k, keys), insert(v, values), segments, sizes(layer));
        return gatherRows(layerTape, all, realRows);
      };
      return this.#hiddenStates(tape, batch.ids, later, attend, { wanted: rows });
    }
    const positions = new Int32Array(layout.realRows.length + layout.virtualRows.length);
    for (const [n, row] of layout.realRows.entries()) positions[row] = later[n]!;
    for (const [i, row] of layout.virtualRows.entries()) positions[row] = i % prompt.tokens;
    return this.#hiddenStates(
      tape,
      batch.ids,
      positions,
      (layerTape, layer, q, k, v) => attention(layerTape, q, k, v, segments, sizes(layer)),
      {
        wanted: rows === null ? layout.realRows : rows.map((row) => layout.realRows[row]!),
        insert: (stream) => insertVirtualRows(tape, stream, embeddings, layout),
      },
    );
  }

  /**
   * The residual stream after the last block, f32: the wanted rows, in their order; all for null.
   * @param insert puts virtual tokens among the embeddings; rows are counted with them
   */
  #hiddenStates(
    tape: Tape,
    ids: Int32Array,
    positions: Int32Array,
    attend: Attend,
    { wanted, insert = (stream) => stream }: { wanted: Int32Array | null; insert?: (stream: Tensor) => Tensor },
  ): Tensor {
    this.#rope.fit(positions);
    const positionBuffer = uploadInts(tape, positions);
    // Without a backward pass a layer's activations die with the layer; the residual stream is updated in place.
    const layerTape = tape.isRecording
      ? tape
      : new Tape(this.kernels, this.#layerArena, { computeType: tape.computeType, isRecording: false });

    const { embeddingScale: scale } = this.config.architecture;
    let x = insert(embed(tape, this.#modules.embedding, uploadInts(tape, this.#placesOf(ids)), { scale }));
    const rows = wanted === null ? null : distinctRows(wanted, x.shape[0]!);
    const lastWanted = rows?.distinct ? { wanted: uploadInts(tape, rows.distinct) } : {};
    const layers = this.#modules.layers.length;
    for (let index = 0; index < layers; index++) {
      const block = (blockTape: Tape, stream: Tensor) => {
        const place = {
          index,
          layer: this.#modules.layers[index]!,
          rope: this.#rope.of(index),
          positions: positionBuffer,
          ...(index === layers - 1 && lastWanted),
        };
        return runBlock(blockTape, this.config, stream, place, attend);
      };
      if (tape.isRecording) {
        x = tape.usesCheckpoints ? checkpoint(tape, this.#layerArena, x, block) : block(tape, x);
        continue;
      }
      const out = block(layerTape, x);
      x = out === x ? x : copyInto(tape, out);
      this.#layerArena.reset();
    }
    return rows?.places ? gatherRows(tape, x, uploadInts(tape, rows.places)) : x;
  }

  #norm(tape: Tape, x: Tensor, weight: Parameter, outType?: FloatType): Tensor {
    return normalise(tape, this.config, x, weight, outType);
  }
}
