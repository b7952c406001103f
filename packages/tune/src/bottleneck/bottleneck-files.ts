/**
 * Bottleneck adapters on disk as AdapterHub's library has them: `adapter_config.json` with a `config` and a `version`, and
 * `adapter.safetensors` with keys `<layer>.attention_adapters.adapters.<name>.adapter_down.0.weight` [r, C] and so on, f32.
 */
import path from 'node:path';
import {
  type LanguageModel,
  type ModelConfig,
  readSafetensorsHeader,
  readTensorFloats,
  type TensorEntry,
  writeSafetensors,
} from '@tuiqiao/lm';
import { type Activation, type Kernels, type Parameter, syncCompute } from '@tuiqiao/tensor';
import writeFileAtomic from 'write-file-atomic';
import { TuneError } from '../errors.ts';
import { type Adapter, freezeAdapter } from '../lora/adapter.ts';
import { type BottleneckConfig, type BottleneckPlacement, placeBottlenecks } from './bottleneck.ts';

const WEIGHTS_FILE = 'adapter.safetensors';
const CONFIG_FILE = 'adapter_config.json';
/** The release of the library whose files this writes. */
const VERSION = 'adapters.1.3.0';
const NAME = /^(.+_adapters\.adapters)\.([^.]+)\.(.+)$/u;

const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  relu: 'relu',
  swish: 'silu',
  silu: 'silu',
  gelu_new: 'gelu',
  gelu_pytorch_tanh: 'gelu',
};
const ACTIVATION_NAMES: Readonly<Record<Activation, string>> = { relu: 'relu', silu: 'swish', gelu: 'gelu_new' };

/** Fields of the file that change the arithmetic, with the value this engine knows. */
const REQUIRED = {
  adapter_residual_before_ln: false,
  cross_adapter: false,
  dropout: 0,
  inv_adapter: null,
  is_parallel: false,
  ln_after: false,
  ln_before: false,
  original_ln_after: true,
  phm_layer: false,
  residual_before_ln: true,
  stochastic_depth: 0,
  use_gating: false,
} as const;

/** The whole `config` of a file: what the library's own classes fill in. */
function configFields({ placement, width, activation, scaling }: BottleneckConfig, hiddenSize: number) {
  const isDouble = placement === 'double_seq_bn';
  return {
    ...REQUIRED,
    factorized_phm_W: true,
    factorized_phm_rule: false,
    hypercomplex_nonlinearity: 'glorot-uniform',
    init_weights: 'houlsby',
    init_weights_seed: null,
    inv_adapter_reduction_factor: null,
    learn_phm: true,
    leave_out: [],
    mh_adapter: isDouble,
    non_linearity: ACTIVATION_NAMES[activation],
    original_ln_before: !isDouble,
    output_adapter: true,
    phm_bias: true,
    phm_c_init: 'normal',
    phm_dim: 4,
    phm_init_range: 0.0001,
    phm_rank: 1,
    reduction_factor: hiddenSize / width,
    scaling,
    shared_W_phm: false,
    shared_phm_rule: true,
  };
}

/** True for a configuration AdapterHub's library wrote. */
export function isBottleneckConfig(json: Readonly<Record<string, unknown>>): boolean {
  return typeof json.config === 'object' && json.config !== null && json.peft_type === undefined;
}

/** Writes both files, each atomically. */
export async function saveBottlenecks(
  kernels: Kernels,
  adapter: Adapter,
  folder: string,
  { baseModelName, config }: { readonly baseModelName: string | null; readonly config: ModelConfig },
): Promise<void> {
  await writeSafetensors(
    path.join(folder, WEIGHTS_FILE),
    adapter.parameters.map((parameter) => ({
      name: parameter.name,
      dtype: 'F32' as const,
      shape: parameter.shape,
      bytes: async () => {
        const values = await kernels.read(parameter.value);
        return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      },
    })),
  );
  const { bottleneck, scaling } = adapter.bottlenecks[0]!;
  const { hiddenSize, modelType, raw } = config;
  const own: BottleneckConfig = {
    placement: bottleneck.reads === 'branch' ? 'double_seq_bn' : 'seq_bn',
    width: bottleneck.down.outFeatures,
    activation: bottleneck.activation,
    scaling,
  };
  const json = {
    config: configFields(own, hiddenSize),
    hidden_size: hiddenSize,
    model_class: Array.isArray(raw.architectures) ? raw.architectures[0] : null,
    model_name: baseModelName,
    model_type: modelType,
    name: adapter.name,
    version: VERSION,
  };
  await writeFileAtomic(path.join(folder, CONFIG_FILE), `${JSON.stringify(json, null, 2)}\n`);
}

