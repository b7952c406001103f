/** A GGUF file's metadata as the `config.json` the model's folder would have. Keys: llama.cpp's `llama-arch.cpp`. */
import { LmError } from '../errors.ts';
import {
  BAICHUAN_13B_LAYERS,
  GGUF_ARCHITECTURES,
  gemmaQueryScalar,
  WINDOW_PATTERNS,
} from '../gguf/gguf-architectures.ts';
import type { Json } from '../tokenizer/json.ts';
import type { GgufFile, GgufValue } from './gguf.ts';
import { ggufFloats, ROPE_TENSORS } from './gguf-weights.ts';

/** What a file states of itself, under the prefix of its architecture. */
interface Facts {
  readonly gguf: GgufFile;
  readonly architecture: string;
  get(key: string): GgufValue | undefined;
  number(key: string, fallback: number): number;
}

/** The contents of the `config.json` the model would have. @throws LmError `model-type-unknown`, `model-feature-unsupported` */
export async function ggufConfig(gguf: GgufFile): Promise<Json> {
  const { metadata, tensors } = gguf;
  const architecture = String(metadata.get('general.architecture'));
  if (!Object.hasOwn(GGUF_ARCHITECTURES, architecture)) {
    const known = Object.keys(GGUF_ARCHITECTURES).join(', ');
    throw new LmError(
      'model-type-unknown',
      `${gguf.file}: expected general.architecture to be one of ${known}, got ${architecture}`,
    );
  }
  const { className, modelType } = GGUF_ARCHITECTURES[architecture]!;
  const get = (key: string): GgufValue | undefined => metadata.get(`${architecture}.${key}`);
  const number = (key: string, fallback: number): number => {
    const value = get(key);
    return typeof value === 'number' ? value : fallback;
  };
  const facts: Facts = { gguf, architecture, get, number };
  const heads = get('attention.head_count');
  const table = tensors.get('token_embd.weight');
  return {
    architectures: [className],
    model_type: modelType,
    vocab_size: table?.shape[0],
    hidden_size: get('embedding_length'),
    intermediate_size: get('feed_forward_length'),
    num_hidden_layers: get('block_count'),
    num_attention_heads: heads,
    num_key_value_heads: get('attention.head_count_kv') ?? heads,
    ...optional('head_dim', get('attention.key_length')),
    rms_norm_eps: shortest(get('attention.layer_norm_rms_epsilon')),
    rope_theta: get('rope.freq_base') ?? 10_000,
    rope_scaling: await ropeScaling(facts),
    max_position_embeddings: get('context_length'),
    tie_word_embeddings: !tensors.has('output.weight'),
    ...optional('bos_token_id', metadata.get('tokenizer.ggml.bos_token_id')),
    ...optional('eos_token_id', metadata.get('tokenizer.ggml.eos_token_id')),
    torch_dtype: 'bfloat16',
    ...familyKeys(facts),
  };
}

/** What only some families have. */
function familyKeys(facts: Facts): Json {
  const { gguf, architecture, get, number } = facts;
  const hasBias = gguf.tensors.has('blk.0.attn_q.bias') || gguf.tensors.has('blk.0.attn_qkv.bias');
  switch (architecture) {
    case 'llama':
      return { attention_bias: hasBias, mlp_bias: gguf.tensors.has('blk.0.ffn_up.bias') };
    case 'qwen3':
      return { attention_bias: hasBias };
    case 'qwen3moe': {
      const perToken = number('expert_used_count', 0);
      return {
        attention_bias: hasBias,
        num_experts: get('expert_count'),
        num_experts_per_tok: perToken,
        moe_intermediate_size: number('expert_feed_forward_length', number('feed_forward_length', 0) / perToken),
        norm_topk_prob: true,
        decoder_sparse_step: 1,
        mlp_only_layers: [],
      };
    }
    case 'gemma':
    case 'gemma2':
    case 'gemma3':
      return gemmaKeys(facts);
    case 'phi3': {
      const window = number('attention.sliding_window', 0);
      return {
        sliding_window: window > 0 ? window : null,
        original_max_position_embeddings: number('rope.scaling.original_context_length', number('context_length', 0)),
        partial_rotary_factor: rotaryShareOf(facts),
      };
    }
    case 'chatglm':
    case 'glm4':
      return { head_dim: headDimOf(facts), attention_bias: hasBias, partial_rotary_factor: rotaryShareOf(facts) };
    case 'olmo2':
      requireNoWindow(facts);
      return { attention_bias: hasBias };
    case 'baichuan':
      // 13B is known by its length's key.
      return number('block_count', 0) === BAICHUAN_13B_LAYERS
        ? { max_position_embeddings: undefined, model_max_length: get('context_length') }
        : {};
    default:
      return {};
  }
}

