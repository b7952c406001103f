/**
 * `config.json` in both styles found in the wild (`rope_theta`/`rope_scaling`/`torch_dtype`, and transformers 5's
 * `rope_parameters`/`dtype`), normalised to `ModelConfig`. What is not understood and would change the arithmetic is
 * refused by name; everything else is kept in `raw` and written back as it came.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { ModelConfig, RopeScaling } from '../config.ts';
import { LmError } from '../errors.ts';
import { describeFamily, type KnownModelType, knownModelTypes, translateConfig } from '../families/families.ts';
import { readRopeScaling } from '../families/rope.ts';
import { writeTextFile } from './write-text-file.ts';

const CONFIG_FILE = 'config.json';
/** Sizes beyond these are damage, not models; they bound allocations made from a file we did not write. */
const MAX_SIZE = 1 << 24;
const MAX_LAYERS = 1024;

type Json = Readonly<Record<string, unknown>>;

/** @throws LmError `checkpoint-missing`, `config-malformed`, `model-type-unknown`, `model-feature-unsupported` */
export async function readConfig(folder: string): Promise<ModelConfig> {
  const file = path.join(folder, CONFIG_FILE);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new LmError('checkpoint-missing', `readConfig: expected ${CONFIG_FILE} in ${folder}`, { cause });
  }
  try {
    return parseConfig(JSON.parse(text) as unknown);
  } catch (cause) {
    if (cause instanceof LmError) throw cause;
    throw new LmError('config-malformed', `${file}: expected JSON, got ${(cause as Error).message}`, { cause });
  }
}

/** Writes `raw` (with `changes` over it), atomically. */
export async function writeConfig(folder: string, config: ModelConfig, changes: Json = {}): Promise<void> {
  await writeTextFile(path.join(folder, CONFIG_FILE), `${JSON.stringify({ ...config.raw, ...changes }, null, 2)}\n`);
}

/** Normalises a parsed `config.json`. Defaults are those of transformers for the model type. */
export function parseConfig(json: unknown): ModelConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new LmError('config-malformed', `config.json: expected an object, got ${JSON.stringify(json)}`);
  }
  const original = json as Json;
  const modelType = requireKnownType(original.model_type);
  const raw = translateConfig(modelType, original);
  requireSupported(raw, modelType);
  const heads = size(raw, 'num_attention_heads', MAX_SIZE);
  const hiddenSize = size(raw, 'hidden_size', MAX_SIZE);
  const kvHeads = size(raw, 'num_key_value_heads', MAX_SIZE, heads);
  if (heads % kvHeads !== 0) {
    throw new LmError(
      'config-malformed',
      `config.json: expected num_attention_heads a multiple of num_key_value_heads, got ${heads} and ${kvHeads}`,
    );
  }
  const layers = size(raw, 'num_hidden_layers', MAX_LAYERS);
  const geometry = { hiddenSize, heads, kvHeads, layers, headDim: headDim(raw, modelType, hiddenSize, heads) };
  const rope = (raw.rope_parameters ?? {}) as Json;
  const positions = size(raw, 'max_position_embeddings', Number.MAX_SAFE_INTEGER, 2048);
  const ropeScaling = readRopeScaling(
    (raw.rope_parameters ?? raw.rope_scaling ?? null) as Json | null,
    positions,
    raw.original_max_position_embeddings,
  );
  const architecture = describeFamily(modelType, original, geometry);
  requireFittingRope(architecture.rotaryDim, ropeScaling);
  return {
    modelType,
    vocabSize: size(raw, 'vocab_size', MAX_SIZE),
    intermediateSize: size(raw, 'intermediate_size', MAX_SIZE),
    ...geometry,
    rmsNormEpsilon: positive(raw.rms_norm_eps ?? defaultEpsilon(modelType), 'rms_norm_eps'),
    ropeTheta: positive(rope.rope_theta ?? raw.rope_theta ?? 10_000, 'rope_theta'),
    ropeScaling,
    maxPositions: stretchedPositions(positions, ropeScaling),
    tieWordEmbeddings: raw.tie_word_embeddings === true,
    bosTokenId: tokenId(raw.bos_token_id),
    eosTokenIds: [raw.eos_token_id]
      .flat()
      .map(tokenId)
      .filter((id) => id !== null),
    padTokenId: tokenId(raw.pad_token_id),
    architecture,
    raw: original,
  };
}

