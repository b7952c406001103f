/**
 * LoRA adapters (Hu 2021): y = x Wᵀ + s · dropout(x) Aᵀ Bᵀ beside frozen linear layers, s = α/r, or α/√r rank-stabilised.
 * Several adapters may sit on one model; each is switched by its scale. Files are in `adapter-files.ts`.
 */
import type { LanguageModel, SoftPrompt } from '@tuiqiao/lm';
import {
  createParameter,
  createRandom,
  dequantizeParameter,
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
import type { PlacedBottleneck } from '../bottleneck/bottleneck.ts';
import { TuneError } from '../errors.ts';
import { computeTypeOf } from '../micro-batch.ts';
import { checkExperts } from './expert-modules.ts';
import { initPissa } from './pissa.ts';
import { attachSaved, type SavedModule, selectSaved, switchSaved } from './saved-modules.ts';
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
  /**
   * A: `kaiming` uniform (PEFT's default) or `gaussian` with deviation 1/r; B starts at 0 either way. `pissa` starts both
   * at the weight's principal singular vectors: see `startPissa`.
   */
  readonly initialization?: Initialization;
  /** DoRA: direction and magnitude apart. Default false. */
  readonly useDora?: boolean;
  /** Modules trained and stored in full beside the low-rank updates. */
  readonly modulesToSave?: readonly string[];
}

export type Initialization = 'kaiming' | 'gaussian' | 'pissa';

/** What `adapter_config.json` says, in our names. */
export interface AdapterConfig {
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly targetModules: readonly string[];
  readonly useRslora: boolean;
  readonly rankPattern: Readonly<Record<string, number>>;
  readonly alphaPattern: Readonly<Record<string, number>>;
  readonly initialization: Initialization;
  readonly useDora: boolean;
  readonly modulesToSave: readonly string[];
  readonly baseModelName: string | null;
  /** `SEQ_CLS`: a reward model, whose head is stored beside the adapter. */
  readonly taskType: 'CAUSAL_LM' | 'SEQ_CLS';
}

export interface Adapter {
  readonly name: string;
  /** By module path. */
  readonly deltas: ReadonlyMap<string, LowRankDelta>;
  /** A, B (and the DoRA magnitude) of every module, in the model's order; then the modules saved in full. */
  readonly parameters: readonly Parameter[];
  /** Modules replaced in full, by parameter name. */
  readonly saved: ReadonlyMap<string, SavedModule>;
  /** PiSSA: the frozen start that is subtracted, by module path. */
  readonly starts: ReadonlyMap<string, LowRankDelta>;
  readonly config: AdapterConfig;
  /** Of an adapter that is one (`attachSoftPrompt`): it has no low-rank updates. */
  readonly softPrompt: SoftPrompt | null;
  /** Of an adapter that is made of them (`attachBottlenecks`): it has no low-rank updates. */
  readonly bottlenecks: readonly PlacedBottleneck[];
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
    useDora: options.useDora ?? false,
    modulesToSave: options.modulesToSave ?? [],
    baseModelName: null,
    taskType: 'CAUSAL_LM',
  };
  checkLora(config);
  const ranks = new Map(modules.map((path) => [path, patternValue(config.rankPattern, path, config.rank)]));
  checkExperts(model, config, ranks, true);
  const adapter = attachDeltas(model, options.name ?? 'default', config, ranks);
  const random = createRandom(options.seed);
  for (const [path, { a, b, rank }] of adapter.deltas) {
    const stream = random.fork(path);
    if (config.initialization === 'gaussian') initNormal(model.kernels, a, stream, 1 / rank);
    else initKaimingUniform(model.kernels, a, stream);
    initConstant(model.kernels, b, 0);
  }
  for (const [path, { magnitude }] of adapter.deltas) {
    if (magnitude) initMagnitude(model, path, magnitude);
  }
  return adapter;
}

/** DoRA's start: the length of each row of W, since B is 0. */
function initMagnitude({ kernels, linears }: LanguageModel, path: string, magnitude: Parameter): void {
  const { weight, outFeatures: N, inFeatures: C } = linears.get(path)!;
  kernels.rowNorms(magnitude.value, dequantizeParameter(kernels, weight), { N, C });
}

/**
 * PiSSA's start for an adapter made with `initialization: 'pissa'`; call it once, before training. Deterministic: a
 * resumed run makes the same start.
 */
