/**
 * Models from and to folders, and new ones. A folder holds `config.json` and safetensors, as Hugging Face has them.
 */
import path from 'node:path';
import {
  allocateFourBit,
  blockMaxima,
  createParameter,
  createRandom,
  type DeviceBuffer,
  type DType,
  type FloatType,
  type FourBitType,
  fitsEightBit,
  initNormal,
  type Kernels,
  type Parameter,
  parameterLength,
  quantizeFourBit,
  setEightBit,
  setQuantized,
  syncCompute,
  uploadFourBit,
} from '@tuiqiao/tensor';
import { parseConfig, writeConfig } from './checkpoint/config-json.ts';
import { holdsNumbers, requireFiniteWeights } from './checkpoint/finite-weights.ts';
import { floatsToBf16 } from './checkpoint/number-formats.ts';
import { openModel } from './checkpoint/open-model.ts';
import type { TensorToWrite } from './checkpoint/safetensors.ts';
import {
  isFloatType,
  loadWeight,
  readFloats,
  type WeightSource,
  type WeightSources,
} from './checkpoint/weight-source.ts';
import { writeCheckpoint } from './checkpoint/write-checkpoint.ts';
import type { ModelConfig } from './config.ts';
import { LmError } from './errors.ts';
import { Decoder } from './families/decoder.ts';
import { type WeightSpec, weightSpecs } from './families/weights.ts';
import type { LanguageModel } from './language-model.ts';

/** Smaller checkpoints are copied: q, k, v and gate, up can then be multiplied in one product, and loading takes no time. */
const LEAST_MAPPED_BYTES = 2 ** 28;

/** Type of matrix operands. `auto`: bf16 where the processor multiplies it faster than f32. */
export type ComputeType = FloatType | 'auto';

export type Quantization = { readonly type: FourBitType; readonly doubleQuant: boolean } | { readonly type: 'q8_0' };

export interface LoadOptions {
  readonly kernels: Kernels;
  /** `auto` by default. */
  readonly computeType?: ComputeType;
  /** Keeps an f32 master and a gradient of every weight (full training). Default false: frozen. */
  readonly trainable?: boolean;
  /** Leaves frozen bf16 weights in their file, mapped into memory. Default: where they take 256 MB or more. */
  readonly mapsWeights?: boolean;
  /**
   * Keeps the linear layers of a frozen model in 4 bits (QLoRA), quantised one by one as they are read: the floats of all
   * of them are never in memory. 4-bit codes of that type in the file are taken as they are. `q8_0`, for sampling: products
   * of the linear layers and the output head run over 8-bit blocks as llama.cpp's, those of a Q8_0 file being kept.
   */
  readonly quantization?: Quantization | undefined;
  /** False leaves the weights as they were allocated: for kernels that only keep account. Default true. */
  readonly readsWeights?: boolean;
  /** Only so many of the first layers: enough to measure how fast the others will be. Default all. */
  readonly layers?: number | undefined;
}

/**
 * Loads a model folder (safetensors, bitsandbytes 4-bit) or a GGUF file. Frozen weights keep the checkpoint's precision:
 * bf16 stays bf16, without a second copy, where bf16 is what is computed with; of a large safetensors checkpoint it
 * stays in the file, mapped. Quantised weights are dequantised, unless `quantization` asks for them.
 * @throws LmError `checkpoint-missing`, `checkpoint-malformed` (also for weights that are not numbers; for mapped ones
 *   when they are first used, see `LanguageModel.requireFiniteWeights`), `config-malformed`, `model-type-unknown`, `model-feature-unsupported`; `checkpoint-mismatch` naming every missing,
 *   unexpected or misshapen tensor
 */
