/**
 * Adapters on disk as PEFT has them: `adapter_config.json` and `adapter_model.safetensors` with keys
 * `base_model.model.<module>.lora_A.weight` [r, in] and `.lora_B.weight` [out, r], f32; with DoRA also
 * `.lora_magnitude_vector` [out]; modules saved in full under `base_model.model.<weight>`. What PEFT can do and this
 * engine cannot (biases, adapted embeddings) is refused by name, never dropped. mlx-lm's and
 * AdapterHub's folders are read as well.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  type LanguageModel,
  type ModelConfig,
  readSafetensorsHeader,
  readTensorFloats,
  type TensorEntry,
  writeSafetensors,
} from '@tuiqiao/lm';
import { type Kernels, type Parameter, syncCompute } from '@tuiqiao/tensor';
import writeFileAtomic from 'write-file-atomic';
import { isBottleneckConfig, loadBottlenecks, saveBottlenecks } from '../bottleneck/bottleneck-files.ts';
import { TuneError } from '../errors.ts';
import { loadSoftPrompt, saveSoftPrompt, softPromptKind } from '../soft-prompt/soft-prompt-files.ts';
import { type Adapter, type AdapterConfig, attachDeltas, freezeAdapter, isLowRank } from './adapter.ts';
import { checkExperts } from './expert-modules.ts';
import { type StoredMatrix, type StoredModule, splitFusedExperts } from './fused-experts.ts';
import { isMlxFolder, loadMlxAdapter } from './mlx-files.ts';
import { fromPeftConfig, PEFT_VERSION, SCORE_MODULE, toPeftConfig } from './peft-config.ts';
import { selectSaved } from './saved-modules.ts';
import { patternValue } from './target-modules.ts';

const WEIGHTS_FILE = 'adapter_model.safetensors';
const CONFIG_FILE = 'adapter_config.json';
const KEY = /^base_model\.model\.(.+)\.(?:lora_([AB])\.weight|lora_(magnitude)_vector(?:\.weight)?)$/;
const SAVED_KEY = /^base_model\.model\.(.+)$/;
/** A sequence classifier's head, as PEFT stores it. */
const SCORE_KEY = `base_model.model.${SCORE_MODULE}.weight`;

/** The key of a matrix in the file. */
export function adapterKey(module: string, matrix: 'A' | 'B'): string {
  return `base_model.model.${module}.lora_${matrix}.weight`;
}

/** Writes both files into the folder, each atomically. @param options.scoreHead the head of a reward model */
export async function saveAdapter(
  kernels: Kernels,
  adapter: Adapter,
  folder: string,
  options: {
    readonly baseModelName?: string;
    readonly scoreHead?: Parameter;
    readonly modelConfig?: ModelConfig;
  } = {},
): Promise<void> {
  if (!isLowRank(adapter)) {
    if (options.modelConfig === undefined) {
      throw new TuneError('adapter-format', `saveAdapter: expected a modelConfig for ${adapter.name}, got none`);
    }
    const where = { baseModelName: options.baseModelName ?? null, config: options.modelConfig };
    return adapter.softPrompt === null
      ? saveBottlenecks(kernels, adapter, folder, where)
      : saveSoftPrompt(kernels, adapter, folder, { ...where, peftVersion: PEFT_VERSION });
  }
  const { scoreHead } = options;
  const headTensors: StoredTensor[] =
    scoreHead === undefined
      ? []
      : [{ name: SCORE_KEY, shape: scoreHead.shape, read: () => kernels.read(scoreHead.value) }];
  await writeSafetensors(
    path.join(folder, WEIGHTS_FILE),
    [...tensorsOf(kernels, adapter), ...headTensors].map(({ name, shape, read }) => ({
      name,
      dtype: 'F32' as const,
      shape,
      bytes: async () => {
        const values = await read();
        return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      },
    })),
  );
  const config: AdapterConfig = {
    ...storedConfig(adapter),
    taskType: scoreHead === undefined ? 'CAUSAL_LM' : 'SEQ_CLS',
  };
  const json = toPeftConfig(config, options.baseModelName ?? adapter.config.baseModelName);
  await writeFileAtomic(path.join(folder, CONFIG_FILE), `${JSON.stringify(json, null, 2)}\n`);
}

