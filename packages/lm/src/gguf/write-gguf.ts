/**
 * Models as GGUF files, tokenizer and chat template included, under the names and with the layout llama.cpp expects
 * (its convert_hf_to_gguf.py is the reference): norms in F32, matrices in the type asked for, q and k rows of the Llama
 * family reordered for its interleaved rotary embedding.
 */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { dequantizeParameter, type Parameter } from '@tuiqiao/tensor';
import type { ModelConfig } from '../config.ts';
import { LmError } from '../errors.ts';
import type { LanguageModel } from '../language-model.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { encodeGguf, GGML_TYPE, type GgufType, ggufBytes } from './gguf-blocks.ts';
import { ggufVocabulary } from './gguf-vocabulary.ts';

/** llama.cpp's architecture by model type. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  qwen2: 'qwen2',
  qwen3: 'qwen3',
  llama: 'llama',
  mistral: 'llama',
};

/** `general.file_type`. */
const FILE_TYPE: Readonly<Record<GgufType, number>> = { F32: 0, F16: 1, Q8_0: 7, BF16: 32 };
const ALIGNMENT = 32;
const Q8_BLOCK = 32;

export interface WrittenTensor {
  readonly name: string;
  /** Of the model, Hugging Face's. */
  readonly parameter: string;
  /** As the model has it, [out, in]. */
  readonly shape: readonly number[];
  readonly type: GgufType;
  /** From the start of the file, bytes. */
  readonly offset: number;
  /** Heads whose rows were reordered; 0: none. */
  readonly reorderedHeads: number;
}

export interface WriteGgufOptions {
  /** Type of matrices whose rows it divides; others are F16. Default BF16. */
  readonly type?: GgufType;
  readonly name?: string;
}

/**
 * Writes one file, complete before its name appears.
 * @returns where each tensor lies
 * @throws LmError `gguf-unsupported` for families or rotary scalings that this writer does not know; `checkpoint-write-failed`
 */
export async function writeGguf(
  model: LanguageModel,
  tokenizer: Tokenizer,
  file: string,
  { type = 'BF16', name = path.basename(file, '.gguf') }: WriteGgufOptions = {},
): Promise<WrittenTensor[]> {
  const { config } = model;
  const architecture = ARCHITECTURES[config.modelType];
  if (architecture === undefined || (config.ropeScaling !== null && config.ropeScaling.type !== 'linear')) {
    const got = architecture === undefined ? config.modelType : `${config.ropeScaling?.type} rotary scaling`;
    throw new LmError(
      'gguf-unsupported',
      `gguf: expected ${Object.keys(ARCHITECTURES).join(', ')} with plain or linear rotary embedding, got ${got}`,
      { hint: 'convert the merged Hugging Face folder with llama.cpp’s own convert_hf_to_gguf.py' },
    );
  }
  const heads = (parameter: string): number => {
    if (architecture !== 'llama') return 0;
    return /q_proj\.(?:weight|bias)$/u.test(parameter)
      ? config.heads
      : /k_proj\.(?:weight|bias)$/u.test(parameter)
        ? config.kvHeads
        : 0;
  };
  const planned = [...model.parameters.values()].map((parameter) => ({
    parameter,
    name: ggufName(parameter.name),
    type: tensorType(parameter, type),
    reorderedHeads: heads(parameter.name),
  }));
  let relative = 0;
  const placed = planned.map((tensor) => {
    const offset = relative;
    const bytes = ggufBytes(tensor.type, count(tensor.parameter.shape));
    relative = align(offset + bytes);
    return { ...tensor, relative: offset, bytes };
  });
  const header = new Writer();
  header.bytes(new TextEncoder().encode('GGUF'));
  header.u32(3);
  header.u64(placed.length);
  const fields = metadata(config, architecture, tokenizer, type, name);
  header.u64(fields.length);
  for (const [key, value] of fields) header.field(key, value);
  for (const tensor of placed) {
    header.text(tensor.name);
    const { shape } = tensor.parameter;
    header.u32(shape.length);
    for (const size of [...shape].reverse()) header.u64(size);
    header.u32(GGML_TYPE[tensor.type]);
    header.u64(tensor.relative);
  }
  header.pad(ALIGNMENT);
  const head = header.finish();
  await writeWhole(file, async (write) => {
    await write(head);
    for (const tensor of placed) {
      const values = await model.kernels.read(dequantizeParameter(model.kernels, tensor.parameter));
      const rows =
        tensor.reorderedHeads === 0 ? values : reorderRows(values, tensor.parameter.shape, tensor.reorderedHeads);
      await write(encodeGguf(tensor.type, rows));
      const padding = align(tensor.relative + tensor.bytes) - tensor.relative - tensor.bytes;
      if (padding > 0) await write(new Uint8Array(padding));
    }
  });
  return placed.map(({ name: tensorName, parameter, type: tensorKind, relative: at, reorderedHeads }) => ({
    name: tensorName,
    parameter: parameter.name,
    shape: parameter.shape,
    type: tensorKind,
    offset: head.length + at,
    reorderedHeads,
  }));
}

