/**
 * Qwen3, and the families that are Qwen3 with a part left out or a bias added (Qwen2, Llama, Mistral): see
 * `familyTraits`. One forward pass serves training (packed, recorded), scoring and decoding over a cache; only the
 * attention step differs.
 *
 *   x  = embed(ids)
 *   x += o_proj(attention(rope(q_norm(q_proj(h))), rope(k_norm(k_proj(h))), v_proj(h))),  h = input_layernorm(x)
 *   x += down_proj(silu(gate_proj(h)) ⊙ up_proj(h)),                                      h = post_attention_layernorm(x)
 *   logits = lm_head(norm(x))
 *
 * Legend: N packed tokens, C hidden size, H query heads, G key/value heads, D head size, V vocabulary, R loss rows.
 */
import {
  type Arena,
  attention,
  type Columns,
  createArena,
  createLinear,
  createRope,
  type DeviceBuffer,
  embed,
  type FloatType,
  fusedLinear,
  fuseParameters,
  gatherRows,
  headLogProbs,
  headNormRope,
  type Kernels,
  type Linear,
  linear,
  linearAddResidual,
  type Parameter,
  type Rope,
  rmsNorm,
  swiglu,
  Tape,
  type Tensor,
  uploadInts,
} from '@tuiqiao/tensor';
import type { ModelConfig } from '../config.ts';
import type { CacheEntry, LanguageModel, LogProbOptions, PackedBatch, TokenLogProbs } from '../language-model.ts';
import { checkIds, checkLossRows, checkPositions, checkTokens } from './check-batch.ts';
import { DecoderCache, type ExtendPlan, planExtend } from './key-value-cache.ts';
import { ropeFrequencies } from './rope-frequencies.ts';
import { familyTraits } from './weights.ts';

/** Rotary tables start this long and double when a longer sequence comes: most poems are far below 40,960 positions. */
const FIRST_ROPE_POSITIONS = 1024;

interface Layer {
  readonly inputNorm: Parameter;
  readonly q: Linear;
  readonly k: Linear;
  readonly v: Linear;
  readonly qNorm: Parameter | null;
  readonly kNorm: Parameter | null;
  readonly o: Linear;
  readonly postAttentionNorm: Parameter;
  readonly gate: Linear;
  readonly up: Linear;
  readonly down: Linear;
}

/** Attention of one layer: q [N, H·D], k [N, G·D], v a slice of width G·D → [N, H·D]. */
type Attend = (tape: Tape, layer: number, q: Tensor, k: Tensor, v: Columns) => Tensor;

/**
 * A decoder over the given weights: all of `weightSpecs(config)`, by name. Making it moves the weights of q, k, v and of
 * gate, up into shared buffers, so values are best written afterwards.
 */
export class Qwen3 implements LanguageModel {
  readonly config: ModelConfig;
  readonly kernels: Kernels;
  readonly parameters: ReadonlyMap<string, Parameter>;
  /** The seven projections of each layer. The head is not among them: `headLogProbs` fuses it with the loss. */
  readonly linears: ReadonlyMap<string, Linear>;
  readonly computeType: FloatType;
  readonly #layers: readonly Layer[];
  readonly #embedding: Parameter;
  readonly #finalNorm: Parameter;
  readonly #head: Linear;
  readonly #stepArena: Arena;
  readonly #layerArena: Arena;
  #rope: Rope;
  #ropePositions: number;

