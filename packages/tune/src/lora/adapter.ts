/**
 * LoRA adapters (Hu 2021): y = x Wᵀ + s · dropout(x) Aᵀ Bᵀ beside frozen linear layers, s = α/r, or α/√r rank-stabilised.
 * Several adapters may sit on one model; each is switched by its scale. Files are in `adapter-files.ts`.
 */
import type { LanguageModel } from '@tuiqiao/lm';
import {
  createParameter,
  createRandom,
  disableGradient,
  enableGradient,
  initConstant,
  initKaimingUniform,
  initNormal,
  type Kernels,
  type Linear,
  type LowRankDelta,
  type Parameter,
  syncCompute,
} from '@tuiqiao/tensor';
import { TuneError } from '../errors.ts';
import { computeTypeOf } from '../micro-batch.ts';
import { patternValue, selectModules, type TargetModules } from './target-modules.ts';

export interface LoraOptions {
  /** Default `default`, as PEFT names it. */
  readonly name?: string;
  /** r: rows of A. */
  readonly rank: number;
  /** α: the update is scaled by α/r. */
  readonly alpha: number;
  /** Share of input elements zeroed while training. Default 0. */
  readonly dropout?: number;
  readonly targetModules: TargetModules;
  /** Scale by α/√r (Kalajdzievski 2023). Default false. */
  readonly useRslora?: boolean;
  readonly seed: number;
  /** Ranks of modules whose path ends with the pattern. */
  readonly rankPattern?: Readonly<Record<string, number>>;
  readonly alphaPattern?: Readonly<Record<string, number>>;
  /** A: `kaiming` uniform (PEFT's default) or `gaussian` with deviation 1/r. B starts at 0 either way. */
  readonly initialization?: 'kaiming' | 'gaussian';
}

/** What `adapter_config.json` says, in our names. */
export interface AdapterConfig {
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly targetModules: readonly string[];
  readonly useRslora: boolean;
  readonly rankPattern: Readonly<Record<string, number>>;
  readonly alphaPattern: Readonly<Record<string, number>>;
  readonly initialization: 'kaiming' | 'gaussian';
  readonly baseModelName: string | null;
}

export interface Adapter {
  readonly name: string;
  /** By module path. */
  readonly deltas: ReadonlyMap<string, LowRankDelta>;
  /** A and B of every module, in the model's order. */
  readonly parameters: readonly Parameter[];
  readonly config: AdapterConfig;
}

/**
 * Puts a new, trainable adapter on the model. B is 0: the model's output does not change yet.
 * @throws TuneError `lora-options`, `lora-target`
 */
export function attachLora(model: LanguageModel, options: LoraOptions): Adapter {
  const modules = selectModules(model, options.targetModules);
  const config: AdapterConfig = {
    rank: options.rank,
    alpha: options.alpha,
    dropout: options.dropout ?? 0,
    // Written out where it was a word or an expression: every reader of the file understands paths.
    targetModules: typeof options.targetModules === 'string' ? modules : options.targetModules,
    useRslora: options.useRslora ?? false,
    rankPattern: options.rankPattern ?? {},
    alphaPattern: options.alphaPattern ?? {},
    initialization: options.initialization ?? 'kaiming',
    baseModelName: null,
  };
  checkLora(config);
  const ranks = new Map(modules.map((path) => [path, patternValue(config.rankPattern, path, config.rank)]));
  const adapter = attachDeltas(model, options.name ?? 'default', config, ranks);
  const random = createRandom(options.seed);
  for (const [path, { a, b, rank }] of adapter.deltas) {
    const stream = random.fork(path);
    if (config.initialization === 'gaussian') initNormal(model.kernels, a, stream, 1 / rank);
    else initKaimingUniform(model.kernels, a, stream);
    initConstant(model.kernels, b, 0);
  }
  return adapter;
}

/** α/r, or α/√r, with the patterns' values for this module. */
export function deltaScaling(config: AdapterConfig, path: string, rank: number): number {
  const alpha = patternValue(config.alphaPattern, path, config.alpha);
  return config.useRslora ? alpha / Math.sqrt(rank) : alpha / rank;
}

/** Deltas of zeros on the named modules, of the given ranks; for `attachLora`, loading and copying. */
export function attachDeltas(
  model: LanguageModel,
  name: string,
  config: AdapterConfig,
  ranks: ReadonlyMap<string, number>,
): Adapter {
  const { kernels } = model;
  const computeType = computeTypeOf(model);
  const deltas = new Map<string, LowRankDelta>();
  const parameters: Parameter[] = [];
  for (const [path, rank] of ranks) {
    const layer = requireLinear(model, path);
    if (layer.deltas.some((delta) => delta.name === name)) {
      throw new TuneError(
        'lora-options',
        `adapter name: expected one not in use, got ${name} (${path} has it already)`,
        {
          hint: 'give the adapter another name, or detach the one it would replace',
        },
      );
    }
    const create = (matrix: 'A' | 'B', shape: readonly number[]): Parameter =>
      createParameter(kernels, `base_model.model.${path}.lora_${matrix}.${name}.weight`, shape, {
        type: 'f32',
        computeType,
        requiresGrad: true,
      });
    const delta: LowRankDelta = {
      name,
      a: create('A', [rank, layer.inFeatures]),
      b: create('B', [layer.outFeatures, rank]),
      rank,
      scaling: deltaScaling(config, path, rank),
      dropout: config.dropout,
    };
    deltas.set(path, delta);
    parameters.push(delta.a, delta.b);
  }
  for (const [path, delta] of deltas) requireLinear(model, path).deltas.push(delta);
  return { name, deltas, parameters, config };
}