export async function loadLanguageModel(folder: string, options: LoadOptions): Promise<LanguageModel> {
  const { config: whole, weights } = await openModel(folder);
  checkWeights(folder, whole, weights, weightSpecs(whole));
  const { kernels, trainable = false, readsWeights = true, layers = whole.layers } = options;
  const config = { ...whole, layers: Math.min(layers, whole.layers) };
  const specs = weightSpecs(config);
  const computeType = resolveComputeType(options.computeType, kernels);
  const parameters = new Map<string, Parameter>();
  const mapsWeights = options.mapsWeights ?? bf16Bytes(weightSpecs(whole)) >= LEAST_MAPPED_BYTES;
  const quantization = trainable ? undefined : options.quantization;
  const quantized = new Set(
    quantization === undefined ? [] : specs.filter((spec) => isQuantised(spec, quantization)).map(({ name }) => name),
  );
  for (const { name, shape } of specs) {
    const isMatrix = shape.length > 1;
    const source = weights.get(name)!;
    if (quantized.has(name)) {
      const mapped = kernels.allocate(computeType, 0);
      parameters.set(name, createParameter(kernels, name, shape, { type: computeType, computeType, mapped }));
      continue;
    }
    const isBf16 = !trainable && computeType === 'bf16' && isMatrix && source.bf16Bits !== null;
    const type = isBf16 ? 'bf16' : 'f32';
    const { place = null } = source;
    const mapped =
      isBf16 && mapsWeights && place !== null
        ? kernels.mapFile(type, place.file, place.offset, parameterLength(shape))
        : null;
    parameters.set(name, createParameter(kernels, name, shape, { type, requiresGrad: trainable, computeType, mapped }));
  }
  // Mapped weights are read when they are used: what the model makes of them is looked at instead.
  const model = new Decoder(config, kernels, parameters, computeType, path.basename(folder));
  // 8-bit blocks are for sampling; only what is trained on is counted.
  if (!readsWeights && quantization?.type !== 'q8_0') {
    for (const name of quantized) {
      const parameter = parameters.get(name)!;
      setQuantized(kernels, parameter, allocateFourBit(kernels, parameter.shape, quantization!));
    }
    return model;
  }
  for (const [name, parameter] of parameters) {
    if (quantized.has(name)) await quantizeWeight(kernels, parameter, weights.get(name)!, quantization!);
    if (parameter.isMapped === true) continue;
    await loadWeight(kernels, parameter, weights.get(name)!);
    syncCompute(kernels, parameter);
  }
  if (quantization?.type === 'q8_0') quantizeHead(config, kernels, parameters);
  const read = [...parameters.values()].filter(({ isMapped }) => isMapped !== true);
  await requireFiniteWeights(path.basename(folder), kernels, read);
  return model;
}

function isQuantised({ isLinear, shape }: WeightSpec, { type }: Quantization): boolean {
  return isLinear === true && (type !== 'q8_0' || fitsEightBit({ shape }));
}

/** The head's rows stay in floats as well: they are the embedding's, or give exact log-probabilities. */
function quantizeHead(config: ModelConfig, kernels: Kernels, parameters: ReadonlyMap<string, Parameter>): void {
  const { names } = config.architecture;
  const head = parameters.get(`${config.tieWordEmbeddings ? names.embedding : names.head}.weight`)!;
  if (fitsEightBit(head)) setEightBit(kernels, head, head.compute, { keepsValue: true });
}

/**
 * A weight that is about to be quantised, where it lies if it can be mapped.
 * @throws LmError `checkpoint-malformed` for weights that are not numbers: their codes would hide it
 */
async function valuesToQuantize(kernels: Kernels, { shape }: Parameter, source: WeightSource): Promise<DeviceBuffer> {
  const length = parameterLength(shape);
  const { place = null } = source;
  let weight =
    source.bf16Bits !== null && place !== null ? kernels.mapFile('bf16', place.file, place.offset, length) : null;
  if (weight === null) {
    weight = kernels.allocate('f32', length);
    kernels.write(weight, await readFloats(source));
  }
  if (await holdsNumbers(kernels, weight)) return weight;
  throw new LmError(
    'checkpoint-malformed',
    `loadLanguageModel: expected finite weights, got NaN or infinity in ${source.name}`,
  );
}

/** @throws as `valuesToQuantize` */
async function quantizeWeight(
  kernels: Kernels,
  parameter: Parameter,
  source: WeightSource,
  quantization: Quantization,
): Promise<void> {
  if (quantization.type === 'q8_0') {
    const values = await valuesToQuantize(kernels, parameter, source);
    setEightBit(kernels, parameter, values, { keepsValue: false });
    return;
  }
  const { type, doubleQuant } = quantization;
  const stored = (await source.fourBit?.()) ?? null;
  const isAsWanted = stored !== null && stored.type === type && doubleQuant !== stored.maxima instanceof Float32Array;
  if (isAsWanted && blockMaxima(stored).every(Number.isFinite)) {
    setQuantized(kernels, parameter, uploadFourBit(kernels, stored));
    return;
  }
  const values = await valuesToQuantize(kernels, parameter, source);
  setQuantized(
    kernels,
    parameter,
    uploadFourBit(kernels, await quantizeFourBit(kernels, values, { type, doubleQuant })),
  );
}

/**
 * A new model: matrices from a normal distribution with standard deviation `initializer_range` (0.02 by default), norms
 * one, biases zero, as transformers does. Each weight draws from its own stream of the seed.
 * @param config a normalised config, or the contents of a `config.json`
 */