  constructor(
    config: ModelConfig,
    kernels: Kernels,
    parameters: ReadonlyMap<string, Parameter>,
    computeType: FloatType,
  ) {
    this.config = config;
    this.kernels = kernels;
    this.parameters = parameters;
    this.computeType = computeType;
    const linears = new Map<string, Linear>();
    const project = (name: string): Linear => {
      const layer = createLinear(name, parameters.get(`${name}.weight`)!, parameters.get(`${name}.bias`) ?? null);
      linears.set(name, layer);
      return layer;
    };
    const norm = (name: string): Parameter => parameters.get(`${name}.weight`)!;
    const { hasHeadNorm } = familyTraits(config.modelType);
    this.#layers = Array.from({ length: config.layers }, (_, index) => {
      const prefix = `model.layers.${index}`;
      return {
        inputNorm: norm(`${prefix}.input_layernorm`),
        q: project(`${prefix}.self_attn.q_proj`),
        k: project(`${prefix}.self_attn.k_proj`),
        v: project(`${prefix}.self_attn.v_proj`),
        qNorm: hasHeadNorm ? norm(`${prefix}.self_attn.q_norm`) : null,
        kNorm: hasHeadNorm ? norm(`${prefix}.self_attn.k_norm`) : null,
        o: project(`${prefix}.self_attn.o_proj`),
        postAttentionNorm: norm(`${prefix}.post_attention_layernorm`),
        gate: project(`${prefix}.mlp.gate_proj`),
        up: project(`${prefix}.mlp.up_proj`),
        down: project(`${prefix}.mlp.down_proj`),
      };
    });
    this.linears = linears;
    for (const { q, k, v, gate, up } of this.#layers) {
      fuseParameters(kernels, [q.weight, k.weight, v.weight]);
      fuseParameters(kernels, [gate.weight, up.weight]);
    }
    this.#embedding = norm('model.embed_tokens');
    this.#finalNorm = norm('model.norm');
    this.#head = createLinear('lm_head', config.tieWordEmbeddings ? this.#embedding : norm('lm_head'));
    this.#stepArena = createArena(kernels);
    this.#layerArena = createArena(kernels);
    this.#ropePositions = Math.min(FIRST_ROPE_POSITIONS, config.maxPositions);
    this.#rope = this.#createRope(this.#ropePositions);
  }

  logProbs(batch: PackedBatch, tape: Tape, options: LogProbOptions = {}): TokenLogProbs {
    checkTokens(this.config, batch);
    checkLossRows(this.config, batch);
    const x = this.#packedHiddenStates(batch, tape);
    // The final norm and the head see only the rows that predict something.
    const rows = gatherRows(tape, x, uploadInts(tape, batch.lossRows)); // [R, C]
    const hidden = rmsNorm(tape, rows, this.#finalNorm, { epsilon: this.config.rmsNormEpsilon });
    return headLogProbs(tape, hidden, this.#head.weight, uploadInts(tape, batch.targets), options);
  }

  logits(batch: Pick<PackedBatch, 'ids' | 'positions' | 'segments'>, tape: Tape): Tensor {
    checkTokens(this.config, batch);
    const x = this.#packedHiddenStates(batch, tape);
    const hidden = rmsNorm(tape, x, this.#finalNorm, { epsilon: this.config.rmsNormEpsilon });
    return linear(tape, hidden, this.#head, { outType: 'f32' }); // [N, V]
  }

  createCache(slots: number, capacity: number): DecoderCache {
    return new DecoderCache(this.kernels, this.config, this.computeType, slots, capacity);
  }

  async extend(cache: DecoderCache, entries: readonly CacheEntry[]): Promise<Float32Array> {
    if (entries.length === 0) return new Float32Array(0);
    const plan = planExtend(cache, entries);
    checkIds(this.config, plan.ids);
    checkPositions(this.config, plan.positions);
    this.#stepArena.reset();
    const tape = new Tape(this.kernels, this.#stepArena, { computeType: this.computeType, isRecording: false });
    const attend = this.#attendOverCache(tape, cache, plan);
    const x = this.#hiddenStates(tape, plan.ids, plan.positions, attend);
    const last = gatherRows(tape, x, uploadInts(tape, plan.lastRows)); // [B, C]
    const hidden = rmsNorm(tape, last, this.#finalNorm, { epsilon: this.config.rmsNormEpsilon });
    const logits = linear(tape, hidden, this.#head, { outType: 'f32' }); // [B, V]
    for (const entry of entries) cache.lengths[entry.slot]! += entry.ids.length;
    return this.kernels.read(logits.buffer);
  }

  #packedHiddenStates(batch: Pick<PackedBatch, 'ids' | 'positions' | 'segments'>, tape: Tape): Tensor {
    const { heads, kvHeads, headDim, slidingWindow } = this.config;
    const segments = uploadInts(tape, batch.segments);
    const options = { heads, kvHeads, headDim, ...(slidingWindow !== null && { window: slidingWindow }) };
    return this.#hiddenStates(tape, batch.ids, batch.positions, (layerTape, _layer, q, k, v) =>
      attention(layerTape, q, k, v, segments, options),
    );
  }

  /** The residual stream after the last block, f32 [N, C]. */
  #hiddenStates(tape: Tape, ids: Int32Array, positions: Int32Array, attend: Attend): Tensor {
    const { heads, kvHeads, headDim, rmsNormEpsilon: epsilon } = this.config;
    this.#growRope(positions);
    const rope = this.#rope;
    const positionBuffer = uploadInts(tape, positions);
    // Without a backward pass a layer's activations die with the layer; the residual stream is updated in place.
    const layerTape = tape.isRecording
      ? tape
      : new Tape(this.kernels, this.#layerArena, { computeType: tape.computeType, isRecording: false });

    let x = embed(tape, this.#embedding, uploadInts(tape, ids));
    for (const [index, layer] of this.#layers.entries()) {
      const h = rmsNorm(layerTape, x, layer.inputNorm, { epsilon });
      const [q, k, v] = fusedLinear(layerTape, h, [layer.q, layer.k, layer.v]);
      const qRotated = headNormRope(layerTape, q!, layer.qNorm, rope, positionBuffer, { heads, headDim, epsilon });
      const kRotated = headNormRope(layerTape, k!, layer.kNorm, rope, positionBuffer, {
        heads: kvHeads,
        headDim,
        epsilon,
      });
      x = linearAddResidual(layerTape, x, attend(layerTape, index, qRotated, kRotated, v!), layer.o);

      const h2 = rmsNorm(layerTape, x, layer.postAttentionNorm, { epsilon });
      const [gate, up] = fusedLinear(layerTape, h2, [layer.gate, layer.up]);
      x = linearAddResidual(layerTape, x, swiglu(layerTape, gate!, up!), layer.down);
      if (layerTape !== tape) this.#layerArena.reset();
    }
    return x;
  }

  /** Appends keys and values to the cache; fresh rows attend within their segment, the others over their slot. */
  #attendOverCache(tape: Tape, cache: DecoderCache, plan: ExtendPlan): Attend {
    const { kernels } = this;
    const { heads: H, kvHeads: G, headDim: D, slidingWindow } = this.config;
    const N = plan.ids.length;
    const P = plan.freshRows;
    const window = slidingWindow === null ? {} : { window: slidingWindow };
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
      kernels.cacheAppend(keyCache, k.buffer, slots, positions, { N, C: G * D, capacity: cache.capacity });
      kernels.cacheAppend(valueCache, values, slots, positions, { N, C: G * D, capacity: cache.capacity, ldX: ldV });
      const out = layerTape.tensor([N, H * D], layerTape.computeType, false, false);
      if (P > 0) {
        const lse = layerTape.scratch('f32', P * H);
        const S = plan.freshSegments.length - 1;
        const sizes = { N: P, H, G, D, ldQ: H * D, ldK: G * D, ldV, S, ...window };
        kernels.attention(out.buffer.view(0, P * H * D), lse, q.buffer, k.buffer, values, segments, sizes);
      }
      if (lengths !== null) {
        const tail = (buffer: DeviceBuffer) => buffer.view(P * H * D, (N - P) * H * D);
        const sizes = { B: N - P, H, G, D, capacity: cache.capacity, ...window };
        kernels.attentionCached(tail(out.buffer), tail(q.buffer), keyCache, valueCache, continuedSlots, lengths, sizes);
      }
      return out;
    };
  }

  #growRope(positions: Int32Array): void {
    let longest = 0;
    for (const position of positions) longest = Math.max(longest, position + 1);
    if (longest <= this.#ropePositions) return;
    while (this.#ropePositions < longest) this.#ropePositions *= 2;
    this.#ropePositions = Math.min(this.#ropePositions, this.config.maxPositions);
    this.#rope = this.#createRope(this.#ropePositions);
  }

  #createRope(maxPositions: number): Rope {
    const { headDim, ropeTheta } = this.config;
    const inverseFrequencies = ropeFrequencies(this.config);
    return createRope(this.kernels, { rotaryDim: headDim, theta: ropeTheta, maxPositions, inverseFrequencies });
  }
}