/**
 * Puts saved bottleneck adapters on the model.
 * @throws TuneError `adapter-format`, `adapter-mismatch`; LmError `checkpoint-missing`
 */
export async function loadBottlenecks(
  model: LanguageModel,
  folder: string,
  json: Readonly<Record<string, unknown>>,
  options: { readonly name: string; readonly isTrainable: boolean },
): Promise<Adapter> {
  const file = path.join(folder, WEIGHTS_FILE);
  const config = readConfig(path.join(folder, CONFIG_FILE), json, model.config.hiddenSize);
  const { tensors } = await readSafetensorsHeader(file);
  // The name on disk is the trainer's; on this model the adapter has its own.
  const entries = new Map([...tensors].map(([key, entry]) => [key.replace(NAME, `$1.${options.name}.$3`), entry]));
  const adapter = placeBottlenecks(model, options.name, config);
  try {
    checkEntries(file, adapter.parameters, entries);
    for (const parameter of adapter.parameters) {
      model.kernels.write(parameter.value, await readTensorFloats(entries.get(parameter.name)!));
      syncCompute(model.kernels, parameter);
    }
  } catch (error) {
    for (const { bottleneck, list } of adapter.bottlenecks) list.splice(list.indexOf(bottleneck), 1);
    throw error;
  }
  if (!options.isTrainable) freezeAdapter(adapter);
  return adapter;
}

function readConfig(file: string, json: Readonly<Record<string, unknown>>, hiddenSize: number): BottleneckConfig {
  const config = json.config as Readonly<Record<string, unknown>>;
  const refuse = (field: string, expected: string): never => {
    throw new TuneError(
      'adapter-format',
      `${file}: expected ${field} ${expected}, got ${JSON.stringify(config[field])}`,
    );
  };
  if (json.hidden_size !== hiddenSize) {
    throw new TuneError(
      'adapter-mismatch',
      `${file}: expected an adapter for hidden size ${hiddenSize}, got one for ${JSON.stringify(json.hidden_size)}`,
    );
  }
  for (const [field, value] of Object.entries({ ...REQUIRED, output_adapter: true })) {
    if (config[field] !== undefined && config[field] !== value) refuse(field, `to be ${value}`);
  }
  if (Array.isArray(config.leave_out) && config.leave_out.length > 0) refuse('leave_out', 'to be empty');
  const isDouble = config.mh_adapter === true;
  if (config.original_ln_before !== !isDouble) refuse('original_ln_before', `to be ${!isDouble} here`);
  const placement: BottleneckPlacement = isDouble ? 'double_seq_bn' : 'seq_bn';
  const { reduction_factor: factor, scaling } = config;
  if (!(typeof factor === 'number' && factor > 0 && Number.isFinite(factor))) return refuse('reduction_factor', '> 0');
  if (!(typeof scaling === 'number' && Number.isFinite(scaling))) return refuse('scaling', 'to be a number');
  const activation = ACTIVATIONS[String(config.non_linearity)];
  if (activation === undefined) return refuse('non_linearity', `to be one of ${Object.keys(ACTIVATIONS).join(' ')}`);
  return { placement, width: Math.max(1, Math.floor(hiddenSize / factor)), activation, scaling };
}

function checkEntries(file: string, parameters: readonly Parameter[], entries: ReadonlyMap<string, TensorEntry>): void {
  const known = new Set(parameters.map(({ name }) => name));
  const problems = [...entries.keys()]
    .filter((key) => !known.has(key))
    .map((key) => `the model has no place for ${key}`);
  for (const { name, shape } of parameters) {
    const got = entries.get(name)?.shape;
    if (got?.join() === shape.join()) continue;
    problems.push(`${name}: expected [${shape.join(', ')}], got ${got === undefined ? 'none' : `[${got.join(', ')}]`}`);
  }
  if (problems.length === 0) return;
  const shown = problems.slice(0, 4).join('; ') + (problems.length > 4 ? `; … (${problems.length} in all)` : '');
  throw new TuneError('adapter-mismatch', `${file}: expected bottleneck adapters for this base model: ${shown}`);
}