interface StoredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly read: () => Promise<Float32Array>;
}

function* tensorsOf(kernels: Kernels, adapter: Adapter): Generator<StoredTensor> {
  for (const [module, { a, b, magnitude }] of adapter.deltas) {
    const start = adapter.starts.get(module);
    const [r, I] = a.shape as readonly [number, number];
    const O = b.shape[0]!;
    // PiSSA's frozen start becomes part of the update: [A; A₀] and [B, −B₀], as PEFT converts it.
    const rank = start === undefined ? r : 2 * r;
    yield {
      name: adapterKey(module, 'A'),
      shape: [rank, I],
      read: async () =>
        start === undefined
          ? kernels.read(a.value)
          : joined(await kernels.read(a.value), await kernels.read(start.a.value)),
    };
    yield {
      name: adapterKey(module, 'B'),
      shape: [O, rank],
      read: async () => {
        const values = await kernels.read(b.value);
        if (start === undefined) return values;
        const first = await kernels.read(start.b.value);
        return Float32Array.from({ length: O * rank }, (_, i) => {
          const [o, k] = [Math.floor(i / rank), i % rank];
          return k < r ? values[o * r + k]! : -first[o * r + k - r]!;
        });
      },
    };
    if (magnitude) {
      yield {
        name: `base_model.model.${module}.lora_magnitude_vector`,
        shape: magnitude.shape,
        read: () => kernels.read(magnitude.value),
      };
    }
  }
  for (const [name, { own, parameter }] of adapter.saved) {
    // While it is on, the model's parameter holds the adapter's numbers, in training a newer buffer than noted.
    const value = parameter.requiresGrad ? parameter.value : own.value;
    yield { name: `base_model.model.${name}`, shape: parameter.shape, read: () => kernels.read(value) };
  }
}

function joined(first: Float32Array, second: Float32Array): Float32Array {
  const values = new Float32Array(first.length + second.length);
  values.set(first);
  values.set(second, first.length);
  return values;
}

/** The configuration of the file: PiSSA is stored as plain LoRA of twice the rank. */
function storedConfig({ config }: Adapter): AdapterConfig {
  if (config.initialization !== 'pissa') return config;
  const twice = (patterns: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(patterns).map(([pattern, value]) => [pattern, 2 * value]));
  const alphaFactor = config.useRslora ? Math.SQRT2 : 2;
  return {
    ...config,
    initialization: 'kaiming',
    rank: 2 * config.rank,
    alpha: alphaFactor * config.alpha,
    rankPattern: twice(config.rankPattern),
    alphaPattern: Object.fromEntries(
      Object.entries(config.alphaPattern).map(([pattern, value]) => [pattern, alphaFactor * value]),
    ),
  };
}

export interface LoadAdapterOptions {
  /** Name on this model. Default `default`. */
  readonly name?: string;
  /** Default false: frozen, for scoring and sampling. */
  readonly isTrainable?: boolean;
  /** Dropout while training; that of the file when absent. */
  readonly dropout?: number;
  /** Where the head of a reward model goes, [1, C]; absent: the adapter must be one of a language model. */
  readonly scoreHead?: Parameter;
}

/**
 * Puts a saved adapter on the model.
 * @throws TuneError `adapter-format` for files that are damaged or need what is not supported; `adapter-mismatch` naming
 *   every module and shape that does not fit this base; LmError `checkpoint-missing`
 */