/** Takes the adapter off; its numbers stay usable. */
export function detachAdapter(model: LanguageModel, adapter: Adapter): void {
  for (const [path, delta] of adapter.deltas) {
    const { deltas } = requireLinear(model, path);
    const index = deltas.indexOf(delta);
    if (index >= 0) deltas.splice(index, 1);
  }
}

/** 0 switches the adapter off, 1 is as trained; anything between or beyond weakens or exaggerates it. */
export function setAdapterScale(adapter: Adapter, factor: number): void {
  for (const [path, delta] of adapter.deltas) delta.scaling = factor * deltaScaling(adapter.config, path, delta.rank);
}

/** Of several adapters on a model, switches one on (at scale 1) and the others off; null switches all off. */
export function selectAdapter(adapters: readonly Adapter[], name: string | null): void {
  if (name !== null && !adapters.some((adapter) => adapter.name === name)) {
    const known = adapters.map((adapter) => adapter.name).join(' ');
    throw new TuneError('lora-options', `selectAdapter: expected one of ${known}, got ${name}`);
  }
  for (const adapter of adapters) setAdapterScale(adapter, adapter.name === name ? 1 : 0);
}

export function freezeAdapter(adapter: Adapter): void {
  for (const parameter of adapter.parameters) disableGradient(parameter);
}

export function unfreezeAdapter(model: LanguageModel, adapter: Adapter): void {
  for (const parameter of adapter.parameters) enableGradient(model.kernels, parameter, computeTypeOf(model));
}

/** A frozen copy under another name, switched off: a reference that stays while the original trains on. */
export function copyAdapter(model: LanguageModel, adapter: Adapter, name: string): Adapter {
  const ranks = new Map([...adapter.deltas].map(([path, delta]) => [path, delta.rank]));
  const copy = attachDeltas(model, name, adapter.config, ranks);
  for (const [path, delta] of copy.deltas) {
    const original = adapter.deltas.get(path)!;
    copyParameter(model.kernels, delta.a, original.a);
    copyParameter(model.kernels, delta.b, original.b);
  }
  freezeAdapter(copy);
  setAdapterScale(copy, 0);
  return copy;
}

/**
 * Adds s·B·A to the base weights in f32 (a frozen bf16 weight gets an f32 value first, so that saving rounds once at
 * most), at the adapter's present scale, and takes the adapter off.
 */
export function mergeAdapter(model: LanguageModel, adapter: Adapter): void {
  const { kernels } = model;
  for (const [path, delta] of adapter.deltas) {
    const { weight, outFeatures, inFeatures } = requireLinear(model, path);
    if (weight.value.dtype !== 'f32') {
      const master = kernels.allocate('f32', weight.value.length);
      kernels.scale(master, weight.value, { length: master.length, alpha: 1 });
      weight.value = master;
    }
    kernels.matmul(weight.value, delta.b.value, delta.a.value, {
      M: outFeatures,
      N: inFeatures,
      K: delta.rank,
      alpha: delta.scaling,
      accumulate: true,
    });
    syncCompute(kernels, weight);
  }
  detachAdapter(model, adapter);
}

function copyParameter(kernels: Kernels, to: Parameter, from: Parameter): void {
  kernels.scale(to.value, from.value, { length: to.value.length, alpha: 1 });
  syncCompute(kernels, to);
}

function requireLinear(model: LanguageModel, path: string): Linear {
  const layer = model.linears.get(path);
  if (layer === undefined)
    throw new TuneError('adapter-mismatch', `adapter: expected a linear layer ${path}, got none`);
  return layer;
}

function checkLora(config: AdapterConfig): void {
  const ranks = { rank: config.rank, ...config.rankPattern };
  for (const [name, rank] of Object.entries(ranks)) {
    if (!(Number.isInteger(rank) && rank > 0)) {
      throw new TuneError('lora-options', `${name}: expected a whole number > 0, got ${rank}`);
    }
  }
  if (!Number.isFinite(config.alpha)) {
    throw new TuneError('lora-options', `alpha: expected a number, got ${config.alpha}`);
  }
  if (!(config.dropout >= 0 && config.dropout < 1)) {
    throw new TuneError('lora-options', `dropout: expected 0 ≤ value < 1, got ${config.dropout}`);
  }
}