export function createLanguageModel(
  config: ModelConfig | Readonly<Record<string, unknown>>,
  options: LoadOptions & { readonly seed: number },
): LanguageModel {
  const normalised = 'raw' in config ? (config as ModelConfig) : parseConfig(config);
  const { kernels, seed, trainable = true } = options;
  const computeType = resolveComputeType(options.computeType, kernels);
  const std = typeof normalised.raw.initializer_range === 'number' ? normalised.raw.initializer_range : 0.02;
  const random = createRandom(seed);
  const parameters = new Map<string, Parameter>();
  for (const spec of weightSpecs(normalised)) {
    const parameter = createParameter(kernels, spec.name, spec.shape, {
      type: 'f32',
      requiresGrad: trainable,
      computeType,
    });
    if (spec.initial === 'normal') initNormal(kernels, parameter, random.fork(spec.name), std);
    else kernels.fill(parameter.value, spec.initial === 'ones' ? 1 : 0);
    syncCompute(kernels, parameter);
    parameters.set(spec.name, parameter);
  }
  return new Decoder(normalised, kernels, parameters, computeType);
}

export interface SaveOptions {
  /** Type on disk. Default: each weight's own. */
  readonly dtype?: FloatType;
  /** Larger checkpoints are split into shards of at most this many bytes. Default 5 GB, as transformers does. */
  readonly maxShardBytes?: number;
}

/**
 * Writes `config.json` and safetensors. The weights are those of the model without adapters.
 * @throws LmError `checkpoint-write-failed`, `model-trimmed`
 */
export async function saveLanguageModel(
  model: LanguageModel,
  folder: string,
  options: SaveOptions = {},
): Promise<void> {
  const { kernels } = model;
  if (model.keptTokens !== null) {
    throw new LmError('model-trimmed', 'saveLanguageModel: expected a whole model, got one with a trimmed vocabulary');
  }
  const tensors: TensorToWrite[] = [...model.parameters.values()].map((parameter) => {
    const isBf16 = (options.dtype ?? parameter.value.dtype) === 'bf16';
    return {
      name: parameter.name,
      dtype: isBf16 ? 'BF16' : 'F32',
      shape: parameter.shape,
      bytes: () => bytesOf(kernels, parameter, isBf16 ? 'bf16' : 'f32'),
    };
  });
  await writeCheckpoint(folder, tensors, options.maxShardBytes);
  const hasF32 = tensors.some((tensor) => tensor.dtype === 'F32' && tensor.shape.length > 1);
  const key = 'dtype' in model.config.raw ? 'dtype' : 'torch_dtype';
  await writeConfig(folder, model.config, { [key]: hasF32 ? 'float32' : 'bfloat16' });
}

async function bytesOf(kernels: Kernels, parameter: Parameter, type: DType): Promise<Uint8Array> {
  if (parameter.value.dtype === type) return kernels.readBytes(parameter.value);
  const values = await kernels.read(parameter.value);
  const numbers = type === 'bf16' ? floatsToBf16(values) : values;
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

function resolveComputeType(wanted: ComputeType | undefined, kernels: Kernels): FloatType {
  if (wanted === 'f32' || wanted === 'bf16') return wanted;
  return kernels.features.hasFastBf16 ? 'bf16' : 'f32';
}

function bf16Bytes(specs: readonly WeightSpec[]): number {
  return specs.reduce((sum, { shape }) => sum + 2 * parameterLength(shape), 0);
}

/** Compares names, shapes and types with what the config asks for, and reports every difference at once. */
function checkWeights(folder: string, config: ModelConfig, weights: WeightSources, specs: readonly WeightSpec[]): void {
  const problems: string[] = [];
  const expected = new Set(specs.map((spec) => spec.name));
  for (const { name, shape } of specs) {
    const source = weights.get(name);
    if (source === undefined) problems.push(`missing ${name} [${shape.join(', ')}]`);
    else if (source.shape.length !== shape.length || source.shape.some((size, i) => size !== shape[i])) {
      problems.push(`${name}: expected [${shape.join(', ')}], got [${source.shape.join(', ')}]`);
    } else if (!isFloatType(source.dtype)) {
      problems.push(`${name}: expected a float type, got ${source.dtype}`);
    }
  }
  for (const name of weights.keys()) {
    if (!expected.has(name) && !isHarmless(name, config)) problems.push(`unexpected ${name}`);
  }
  if (problems.length === 0) return;
  throw new LmError(
    'checkpoint-mismatch',
    `loadLanguageModel: expected the tensors of ${config.modelType} in ${path.basename(folder)}, got ${problems.length} differences: ${problems.join('; ')}`,
  );
}

/** Tensors older tools save though they are derived: a copy of a tied head, the rotary frequencies. */
function isHarmless(name: string, config: ModelConfig): boolean {
  const isTiedHead = config.tieWordEmbeddings && name === `${config.architecture.names.head}.weight`;
  return isTiedHead || /\.rotary_(pos_)?emb\.inv_freq$/.test(name);
}