export async function startPissa(model: LanguageModel, adapter: Adapter, seed: number): Promise<void> {
  const { kernels } = model;
  const random = createRandom(seed);
  for (const [path, delta] of adapter.deltas) {
    const layer = requireLinear(model, path);
    await initPissa(kernels, dequantizeParameter(kernels, layer.weight), delta, random.fork(`pissa ${path}`));
    const start = adapter.starts.get(path)!;
    copyParameter(kernels, start.a, delta.a);
    copyParameter(kernels, start.b, delta.b);
  }
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
  const starts = new Map<string, LowRankDelta>();
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
    const create = (part: string, shape: readonly number[], requiresGrad = true): Parameter =>
      createParameter(kernels, `base_model.model.${path}.lora_${part}.${name}.weight`, shape, {
        type: 'f32',
        computeType,
        requiresGrad,
      });
    const scaling = deltaScaling(config, path, rank);
    const [aShape, bShape] = [
      [rank, layer.inFeatures],
      [layer.outFeatures, rank],
    ] as const;
    const delta: LowRankDelta = {
      name,
      a: create('A', aShape),
      b: create('B', bShape),
      rank,
      scaling,
      magnitude: config.useDora ? create('magnitude_vector', [layer.outFeatures]) : null,
      dropout: config.dropout,
    };
    deltas.set(path, delta);
    parameters.push(delta.a, delta.b, ...(delta.magnitude ? [delta.magnitude] : []));
    if (config.initialization === 'pissa') {
      const [a, b] = [create('start_A', aShape, false), create('start_B', bShape, false)];
      starts.set(path, { name: `${name} (start)`, a, b, rank, scaling: -scaling, dropout: 0 });
    }
  }
  const saved = new Map<string, SavedModule>();
  for (const path of selectSaved(model, config.modulesToSave)) {
    const module = attachSaved(kernels, model.parameters.get(path)!);
    enableGradient(kernels, module.parameter, computeType);
    saved.set(path, module);
    parameters.push(module.parameter);
  }
  for (const [path, delta] of [...deltas, ...starts]) requireLinear(model, path).deltas.push(delta);
  return { name, deltas, parameters, config, saved, starts, softPrompt: null, bottlenecks: [] };
}

/** Takes the adapter off; its numbers stay usable. */
export function detachAdapter(model: LanguageModel, adapter: Adapter): void {
  for (const [path, delta] of [...adapter.deltas, ...adapter.starts]) {
    const { deltas } = requireLinear(model, path);
    const index = deltas.indexOf(delta);
    if (index >= 0) deltas.splice(index, 1);
  }
  for (const { bottleneck, list } of adapter.bottlenecks) {
    const index = list.indexOf(bottleneck);
    if (index >= 0) list.splice(index, 1);
  }
  if (adapter.softPrompt !== null && model.softPrompt === adapter.softPrompt) model.softPrompt = null;
  freezeSaved(adapter);
  switchSaved(adapter.saved.values(), false);
}

/** 0 switches the adapter off, 1 is as trained; anything between or beyond weakens or exaggerates it. */
export function setAdapterScale(adapter: Adapter, factor: number): void {
  for (const [path, delta] of adapter.deltas) delta.scaling = factor * deltaScaling(adapter.config, path, delta.rank);
  for (const [path, start] of adapter.starts) start.scaling = -adapter.deltas.get(path)!.scaling;
  for (const { bottleneck, scaling } of adapter.bottlenecks) bottleneck.scaling = factor * scaling;
  if (adapter.softPrompt !== null) adapter.softPrompt.isOn = factor !== 0;
  // Whole modules are on or off; a scale between changes the low-rank part alone, as in PEFT.
  switchSaved(adapter.saved.values(), factor !== 0);
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

/** Made of low-rank updates, not of virtual tokens or bottlenecks. */
export function isLowRank({ softPrompt, bottlenecks }: Adapter): boolean {
  return softPrompt === null && bottlenecks.length === 0;
}

/** A frozen copy under another name, switched off: a reference that stays while the original trains on. */
export function copyAdapter(model: LanguageModel, adapter: Adapter, name: string): Adapter {
  if (adapter.saved.size > 0 || adapter.starts.size > 0 || !isLowRank(adapter)) {
    throw new TuneError('lora-options', `copyAdapter: expected low-rank updates only, got ${adapter.name} with more`, {
      hint: 'merge the adapter into its base first (tuiqiao merge), and go on from there',
    });
  }
  const ranks = new Map([...adapter.deltas].map(([path, delta]) => [path, delta.rank]));
  const copy = attachDeltas(model, name, adapter.config, ranks);
  for (const [path, delta] of copy.deltas) {
    const original = adapter.deltas.get(path)!;
    copyParameter(model.kernels, delta.a, original.a);
    copyParameter(model.kernels, delta.b, original.b);
    if (delta.magnitude && original.magnitude) copyParameter(model.kernels, delta.magnitude, original.magnitude);
  }
  freezeAdapter(copy);
  setAdapterScale(copy, 0);
  return copy;
}

/** Stops the training of modules saved in full. */
export function freezeSaved(adapter: Adapter): void {
  for (const { parameter } of adapter.saved.values()) if (parameter.requiresGrad) disableGradient(parameter);
}

function copyParameter(kernels: Kernels, to: Parameter, from: Parameter): void {
  kernels.scale(to.value, from.value, { length: to.value.length, alpha: 1 });
  syncCompute(kernels, to);
}

/** @throws TuneError `adapter-mismatch` */
export function requireLinear(model: LanguageModel, path: string): Linear {
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
