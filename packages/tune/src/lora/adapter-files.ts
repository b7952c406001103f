/**
 * Adapters on disk as PEFT has them: `adapter_config.json` and `adapter_model.safetensors` with keys
 * `base_model.model.<module>.lora_A.weight` [r, in] and `.lora_B.weight` [out, r], f32. What PEFT can do and this
 * engine cannot (DoRA, modules_to_save, biases) is refused by name, never dropped.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  type LanguageModel,
  readSafetensorsHeader,
  readTensorFloats,
  type TensorEntry,
  writeSafetensors,
} from '@tuiqiao/lm';
import { type Kernels, syncCompute } from '@tuiqiao/tensor';
import writeFileAtomic from 'write-file-atomic';
import { TuneError } from '../errors.ts';
import { type Adapter, type AdapterConfig, attachDeltas, freezeAdapter } from './adapter.ts';
import { patternValue } from './target-modules.ts';

const WEIGHTS_FILE = 'adapter_model.safetensors';
const CONFIG_FILE = 'adapter_config.json';
const KEY = /^base_model\.model\.(.+)\.lora_([AB])\.weight$/;
/** The PEFT release whose files this writes; readers only use it for messages. */
const PEFT_VERSION = '0.21.2';

/** The key of a matrix in the file. */
export function adapterKey(module: string, matrix: 'A' | 'B'): string {
  return `base_model.model.${module}.lora_${matrix}.weight`;
}

/** Writes both files into the folder, each atomically. */
export async function saveAdapter(
  kernels: Kernels,
  adapter: Adapter,
  folder: string,
  options: { readonly baseModelName?: string } = {},
): Promise<void> {
  await writeSafetensors(
    path.join(folder, WEIGHTS_FILE),
    [...adapter.deltas].flatMap(([module, { a, b }]) =>
      [a, b].map((parameter) => ({
        name: adapterKey(module, parameter === a ? 'A' : 'B'),
        dtype: 'F32' as const,
        shape: parameter.shape,
        bytes: () => kernels.readBytes(parameter.value),
      })),
    ),
  );
  const json = toPeftConfig(adapter.config, options.baseModelName ?? adapter.config.baseModelName);
  await writeFileAtomic(path.join(folder, CONFIG_FILE), `${JSON.stringify(json, null, 2)}\n`);
}

export interface LoadAdapterOptions {
  /** Name on this model. Default `default`. */
  readonly name?: string;
  /** Default false: frozen, for scoring and sampling. */
  readonly isTrainable?: boolean;
  /** Dropout while training; that of the file when absent. */
  readonly dropout?: number;
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
  const fileConfig = await readAdapterConfig(folder);
  const config = options.dropout === undefined ? fileConfig : { ...fileConfig, dropout: options.dropout };
  const file = path.join(folder, WEIGHTS_FILE);
  const modules = modulesOf(file, (await readSafetensorsHeader(file)).tensors);
  checkShapes(model, file, config, modules);
  const ranks = new Map<string, number>();
  for (const module of model.linears.keys()) {
    const entries = modules.get(module);
    if (entries !== undefined) ranks.set(module, entries.A.shape[0]!);
  }
  const adapter = attachDeltas(model, options.name ?? 'default', config, ranks);
  for (const [module, { a, b }] of adapter.deltas) {
    const entries = modules.get(module)!;
    model.kernels.write(a.value, await readTensorFloats(entries.A));
    model.kernels.write(b.value, await readTensorFloats(entries.B));
    syncCompute(model.kernels, a);
    syncCompute(model.kernels, b);
  }
  if (options.isTrainable !== true) freezeAdapter(adapter);
  return adapter;
}

/** @throws TuneError `adapter-format` */
export async function readAdapterConfig(folder: string): Promise<AdapterConfig> {
  const file = path.join(folder, CONFIG_FILE);
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new TuneError('adapter-format', `${file}: expected a readable JSON file`, { cause });
  }
  return fromPeftConfig(file, json);
}

interface ModuleEntries {
  readonly A: TensorEntry;
  readonly B: TensorEntry;
}

function modulesOf(file: string, tensors: ReadonlyMap<string, TensorEntry>): Map<string, ModuleEntries> {
  const found = new Map<string, { A?: TensorEntry; B?: TensorEntry }>();
  const foreign: string[] = [];
  for (const [key, entry] of tensors) {
    const match = KEY.exec(key);
    if (match === null) {
      foreign.push(key);
      continue;
    }
    const module = found.get(match[1]!) ?? {};
    module[match[2] as 'A' | 'B'] = entry;
    found.set(match[1]!, module);
  }
  if (foreign.length > 0) {
    throw new TuneError(
      'adapter-format',
      `${file}: expected lora_A and lora_B tensors only, got ${foreign.join(', ')}`,
      {
        hint: 'DoRA magnitudes, modules_to_save and adapted embeddings are not supported; merge the adapter with PEFT first',
      },
    );
  }
  const complete = new Map<string, ModuleEntries>();
  for (const [module, { A, B }] of found) {
    if (A === undefined || B === undefined) {
      throw new TuneError('adapter-format', `${file}: expected lora_A and lora_B of ${module}, got one of them`);
    }
    complete.set(module, { A, B });
  }
  if (complete.size === 0) throw new TuneError('adapter-format', `${file}: expected LoRA tensors, got none`);
  return complete;
}

