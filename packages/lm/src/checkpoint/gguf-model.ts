/**
 * A GGUF file as a model folder would have it: the config from its metadata, weights under Hugging Face's names. For the
 * architectures `llama`, `qwen2` and `qwen3`.
 */
import { open } from 'node:fs/promises';
import { LmError } from '../errors.ts';
import type { Json } from '../tokenizer/json.ts';
import type { GgufFile, GgufTensor, GgufValue } from './gguf.ts';
import { dequantizeGguf } from './gguf-blocks.ts';
import { asUint16 } from './safetensors.ts';
import type { WeightSource, WeightSources } from './weight-source.ts';

const ARCHITECTURES: Readonly<Record<string, string>> = {
  llama: 'LlamaForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
};

/** Names within a block, and their Hugging Face counterparts. */
const BLOCK_NAMES: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  attn_output: 'self_attn.o_proj',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
};
const OUTER_NAMES: Readonly<Record<string, string>> = {
  token_embd: 'model.embed_tokens',
  output_norm: 'model.norm',
  output: 'lm_head',
};
/** Factors on the rotary wavelengths (Llama 3.1), [rotaryDim/2]. */
const ROPE_FACTORS = 'rope_freqs.weight';
/** Bytes of blocks converted at a time. */
const PIECE_BYTES = 1 << 22;

/** The contents of the `config.json` the model would have. @throws LmError `model-type-unknown`, `config-malformed` */
export async function ggufConfig(gguf: GgufFile): Promise<Json> {
  const { metadata, tensors } = gguf;
  const architecture = String(metadata.get('general.architecture'));
  if (!Object.hasOwn(ARCHITECTURES, architecture)) {
    throw new LmError(
      'model-type-unknown',
      `${gguf.file}: expected general.architecture to be ${Object.keys(ARCHITECTURES).join(', ')}, got ${architecture}`,
    );
  }
  const get = (key: string): GgufValue | undefined => metadata.get(`${architecture}.${key}`);
  const heads = get('attention.head_count');
  const table = tensors.get('token_embd.weight');
  return {
    architectures: [ARCHITECTURES[architecture]],
    model_type: architecture,
    vocab_size: table?.shape[0],
    hidden_size: get('embedding_length'),
    intermediate_size: get('feed_forward_length'),
    num_hidden_layers: get('block_count'),
    num_attention_heads: heads,
    num_key_value_heads: get('attention.head_count_kv') ?? heads,
    ...optional('head_dim', get('attention.key_length')),
    rms_norm_eps: shortest(get('attention.layer_norm_rms_epsilon')),
    rope_theta: get('rope.freq_base') ?? 10_000,
    rope_scaling: await ropeScaling(gguf, get),
    max_position_embeddings: get('context_length'),
    tie_word_embeddings: !tensors.has('output.weight'),
    ...optional('bos_token_id', metadata.get('tokenizer.ggml.bos_token_id')),
    ...optional('eos_token_id', metadata.get('tokenizer.ggml.eos_token_id')),
    torch_dtype: 'bfloat16',
  };
}

/**
 * Weights by Hugging Face name. llama.cpp turns neighbouring pairs in Llama's heads where Hugging Face turns halves, and
 * stores the rows of q and k accordingly; here they get their places back.
 */
export function ggufSources(gguf: GgufFile, config: Json): WeightSources {
  const sources = new Map<string, WeightSource>();
  const isLlama = config.model_type === 'llama';
  for (const tensor of gguf.tensors.values()) {
    if (tensor.name === ROPE_FACTORS) continue;
    const name = translateName(tensor.name);
    const isQuery = name.endsWith('.q_proj.weight') || name.endsWith('.q_proj.bias');
    const isKey = name.endsWith('.k_proj.weight') || name.endsWith('.k_proj.bias');
    const heads = isQuery ? config.num_attention_heads : isKey ? config.num_key_value_heads : undefined;
    const paired = isLlama && typeof heads === 'number' && heads > 0 ? heads : null;
    sources.set(name, sourceOf(gguf.file, name, tensor, paired));
  }
  return sources;
}

