// A model folder of Qwen3's architecture with random bf16 weights: speed and memory do not depend on what the weights
// are, as long as activations stay finite. What is random follows from the seed.
//
//   node tools/peers/random-model.mjs FOLDER [--size 0.6B|1.7B|4B] [--seed N]
import { closeSync, mkdirSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** As the published models' `config.json` have them. */
export const SIZES = {
  '0.6B': { hidden: 1024, layers: 28, heads: 16, intermediate: 3072 },
  '1.7B': { hidden: 2048, layers: 28, heads: 16, intermediate: 6144 },
  '4B': { hidden: 2560, layers: 36, heads: 32, intermediate: 9728 },
};
const HEAD_DIM = 128;
const KEY_VALUE_HEADS = 8;
const VOCABULARY = 151936;
/** Standard deviation of the weights. */
const DEVIATION = 0.02;
const CHUNK_NUMBERS = 1 << 20;

export function configOf({ hidden, layers, heads, intermediate }) {
  return {
    architectures: ['Qwen3ForCausalLM'],
    model_type: 'qwen3',
    vocab_size: VOCABULARY,
    hidden_size: hidden,
    intermediate_size: intermediate,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: KEY_VALUE_HEADS,
    head_dim: HEAD_DIM,
    hidden_act: 'silu',
    rms_norm_eps: 1e-6,
    rope_theta: 1e6,
    max_position_embeddings: 40960,
    attention_bias: false,
    tie_word_embeddings: true,
    bos_token_id: 151643,
    eos_token_id: 151645,
    torch_dtype: 'bfloat16',
  };
}

/** Every tensor as `[name, shape, deviation]`; 0 for norms, which are 1. */
function tensorsOf({ hidden, layers, heads, intermediate }) {
  // What writes into the residual stream is smaller, so that the stream stays of order 1.
  const small = DEVIATION / Math.sqrt(2 * layers);
  const tensors = [
    ['model.embed_tokens.weight', [VOCABULARY, hidden], DEVIATION],
    ['model.norm.weight', [hidden], 0],
  ];
  for (let layer = 0; layer < layers; layer++) {
    const add = (name, shape, deviation) =>
      tensors.push([`model.layers.${layer}.${name}.weight`, shape, shape.length === 1 ? 0 : deviation]);
    add('input_layernorm', [hidden]);
    add('post_attention_layernorm', [hidden]);
    add('self_attn.q_proj', [heads * HEAD_DIM, hidden], DEVIATION);
    add('self_attn.k_proj', [KEY_VALUE_HEADS * HEAD_DIM, hidden], DEVIATION);
    add('self_attn.v_proj', [KEY_VALUE_HEADS * HEAD_DIM, hidden], DEVIATION);
    add('self_attn.o_proj', [hidden, heads * HEAD_DIM], small);
    add('self_attn.q_norm', [HEAD_DIM]);
    add('self_attn.k_norm', [HEAD_DIM]);
    add('mlp.gate_proj', [intermediate, hidden], DEVIATION);
    add('mlp.up_proj', [intermediate, hidden], DEVIATION);
    add('mlp.down_proj', [hidden, intermediate], small);
  }
  return tensors;
}

const lengthOf = (shape) => shape.reduce((product, size) => product * size, 1);

/** Writes `config.json` and `model.safetensors`; nothing half-written is left under these names. */
export function writeRandomModel(folder, { size = '0.6B', seed = 0 } = {}) {
  const geometry = SIZES[size];
  mkdirSync(folder, { recursive: true });
  const tensors = tensorsOf(geometry);
  const header = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const [name, shape] of tensors) {
    const bytes = 2 * lengthOf(shape);
    header[name] = { dtype: 'BF16', shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const text = JSON.stringify(header);
  const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const target = path.join(folder, 'model.safetensors');
  const file = openSync(`${target}.part`, 'w');
  writeSync(file, length);
  writeSync(file, padded);
  const next = uniformBits(seed);
  for (const [, shape, deviation] of tensors) writeNumbers(file, lengthOf(shape), deviation, next);
  closeSync(file);
  writeFileSync(path.join(folder, 'config.json'), `${JSON.stringify(configOf(geometry), null, 2)}\n`);
  renameSync(`${target}.part`, target);
}

/** A xorshift generator of 32 bits. */
function uniformBits(seed) {
  let state = (seed ^ 0x9e3779b9) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state;
  };
}

function writeNumbers(file, count, deviation, next) {
  const floats = new Float32Array(Math.min(count, CHUNK_NUMBERS)).fill(1);
  const bits = new Uint32Array(floats.buffer);
  const halves = new Uint16Array(floats.length);
  // Uniform numbers of that deviation.
  const scale = (deviation * Math.sqrt(3)) / 2 ** 31;
  for (let written = 0; written < count; written += halves.length) {
    const part = Math.min(halves.length, count - written);
    if (deviation > 0) for (let i = 0; i < part; i++) floats[i] = next() * scale;
    for (let i = 0; i < part; i++) halves[i] = bits[i] >>> 16;
    writeSync(file, new Uint8Array(halves.buffer, 0, 2 * part));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { size: { type: 'string', default: '0.6B' }, seed: { type: 'string', default: '0' } },
  });
  if (positionals.length !== 1 || SIZES[values.size] === undefined) {
    process.stderr.write(`random-model: expected FOLDER and --size ${Object.keys(SIZES).join('|')}\n`);
    process.exit(2);
  }
  writeRandomModel(positionals[0], { size: values.size, seed: Number(values.seed) });
}
