/**
 * What a family's decoder block is made of. The block itself is written once (`decoder.ts`); a family file says which
 * parts it has and what its weights are called. `plainArchitecture` is Llama's block, from which the others differ.
 */
import type { Json } from '../tokenizer/json.ts';

/** Sizes every family's config states, after its keys were translated to the usual ones. */
export interface Geometry {
  readonly hiddenSize: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly layers: number;
}

/** Module paths, without `.weight`. Those of a layer are relative to `layer(i)`. */
export interface WeightNames {
  readonly embedding: string;
  readonly finalNorm: string;
  readonly head: string;
  readonly layer: (index: number) => string;
  /** Three projections, or one whose rows are q, then k, then v. */
  readonly queryKeyValue: readonly [string, string, string] | string;
  readonly queryNorm: string;
  readonly keyNorm: string;
  readonly attentionOutput: string;
  /** Two projections, or one whose rows are gate, then up. */
  readonly gateUp: readonly [string, string] | string;
  readonly down: string;
  /** RMSNorms of the residual stream before attention and feed-forward, and of what these add to it; null: none. */
  readonly beforeAttention: string | null;
  readonly afterAttention: string | null;
  readonly beforeFeedForward: string | null;
  readonly afterFeedForward: string | null;
}

export interface ExpertTraits {
  readonly count: number;
  readonly perToken: number;
  /** Inner size of one expert. */
  readonly intermediateSize: number;
  /** Shares of a token's experts are divided by their sum. */
  readonly isNormalised: boolean;
  /** Per layer. */
  readonly isRouted: readonly boolean[];
  /** Paths within a layer. */
  readonly router: string;
  readonly expert: (index: number) => string;
}

export interface Architecture {
  readonly names: WeightNames;
  readonly hasQueryKeyValueBias: boolean;
  readonly hasOutputBias: boolean;
  readonly hasFeedForwardBias: boolean;
  /** RMSNorm of q and k before the rotary embedding: over each head, or over all heads of a row together. */
  readonly queryKeyNorm: 'none' | 'head' | 'row';
  /** Elements of a head that the rotary embedding turns. */
  readonly rotaryDim: number;
  /** Pairs are (2i, 2i + 1) instead of (i, i + rotaryDim/2). */
  readonly isInterleaved: boolean;
  /** Per layer: a query sees at most this many positions, itself included; null for all. */
  readonly windows: readonly (number | null)[];
  /** Angles of layers with a window are those of this θ, never stretched; null: as the other layers (Gemma 3). */
  readonly localRopeTheta: number | null;
  /** Scores fall with the distance instead of turning with the position (Baichuan 13B); `rotaryDim` is 0. */
  readonly isAlibi: boolean;
  /** Factor on the scores; null for 1/√headDim. */
  readonly attentionScale: number | null;
  /** Bounds of scores and logits, cap · tanh(x/cap); null for none (Gemma 2). */
  readonly attentionSoftCap: number | null;
  readonly logitSoftCap: number | null;
  readonly activation: 'silu' | 'geluTanh';
  /** Added to the weight of every RMSNorm (Gemma: 1). */
  readonly normOffset: number;
  /** Factor on the embedded tokens. */
  readonly embeddingScale: number;
  /** Routed experts in place of the feed-forward of some layers; null: none. */
  readonly experts: ExpertTraits | null;
  /** True when the head's rows are scaled to length 1 before use (Baichuan 2). */
  readonly isHeadNormalised: boolean;
}

const PLAIN_NAMES: WeightNames = {
  embedding: 'model.embed_tokens',
  finalNorm: 'model.norm',
  head: 'lm_head',
  layer: (index) => `model.layers.${index}`,
  queryKeyValue: ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'],
  queryNorm: 'self_attn.q_norm',
  keyNorm: 'self_attn.k_norm',
  attentionOutput: 'self_attn.o_proj',
  gateUp: ['mlp.gate_proj', 'mlp.up_proj'],
  down: 'mlp.down_proj',
  beforeAttention: 'input_layernorm',
  afterAttention: null,
  beforeFeedForward: 'post_attention_layernorm',
  afterFeedForward: null,
};

/** Llama's block without biases, with changes. */
export function plainArchitecture(
  { headDim, layers }: Geometry,
  changes: Partial<Omit<Architecture, 'names'>> & { readonly names?: Partial<WeightNames> } = {},
): Architecture {
  return {
    hasQueryKeyValueBias: false,
    hasOutputBias: false,
    hasFeedForwardBias: false,
    queryKeyNorm: 'none',
    rotaryDim: headDim,
    isInterleaved: false,
    windows: Array.from({ length: layers }, () => null),
    localRopeTheta: null,
    isAlibi: false,
    attentionScale: null,
    attentionSoftCap: null,
    logitSoftCap: null,
    activation: 'silu',
    normOffset: 0,
    embeddingScale: 1,
    experts: null,
    isHeadNormalised: false,
    ...changes,
    names: { ...PLAIN_NAMES, ...changes.names },
  };
}

/**
 * Windows as `layer_types` lists them; where it is absent, `isSliding` decides.
 */
export function layerWindows(
  raw: Json,
  { layers }: Geometry,
  window: number | null,
  isSliding: (layer: number) => boolean,
): (number | null)[] {
  const types = Array.isArray(raw.layer_types) ? (raw.layer_types as unknown[]) : null;
  return Array.from({ length: layers }, (_, layer) => {
    const slides = types === null ? isSliding(layer) : types[layer] === 'sliding_attention';
    return slides ? window : null;
  });
}