export async function loadAdapter(
  model: LanguageModel,
  folder: string,
  options: LoadAdapterOptions = {},
): Promise<Adapter> {
  if (isMlxFolder(folder)) return loadMlxAdapter(model, folder, options);
  const json = await readAdapterJson(folder);
  const { name = 'default', isTrainable = false } = options;
  if (softPromptKind(json) !== null) return loadSoftPrompt(model, folder, json, { name, isTrainable });
  if (isBottleneckConfig(json)) return loadBottlenecks(model, folder, json, { name, isTrainable });
  const fileConfig = fromPeftConfig(path.join(folder, CONFIG_FILE), json);
  const statedConfig = options.dropout === undefined ? fileConfig : { ...fileConfig, dropout: options.dropout };
  checkTask(folder, statedConfig, options.scoreHead !== undefined);
  const file = path.join(folder, WEIGHTS_FILE);
  const tensors = new Map((await readSafetensorsHeader(file)).tensors);
  const scoreEntry = tensors.get(SCORE_KEY);
  if (options.scoreHead !== undefined) tensors.delete(SCORE_KEY);
  const { saved, ...found } = modulesOf(file, tensors, statedConfig);
  const { modules, config } = splitFusedExperts(model, { modules: found.modules, config: statedConfig });
  checkShapes(model, file, config, modules, saved);
  checkHeadShape(file, options.scoreHead, scoreEntry);
  const ranks = new Map<string, number>();
  for (const module of model.linears.keys()) {
    const entries = modules.get(module);
    if (entries !== undefined) ranks.set(module, entries.A.shape[0]!);
  }
  checkExperts(model, config, ranks, isTrainable);
  const adapter = attachDeltas(model, name, config, ranks);
  const fill = async (parameter: Parameter, { read }: StoredMatrix): Promise<void> => {
    model.kernels.write(parameter.value, await read());
    syncCompute(model.kernels, parameter);
  };
  for (const [module, { a, b, magnitude }] of adapter.deltas) {
    const entries = modules.get(module)!;
    await fill(a, entries.A);
    await fill(b, entries.B);
    if (magnitude) await fill(magnitude, entries.magnitude!);
  }
  for (const [name, { parameter }] of adapter.saved) await fill(parameter, storedMatrix(saved.get(name)!));
  if (options.scoreHead !== undefined) await fill(options.scoreHead, storedMatrix(scoreEntry!));
  if (!isTrainable) freezeAdapter(adapter);
  return adapter;
}

/** A reward model's adapter writes no poems, and a language model's has no score. */
function checkTask(folder: string, { taskType }: AdapterConfig, isRewardModel: boolean): void {
  if ((taskType === 'SEQ_CLS') === isRewardModel) return;
  const [expected, got] = isRewardModel
    ? ['a reward model (task_type SEQ_CLS)', 'the adapter of a language model']
    : ['the adapter of a language model', 'a reward model (task_type SEQ_CLS)'];
  throw new TuneError('adapter-format', `${folder}: expected ${expected}, got ${got}`, {
    hint: isRewardModel
      ? 'train one with stage rm'
      : 'a reward model judges: name it as rm:FOLDER among the rewards of grpo or as the score of write',
  });
}

function checkHeadShape(file: string, head: Parameter | undefined, entry: TensorEntry | undefined): void {
  if (head === undefined || entry?.shape.join() === head.shape.join()) return;
  const got = entry === undefined ? 'none' : `[${entry.shape.join(', ')}]`;
  throw new TuneError('adapter-format', `${file}: expected ${SCORE_KEY} [${head.shape.join(', ')}], got ${got}`);
}

/** @throws TuneError `adapter-format` */
export async function readAdapterConfig(folder: string): Promise<AdapterConfig> {
  return fromPeftConfig(path.join(folder, CONFIG_FILE), await readAdapterJson(folder));
}

async function readAdapterJson(folder: string): Promise<Record<string, unknown>> {
  const file = path.join(folder, CONFIG_FILE);
  try {
    const json: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  } catch (cause) {
    throw new TuneError('adapter-format', `${file}: expected a readable JSON file`, { cause });
  }
  throw new TuneError('adapter-format', `${file}: expected a JSON object`);
}

function storedMatrix(entry: TensorEntry): StoredMatrix {
  return { shape: entry.shape, read: () => readTensorFloats(entry) };
}