function checkShapes(
  model: LanguageModel,
  file: string,
  config: AdapterConfig,
  modules: ReadonlyMap<string, ModuleEntries>,
): void {
  const problems: string[] = [];
  for (const [module, { A, B }] of modules) {
    const layer = model.linears.get(module);
    const rank = patternValue(config.rankPattern, module, config.rank);
    if (layer === undefined) {
      problems.push(`the model has no ${module}`);
      continue;
    }
    for (const [name, entry, shape] of [
      ['lora_A', A, [rank, layer.inFeatures]],
      ['lora_B', B, [layer.outFeatures, rank]],
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

function toPeftConfig(config: AdapterConfig, baseModelName: string | null): Record<string, unknown> {
  return {
    alpha_pattern: config.alphaPattern,
    auto_mapping: null,
    base_model_name_or_path: baseModelName,
    bias: 'none',
    exclude_modules: null,
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: config.initialization === 'gaussian' ? 'gaussian' : true,
    layer_replication: null,
    layers_pattern: null,
    layers_to_transform: null,
    loftq_config: {},
    lora_alpha: config.alpha,
    lora_bias: false,
    lora_dropout: config.dropout,
    megatron_config: null,
    megatron_core: 'megatron.core',
    modules_to_save: null,
    peft_type: 'LORA',
    peft_version: PEFT_VERSION,
    r: config.rank,
    rank_pattern: config.rankPattern,
    revision: null,
    target_modules: config.targetModules,
    target_parameters: null,
    task_type: 'CAUSAL_LM',
    trainable_token_indices: null,
    use_dora: false,
    use_rslora: config.useRslora,
  };
}

function fromPeftConfig(file: string, json: Record<string, unknown>): AdapterConfig {
  const refuse = (field: string, expected: string): never => {
    throw new TuneError('adapter-format', `${file}: expected ${field} ${expected}, got ${JSON.stringify(json[field])}`);
  };
  if (json.peft_type !== 'LORA') refuse('peft_type', 'LORA');
  // Fields that change the arithmetic or the file, with the values that do not.
  const unsupported: [string, (value: unknown) => boolean][] = [
    ['modules_to_save', isEmpty],
    ['use_dora', isEmpty],
    ['lora_bias', isEmpty],
    ['bias', (value) => isEmpty(value) || value === 'none'],
    ['fan_in_fan_out', isEmpty],
    ['layer_replication', isEmpty],
    ['target_parameters', isEmpty],
    ['trainable_token_indices', isEmpty],
    ['alora_invocation_tokens', isEmpty],
    ['use_qalora', isEmpty],
    ['use_bdlora', isEmpty],
  ];
  for (const [field, isHarmless] of unsupported) {
    if (!isHarmless(json[field])) refuse(field, 'unset (it is not supported)');
  }
  const number = (field: string, otherwise: number): number => {
    const value = json[field] ?? otherwise;
    return typeof value === 'number' && Number.isFinite(value) ? value : refuse(field, 'to be a number');
  };
  const patterns = (field: string): Record<string, number> => {
    const value = json[field] ?? {};
    const isMap = typeof value === 'object' && !Array.isArray(value);
    if (!isMap || !Object.values(value).every((entry) => typeof entry === 'number')) {
      return refuse(field, 'to map patterns to numbers');
    }
    return value as Record<string, number>;
  };
  const target = json.target_modules;
  const isNames = Array.isArray(target) && target.every((name) => typeof name === 'string');
  if (!isNames && typeof target !== 'string') refuse('target_modules', 'to be names');
  return {
    // PEFT's own defaults for fields a minimal file leaves out.
    rank: number('r', 8),
    alpha: number('lora_alpha', 8),
    dropout: number('lora_dropout', 0),
    targetModules: isNames ? target : [target as string],
    useRslora: json.use_rslora === true,
    rankPattern: patterns('rank_pattern'),
    alphaPattern: patterns('alpha_pattern'),
    initialization: json.init_lora_weights === 'gaussian' ? 'gaussian' : 'kaiming',
    baseModelName: typeof json.base_model_name_or_path === 'string' ? json.base_model_name_or_path : null,
  };
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    value === false ||
    (Array.isArray(value) && value.length === 0) ||
    (typeof value === 'object' && Object.keys(value).length === 0)
  );
}
