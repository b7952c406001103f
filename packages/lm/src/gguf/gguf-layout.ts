/**
 * Which tensors a GGUF file of a model has, and which rows of which weights each holds: experts are stacked, some
 * projections fused or split, norms of Gemma kept with their 1 added, rows of q and k of Llama reordered. Names and layout
 * are llama.cpp's (gguf-py's `tensor_mapping.py` and the converters in `conversion/`).
 */
import type { ModelConfig } from '../config.ts';
import { weightSpecs } from '../families/weights.ts';

/** Rows of a weight. */
export interface GgufPiece {
  readonly parameter: string;
  readonly firstRow: number;
  readonly rows: number;
  /** Heads whose rows are reordered, see `reorderRows`; 0: none. */
  readonly pairedHeads: number;
}

export interface GgufLayoutTensor {
  readonly name: string;
  /** Outermost first. */
  readonly shape: readonly number[];
  /** What it holds, one after another. */
  readonly pieces: readonly GgufPiece[];
  /** Added to the values of the model. */
  readonly addend: number;
}

/** Which projections are one tensor in the file. */
export interface GgufFusion {
  readonly queryKeyValue: boolean;
  /** Under the name of `up`. */
  readonly gateUp: boolean;
}

/** As llama.cpp's converters fuse by default: as the model does, but for Baichuan. */
export function usualFusion({ modelType, architecture: { names } }: ModelConfig): GgufFusion {
  return {
    queryKeyValue: typeof names.queryKeyValue === 'string' && modelType !== 'baichuan',
    gateUp: typeof names.gateUp === 'string',
  };
}

interface Part {
  readonly module: string;
  readonly firstRow?: number;
  readonly rows?: number;
  readonly pairedHeads?: number;
}

/** @param hasPairedRows rows of q and k are reordered */
export function ggufLayout(config: ModelConfig, hasPairedRows: boolean, fusion: GgufFusion): GgufLayoutTensor[] {
  const { heads: H, kvHeads: G, headDim: D, intermediateSize: I, architecture } = config;
  const { names, experts, normOffset } = architecture;
  const shapes = new Map(weightSpecs(config).map(({ name, shape }) => [name, shape]));
  const tensors: GgufLayoutTensor[] = [];
  const put = (name: string, parts: readonly Part[], addend = 0, stacked = 0): void => {
    for (const kind of ['weight', 'bias']) {
      const pieces = parts.flatMap(({ module, firstRow = 0, rows, pairedHeads = 0 }) => {
        const parameter = `${module}.${kind}`;
        const shape = shapes.get(parameter);
        return shape === undefined ? [] : [{ parameter, firstRow, rows: rows ?? shape[0]!, pairedHeads }];
      });
      if (pieces.length === 0) continue;
      const rows = pieces.reduce((sum, piece) => sum + piece.rows, 0);
      const columns = shapes.get(pieces[0]!.parameter)!.slice(1);
      const shape = stacked === 0 ? [rows, ...columns] : [stacked, rows / stacked, ...columns];
      tensors.push({ name: `${name}.${kind}`, shape, pieces, addend });
    }
  };
  /** Modules with these rows, or slices of the one that holds them all. */
  const partsOf = (modules: string | readonly string[], rows: readonly number[], paired: readonly number[]): Part[] => {
    let first = 0;
    return rows.map((count, i) => {
      const pairedHeads = paired[i] ?? 0;
      if (typeof modules !== 'string') return { module: modules[i]!, rows: count, pairedHeads };
      first += count;
      return { module: modules, firstRow: first - count, rows: count, pairedHeads };
    });
  };
  const at = (prefix: string, modules: string | readonly string[]): string | string[] =>
    typeof modules === 'string' ? `${prefix}.${modules}` : modules.map((module) => `${prefix}.${module}`);

  put('token_embd', [{ module: names.embedding }]);
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = names.layer(layer);
    const block = (name: string, parts: readonly Part[], addend?: number, stacked?: number): void =>
      put(`blk.${layer}.${name}`, parts, addend, stacked);
    const norm = (name: string, module: string | null): void => {
      if (module !== null) block(name, [{ module: `${prefix}.${module}` }], normOffset);
    };
    norm('attn_norm', names.beforeAttention);
    const paired = hasPairedRows ? [H, G] : [];
    const queryKeyValue = partsOf(at(prefix, names.queryKeyValue), [H * D, G * D, G * D], paired);
    if (fusion.queryKeyValue) block('attn_qkv', queryKeyValue);
    else for (const [i, name] of ['attn_q', 'attn_k', 'attn_v'].entries()) block(name, [queryKeyValue[i]!]);
    norm('attn_q_norm', architecture.queryKeyNorm === 'none' ? null : names.queryNorm);
    norm('attn_k_norm', architecture.queryKeyNorm === 'none' ? null : names.keyNorm);
    block('attn_output', [{ module: `${prefix}.${names.attentionOutput}` }]);
    norm('post_attention_norm', names.afterAttention);
    norm('ffn_norm', names.beforeFeedForward);
    if (experts?.isRouted[layer]) {
      const { count } = experts;
      const every = (projection: string): Part[] =>
        Array.from({ length: count }, (_, index) => ({ module: `${prefix}.${experts.expert(index)}.${projection}` }));
      block('ffn_gate_inp', [{ module: `${prefix}.${experts.router}` }]);
      block('ffn_gate_exps', every('gate_proj'), 0, count);
      block('ffn_up_exps', every('up_proj'), 0, count);
      block('ffn_down_exps', every('down_proj'), 0, count);
    } else {
      const gateUp = partsOf(at(prefix, names.gateUp), [I, I], []);
      if (fusion.gateUp) block('ffn_up', gateUp);
      else for (const [i, name] of ['ffn_gate', 'ffn_up'].entries()) block(name, [gateUp[i]!]);
      block('ffn_down', [{ module: `${prefix}.${names.down}` }]);
    }
    norm('post_ffw_norm', names.afterFeedForward);
  }
  put('output_norm', [{ module: names.finalNorm }], normOffset);
  if (!config.tieWordEmbeddings) put('output', [{ module: names.head }]);
  return tensors;
}

/**
 * Rows of a projection from [head, half, pair] order (rotary pairs half a head apart) to [head, pair, half] (neighbours),
 * as llama.cpp's Llama wants q and k; `isInverse` undoes it.
 */
export function reorderRows(
  values: Float32Array,
  rows: number,
  heads: number,
  isInverse = false,
): Float32Array<ArrayBuffer> {
  const width = values.length / rows;
  const half = rows / heads / 2;
  const out = new Float32Array(values.length);
  for (let head = 0; head < heads; head++) {
    for (let side = 0; side < 2; side++) {
      for (let pair = 0; pair < half; pair++) {
        const apart = head * 2 * half + side * half + pair;
        const beside = head * 2 * half + 2 * pair + side;
        const [from, to] = isInverse ? [beside, apart] : [apart, beside];
        out.set(values.subarray(from * width, (from + 1) * width), to * width);
      }
    }
  }
  return out;
}