/** Low-rank tensors by module, and those saved in full by weight name. */
function modulesOf(
  file: string,
  tensors: ReadonlyMap<string, TensorEntry>,
  config: AdapterConfig,
): { modules: Map<string, StoredModule>; saved: Map<string, TensorEntry> } {
  const found = new Map<string, { A?: StoredMatrix; B?: StoredMatrix; magnitude?: StoredMatrix }>();
  const saved = new Map<string, TensorEntry>();
  const foreign: string[] = [];
  for (const [key, entry] of tensors) {
    const match = KEY.exec(key);
    if (match === null) {
      const name = SAVED_KEY.exec(key)?.[1];
      const module = name?.replace(/\.(?:weight|bias)$/u, '');
      if (config.modulesToSave.some((each) => module?.endsWith(each))) saved.set(name!, entry);
      else foreign.push(key);
      continue;
    }
    const module = found.get(match[1]!) ?? {};
    module[(match[2] ?? match[3]) as 'A' | 'B' | 'magnitude'] = storedMatrix(entry);
    found.set(match[1]!, module);
  }
  if (foreign.length > 0) {
    throw new TuneError(
      'adapter-format',
      `${file}: expected lora_A and lora_B tensors and those of modules_to_save, got ${foreign.join(', ')}`,
      { hint: 'adapted embeddings and other kinds of adapter are not supported; merge the adapter with PEFT first' },
    );
  }
  const complete = new Map<string, StoredModule>();
  for (const [module, { A, B, magnitude }] of found) {
    if (A === undefined || B === undefined) {
      throw new TuneError('adapter-format', `${file}: expected lora_A and lora_B of ${module}, got one of them`);
    }
    if (config.useDora !== (magnitude !== undefined)) {
      const [expected, got] = config.useDora ? ['a magnitude', 'none'] : ['no magnitude', 'one'];
      throw new TuneError(
        'adapter-format',
        `${file}: expected ${expected} for ${module} (use_dora: ${config.useDora}), got ${got}`,
      );
    }
    complete.set(module, { A, B, magnitude });
  }
  if (complete.size === 0) throw new TuneError('adapter-format', `${file}: expected LoRA tensors, got none`);
  return { modules: complete, saved };
}

function checkShapes(
  model: LanguageModel,
  file: string,
  config: AdapterConfig,
  modules: ReadonlyMap<string, StoredModule>,
  saved: ReadonlyMap<string, TensorEntry>,
): void {
  const problems: string[] = [];
  for (const name of selectSaved(model, config.modulesToSave)) {
    const shape = model.parameters.get(name)!.shape.join(', ');
    const got = saved.get(name)?.shape.join(', ');
    if (got !== shape) problems.push(`${name}: expected [${shape}], got ${got === undefined ? 'none' : `[${got}]`}`);
  }
  for (const [module, { A, B, magnitude }] of modules) {
    const layer = model.linears.get(module);
    const rank = patternValue(config.rankPattern, module, config.rank);
    if (layer === undefined) {
      problems.push(`the model has no ${module}`);
      continue;
    }
    for (const [name, entry, shape] of [
      ['lora_A', A, [rank, layer.inFeatures]],
      ['lora_B', B, [layer.outFeatures, rank]],
      ...(magnitude === undefined ? [] : ([['lora_magnitude_vector', magnitude, [layer.outFeatures]]] as const)),
    ] as const) {
      if (entry.shape.join() !== shape.join()) {
        problems.push(`${module}.${name}: expected [${shape.join(', ')}], got [${entry.shape.join(', ')}]`);
      }
    }
  }
  if (problems.length === 0) return;
  const base = config.baseModelName === null ? '' : ` (it was trained on ${config.baseModelName})`;
  const shown = problems.slice(0, 4).join('; ') + (problems.length > 4 ? `; … (${problems.length} in all)` : '');
  throw new TuneError(
    'adapter-mismatch',
    `${file}: expected an adapter for this base model, got one for another${base}: ${shown}`,
  );
}