function gemmaKeys(facts: Facts): Json {
  const { architecture, get, number } = facts;
  const [headDim, layers] = [headDimOf(facts), number('block_count', 0)];
  const common = { head_dim: headDim, hidden_activation: 'gelu_pytorch_tanh' };
  if (architecture === 'gemma') return common;
  const geometry = {
    layers,
    headDim,
    hiddenSize: number('embedding_length', 0),
    heads: number('attention.head_count', 1),
  };
  const window = get('attention.sliding_window') ?? (architecture === 'gemma2' ? 4096 : null);
  return {
    ...common,
    query_pre_attn_scalar: gemmaQueryScalar(architecture, geometry),
    ...optional('attn_logit_softcapping', shortest(get('attn_logit_softcapping'))),
    ...optional('final_logit_softcapping', shortest(get('final_logit_softcapping'))),
    ...optional('sliding_window', window),
    layer_types: layerTypes(facts, layers, window !== null && window !== 0),
    ...(architecture === 'gemma3' && { rope_local_base_freq: number('rope.freq_base_swa', 10_000) }),
  };
}

/** Which layers have a window: one flag a layer, or every n-th sees everything. */
function layerTypes({ architecture, get, number }: Facts, layers: number, hasWindow: boolean): string[] {
  const stated = get('attention.sliding_window_pattern');
  const period = number('attention.sliding_window_pattern', WINDOW_PATTERNS[architecture]!);
  const slides = (layer: number): boolean =>
    Array.isArray(stated) ? stated[layer] === true : period === 0 || layer % period < period - 1;
  // The count is checked with the rest of the config.
  return Array.from({ length: Math.min(Math.max(layers, 0), 1024) }, (_, layer) =>
    hasWindow && slides(layer) ? 'sliding_attention' : 'full_attention',
  );
}

/** OLMo 3 has the same name, and windows. */
function requireNoWindow({ gguf, number }: Facts): void {
  const window = number('attention.sliding_window', 0);
  if (window === 0) return;
  throw new LmError(
    'model-feature-unsupported',
    `${gguf.file}: expected OLMo 2 without attention.sliding_window, got ${window} (OLMo 3)`,
  );
}

function headDimOf({ number }: Facts): number {
  return number('attention.key_length', number('embedding_length', 0) / number('attention.head_count', 1));
}

/** The share of a head that is turned. */
function rotaryShareOf(facts: Facts): number {
  const headDim = headDimOf(facts);
  const turned = facts.number('rope.dimension_count', headDim);
  const share = turned / headDim;
  // Multiplied by the head size and rounded down it has to be that number again.
  return Math.floor(headDim * share) === turned ? share : (turned + 0.5) / headDim;
}

async function ropeScaling({ gguf, architecture, get, number }: Facts): Promise<Json | null> {
  const { file, tensors } = gguf;
  const original = get('rope.scaling.original_context_length') ?? get('context_length');
  const factorsOf = async (name: string): Promise<number[] | null> => {
    const tensor = tensors.get(name);
    return tensor === undefined ? null : ggufFloats(file, tensor);
  };
  const factors = architecture === 'llama' ? await factorsOf(ROPE_TENSORS.factors) : null;
  if (factors !== null) {
    return {
      rope_type: 'longrope',
      short_factor: factors,
      long_factor: factors,
      attention_factor: 1,
      original_max_position_embeddings: original,
    };
  }
  const [short, long] = [await factorsOf(ROPE_TENSORS.short), await factorsOf(ROPE_TENSORS.long)];
  if (architecture === 'phi3' && short !== null && long !== null) {
    return {
      rope_type: 'longrope',
      short_factor: short.map(shortest),
      long_factor: long.map(shortest),
      ...optional('attention_factor', shortest(get('rope.scaling.attn_factor'))),
      original_max_position_embeddings: original,
    };
  }
  const type = get('rope.scaling.type');
  const factor = number('rope.scaling.factor', 0);
  if (type === undefined || type === 'none' || factor === 0) return null;
  return { rope_type: type, factor, original_max_position_embeddings: original };
}

/** f32 metadata as the shortest decimal that rounds to it: 1e-6 rather than 9.999999974752427e-7. */
function shortest<T extends GgufValue | undefined>(value: T): T | number {
  if (typeof value !== 'number') return value;
  for (let digits = 1; digits < 9; digits++) {
    const decimal = Number(value.toPrecision(digits));
    if (Math.fround(decimal) === value) return decimal;
  }
  return value;
}

function optional(key: string, value: GgufValue | null | undefined): Json {
  return value === undefined || value === null ? {} : { [key]: value };
}