function translateName(name: string): string {
  const block = /^blk\.(\d+)\.([a-z_]+)\.(weight|bias)$/.exec(name);
  if (block !== null && Object.hasOwn(BLOCK_NAMES, block[2]!)) {
    return `model.layers.${block[1]}.${BLOCK_NAMES[block[2]!]}.${block[3]}`;
  }
  const outer = /^([a-z_]+)\.(weight|bias)$/.exec(name);
  if (outer !== null && Object.hasOwn(OUTER_NAMES, outer[1]!)) return `${OUTER_NAMES[outer[1]!]}.${outer[2]}`;
  return name;
}

function sourceOf(file: string, name: string, tensor: GgufTensor, pairedHeads: number | null): WeightSource {
  const { type } = tensor.format;
  async function* floats(): AsyncGenerator<Float32Array> {
    if (pairedHeads === null) {
      for await (const bytes of pieces(file, tensor)) yield dequantizeGguf(type, bytes);
      return;
    }
    const values = new Float32Array(tensor.shape.reduce((product, size) => product * size, 1));
    let offset = 0;
    for await (const bytes of pieces(file, tensor)) {
      const piece = dequantizeGguf(type, bytes);
      values.set(piece, offset);
      offset += piece.length;
    }
    yield unpairRows(values, tensor.shape[0]!, pairedHeads);
  }
  return {
    name,
    shape: tensor.shape,
    dtype: type,
    floats,
    bf16Bits: type === 'BF16' && pairedHeads === null ? () => bits(file, tensor) : null,
    fourBit: null,
  };
}

async function* bits(file: string, tensor: GgufTensor): AsyncGenerator<Uint16Array> {
  for await (const bytes of pieces(file, tensor)) yield asUint16(bytes);
}

/** Whole blocks, in fresh aligned memory. */
async function* pieces(file: string, { format, begin, end }: GgufTensor): AsyncGenerator<Uint8Array> {
  const step = Math.max(1, Math.floor(PIECE_BYTES / format.bytes)) * format.bytes;
  const handle = await open(file, 'r');
  try {
    for (let at = begin; at < end; at += step) {
      const bytes = new Uint8Array(Math.min(step, end - at));
      for (let done = 0; done < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, done, bytes.length - done, at + done);
        if (bytesRead === 0) throw new LmError('checkpoint-malformed', `${file}: expected ${end} bytes, got fewer`);
        done += bytesRead;
      }
      yield bytes;
    }
  } finally {
    await handle.close();
  }
}

/** Rows (2i, 2i + 1) of each head become (i, i + D/2). */
function unpairRows(values: Float32Array, rows: number, heads: number): Float32Array {
  const width = values.length / rows;
  const D = rows / heads;
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const [head, d] = [Math.floor(row / D), row % D];
    const from = head * D + (d < D / 2 ? 2 * d : 2 * (d - D / 2) + 1);
    out.set(values.subarray(from * width, (from + 1) * width), row * width);
  }
  return out;
}

async function ropeScaling(gguf: GgufFile, get: (key: string) => GgufValue | undefined): Promise<Json | null> {
  const factors = gguf.tensors.get(ROPE_FACTORS);
  const original = get('rope.scaling.original_context_length') ?? get('context_length');
  if (factors !== undefined) {
    const list: number[] = [];
    for await (const bytes of pieces(gguf.file, factors)) list.push(...dequantizeGguf(factors.format.type, bytes));
    return {
      rope_type: 'longrope',
      short_factor: list,
      long_factor: list,
      attention_factor: 1,
      original_max_position_embeddings: original,
    };
  }
  const type = get('rope.scaling.type');
  const factor = get('rope.scaling.factor');
  if (type === undefined || type === 'none' || factor === undefined) return null;
  return { rope_type: type, factor, original_max_position_embeddings: original };
}

/** f32 metadata as the decimal that was meant: 1e-6 rather than 9.999999974752427e-7. */
function shortest(value: GgufValue | undefined): GgufValue | undefined {
  return typeof value === 'number' ? Number(value.toPrecision(7)) : value;
}

function optional(key: string, value: GgufValue | undefined): Json {
  return value === undefined ? {} : { [key]: value };
}