/**
 * Rows of a projection from [head, half, pair] order (rotary pairs half a head apart) to [head, pair, half] (neighbours),
 * as llama.cpp's Llama wants q and k; `isInverse` undoes it.
 */
export function reorderRows(
  values: Float32Array,
  shape: readonly number[],
  heads: number,
  isInverse = false,
): Float32Array {
  const rows = shape[0]!;
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

function tensorType({ shape }: Parameter, wanted: GgufType): GgufType {
  if (shape.length < 2) return 'F32';
  return wanted === 'Q8_0' && shape[1]! % Q8_BLOCK !== 0 ? 'F16' : wanted;
}

const NAMES: Readonly<Record<string, string>> = {
  'model.embed_tokens': 'token_embd',
  'model.norm': 'output_norm',
  lm_head: 'output',
  input_layernorm: 'attn_norm',
  post_attention_layernorm: 'ffn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  'self_attn.q_norm': 'attn_q_norm',
  'self_attn.k_norm': 'attn_k_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
};

function ggufName(name: string): string {
  const match = /^(?:model\.layers\.(\d+)\.)?(.+)\.(weight|bias)$/u.exec(name);
  const known = match === null ? undefined : NAMES[match[2]!];
  if (match === null || known === undefined) {
    throw new LmError('gguf-unsupported', `gguf: expected a weight that llama.cpp has a name for, got ${name}`);
  }
  return `${match[1] === undefined ? '' : `blk.${match[1]}.`}${known}.${match[3]}`;
}

type Value =
  | { readonly u32: number }
  | { readonly f32: number }
  | { readonly bool: boolean }
  | { readonly text: string }
  | { readonly texts: readonly string[] }
  | { readonly floats: readonly number[] }
  | { readonly ints: readonly number[] };

function metadata(
  config: ModelConfig,
  architecture: string,
  tokenizer: Tokenizer,
  type: GgufType,
  name: string,
): (readonly [string, Value])[] {
  const vocabulary = ggufVocabulary(tokenizer, config.modelType, config.vocabSize);
  const of = (key: string): string => `${architecture}.${key}`;
  const optional = (key: string, value: number | null): (readonly [string, Value])[] =>
    value === null ? [] : [[key, { u32: value }]];
  const template = tokenizer.files.tokenizerConfig.chat_template;
  return [
    ['general.architecture', { text: architecture }],
    ['general.name', { text: name }],
    ['general.file_type', { u32: FILE_TYPE[type] }],
    ['general.quantization_version', { u32: 2 }],
    ['general.alignment', { u32: ALIGNMENT }],
    [of('vocab_size'), { u32: config.vocabSize }],
    [of('context_length'), { u32: config.maxPositions }],
    [of('embedding_length'), { u32: config.hiddenSize }],
    [of('block_count'), { u32: config.layers }],
    [of('feed_forward_length'), { u32: config.intermediateSize }],
    [of('attention.head_count'), { u32: config.heads }],
    [of('attention.head_count_kv'), { u32: config.kvHeads }],
    [of('attention.key_length'), { u32: config.headDim }],
    [of('attention.value_length'), { u32: config.headDim }],
    [of('attention.layer_norm_rms_epsilon'), { f32: config.rmsNormEpsilon }],
    [of('rope.dimension_count'), { u32: config.headDim }],
    [of('rope.freq_base'), { f32: config.ropeTheta }],
    ...(config.ropeScaling?.type === 'linear'
      ? ([
          [of('rope.scaling.type'), { text: 'linear' }],
          [of('rope.scaling.factor'), { f32: config.ropeScaling.factor }],
        ] as const)
      : []),
    ['tokenizer.ggml.model', { text: vocabulary.model }],
    ...(vocabulary.preTokenizer === null ? [] : ([['tokenizer.ggml.pre', { text: vocabulary.preTokenizer }]] as const)),
    ['tokenizer.ggml.tokens', { texts: vocabulary.tokens }],
    ...(vocabulary.scores === null ? [] : ([['tokenizer.ggml.scores', { floats: vocabulary.scores }]] as const)),
    ['tokenizer.ggml.token_type', { ints: vocabulary.types }],
    ...(vocabulary.merges === null ? [] : ([['tokenizer.ggml.merges', { texts: vocabulary.merges }]] as const)),
    ...optional('tokenizer.ggml.bos_token_id', tokenizer.bosTokenId ?? config.bosTokenId),
    ...optional('tokenizer.ggml.eos_token_id', tokenizer.eosTokenId ?? config.eosTokenIds[0] ?? null),
    ...optional('tokenizer.ggml.padding_token_id', tokenizer.padTokenId ?? config.padTokenId),
    ...optional('tokenizer.ggml.unknown_token_id', tokenizer.unknownTokenId),
    // What the tokenizer puts before any text, and only that.
    ['tokenizer.ggml.add_bos_token', { bool: startsWithBos(tokenizer) }],
    ['tokenizer.ggml.add_eos_token', { bool: false }],
    ['tokenizer.ggml.add_space_prefix', { bool: vocabulary.addsSpacePrefix }],
    ...(typeof template === 'string' ? ([['tokenizer.chat_template', { text: template }]] as const) : []),
  ];
}

function startsWithBos(tokenizer: Tokenizer): boolean {
  return tokenizer.bosTokenId !== null && tokenizer.encode('春')[0] === tokenizer.bosTokenId;
}

/** Little-endian, growing. */
class Writer {
  #memory = new Uint8Array(1 << 16);
  #length = 0;
  readonly #encoder = new TextEncoder();

  #room(bytes: number): DataView {
    while (this.#length + bytes > this.#memory.length) {
      const larger = new Uint8Array(this.#memory.length * 2);
      larger.set(this.#memory);
      this.#memory = larger;
    }
    const view = new DataView(this.#memory.buffer, this.#length, bytes);
    this.#length += bytes;
    return view;
  }

  bytes(data: Uint8Array): void {
    const { byteOffset } = this.#room(data.length);
    this.#memory.set(data, byteOffset);
  }
  u32(value: number): void {
    this.#room(4).setUint32(0, value, true);
  }
  u64(value: number): void {
    this.#room(8).setBigUint64(0, BigInt(value), true);
  }
  f32(value: number): void {
    this.#room(4).setFloat32(0, value, true);
  }
  text(value: string): void {
    const data = this.#encoder.encode(value);
    this.u64(data.length);
    this.bytes(data);
  }
  /** Key, type number, value. */
  field(key: string, value: Value): void {
    this.text(key);
    if ('u32' in value) {
      this.u32(4);
      this.u32(value.u32);
    } else if ('f32' in value) {
      this.u32(6);
      this.f32(value.f32);
    } else if ('bool' in value) {
      this.u32(7);
      this.bytes(Uint8Array.of(value.bool ? 1 : 0));
    } else if ('text' in value) {
      this.u32(8);
      this.text(value.text);
    } else if ('texts' in value) {
      this.#array(8, value.texts, (text) => this.text(text));
    } else if ('floats' in value) {
      this.#array(6, value.floats, (number) => this.f32(number));
    } else {
      this.#array(5, value.ints, (number) => this.#room(4).setInt32(0, number, true));
    }
  }
  #array<T>(type: number, items: readonly T[], write: (item: T) => void): void {
    this.u32(9);
    this.u32(type);
    this.u64(items.length);
    for (const item of items) write(item);
  }
  pad(alignment: number): void {
    this.bytes(new Uint8Array((alignment - (this.#length % alignment)) % alignment));
  }
  finish(): Uint8Array {
    return this.#memory.slice(0, this.#length);
  }
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function align(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}

async function writeWhole(
  file: string,
  write: (put: (data: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    const handle = await open(temporary, 'w');
    try {
      await write(async (data) => {
        let done = 0;
        while (done < data.length) done += (await handle.write(data, done)).bytesWritten;
      });
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new LmError('checkpoint-write-failed', `write: could not write ${file}: ${(cause as Error).message}`, {
      cause,
    });
  }
}