/** Pairs are turned, each by a factor of its own where the config lists them. */
function requireFittingRope(rotaryDim: number, scaling: RopeScaling | null): void {
  const pairs = rotaryDim / 2;
  if (!Number.isInteger(pairs)) {
    throw new LmError('config-malformed', `config.json: expected an even number of rotated elements, got ${rotaryDim}`);
  }
  if (scaling?.type !== 'longrope') return;
  for (const { length } of [scaling.shortFactors, scaling.longFactors]) {
    if (length === pairs) continue;
    throw new LmError('config-malformed', `config.json: expected ${pairs} factors in rope_scaling, got ${length}`);
  }
}

/** As transformers has it where a config leaves it out. */
function defaultEpsilon(modelType: KnownModelType): number {
  switch (modelType) {
    case 'phi3':
    case 'olmo2':
    case 'chatglm':
      return 1e-5;
    case 'glm':
    case 'glm4':
      return 1.5625e-7;
    default:
      return 1e-6;
  }
}

/** A config states the length trained on, or the stretched one: the longer counts. */
function stretchedPositions(positions: number, scaling: RopeScaling | null): number {
  if (scaling?.type !== 'dynamic' && scaling?.type !== 'yarn') return positions;
  return Math.max(positions, Math.ceil(scaling.originalMaxPositions * scaling.factor));
}

function requireKnownType(value: unknown): KnownModelType {
  if (knownModelTypes.includes(value as KnownModelType)) return value as KnownModelType;
  const nearest = typeof value === 'string' ? nearestName(value, knownModelTypes) : undefined;
  throw new LmError(
    'model-type-unknown',
    `config.json: expected model_type to be one of ${knownModelTypes.join(', ')}, got ${JSON.stringify(value)}`,
    nearest === undefined ? {} : { hint: `The nearest known type is ${nearest}.` },
  );
}

/** Settings that change the arithmetic in ways the decoder here does not follow. */
function requireSupported(raw: Json, modelType: KnownModelType): void {
  const activation = raw.hidden_act ?? 'silu';
  const expected = modelType.startsWith('gemma') ? ['gelu_pytorch_tanh', 'gelu_tanh', 'gelu'] : ['silu', 'swish'];
  if (!expected.includes(activation as string)) throw unsupported('hidden_act', activation, expected.join(' or '));
  const quantization = (raw.quantization_config ?? null) as Json | null;
  const isFourBit = quantization?.quant_method === 'bitsandbytes' && quantization.load_in_4bit === true;
  if (quantization !== null && !isFourBit) {
    throw unsupported(
      'quantization_config',
      quantization.quant_method,
      'absent, or 4-bit bitsandbytes; other checkpoints in bf16, f16, f32 or GGUF',
    );
  }
}

function headDim(raw: Json, modelType: KnownModelType, hiddenSize: number, heads: number): number {
  // Qwen3's own default is 128 whatever the hidden size; the others divide.
  const fallback = modelType === 'qwen3' ? 128 : hiddenSize / heads;
  const value = raw.head_dim ?? fallback;
  if (!Number.isSafeInteger(value) || (value as number) < 2 || (value as number) % 2 !== 0) {
    throw new LmError('config-malformed', `config.json: expected an even head_dim, got ${JSON.stringify(value)}`);
  }
  return value as number;
}

function size(raw: Json, key: string, max: number, fallback?: number): number {
  const value = raw[key] ?? fallback;
  if (!Number.isSafeInteger(value) || (value as number) < 1 || (value as number) > max) {
    throw new LmError(
      'config-malformed',
      `config.json: expected ${key} from 1 to ${max}, got ${JSON.stringify(value)}`,
    );
  }
  return value as number;
}

function positive(value: unknown, key: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  throw new LmError('config-malformed', `config.json: expected ${key} > 0, got ${JSON.stringify(value)}`);
}

function tokenId(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
}

function unsupported(key: string, got: unknown, expected: string): LmError {
  return new LmError(
    'model-feature-unsupported',
    `config.json: expected ${key} to be ${expected}, got ${JSON.stringify(got)}`,
  );
}

/** The candidate with the smallest edit distance, unless it is as far as the name is long. */
function nearestName(name: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance < name.length ? best.candidate : undefined;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(previous[j]! + 1, current[j - 1]! + 1, substitution));
    }
    previous = current;
  }
  return previous[b.length]!;
}
