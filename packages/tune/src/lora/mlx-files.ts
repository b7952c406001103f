/**
 * Adapters as mlx-lm keeps them: `adapters.safetensors` with `<module>.lora_a` [in, r] and `.lora_b` [r, out] (the
 * transposes of PEFT's), DoRA's `.m` [out], and `adapter_config.json` with `lora_parameters`. There the update is
 * `scale · x lora_a lora_b`, so that α = scale · r.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  type LanguageModel,
  readSafetensorsHeader,
  readTensorFloats,
  type TensorEntry,
  writeSafetensors,
} from '@tuiqiao/lm';
import { type Kernels, type Parameter, syncCompute } from '@tuiqiao/tensor';
import writeFileAtomic from 'write-file-atomic';
import { TuneError } from '../errors.ts';
import { type Adapter, type AdapterConfig, attachDeltas, deltaScaling, freezeAdapter, isLowRank } from './adapter.ts';
import { expertProjection } from './expert-modules.ts';

const WEIGHTS_FILE = 'adapters.safetensors';
const CONFIG_FILE = 'adapter_config.json';
const KEY = /^(.+)\.(lora_a|lora_b|m)$/;

export function isMlxFolder(folder: string): boolean {
  return existsSync(path.join(folder, WEIGHTS_FILE)) && !existsSync(path.join(folder, 'adapter_model.safetensors'));
}

/**
 * Writes the adapter as mlx-lm reads it. Ranks and scales there are one for all modules: smaller ranks are filled up with
 * zeros, differing scales are worked into `lora_b`.
 * @throws TuneError `adapter-format` for what mlx-lm has no place for (modules saved in full)
 */
export async function saveMlxAdapter(
  model: LanguageModel,
  adapter: Adapter,
  folder: string,
  options: { readonly baseModelName?: string } = {},
): Promise<void> {
  const { config, deltas, saved, starts } = adapter;
  if (!isLowRank(adapter)) {
    throw new TuneError(
      'adapter-format',
      `${folder}: expected low-rank updates for mlx-lm, got another kind, ${adapter.name}`,
      {
        hint: 'mlx-lm knows neither virtual tokens nor bottleneck adapters: train a LoRA adapter for it',
      },
    );
  }
  if (saved.size > 0 || starts.size > 0) {
    throw new TuneError('adapter-format', `${folder}: expected low-rank updates only for mlx-lm, got ${adapter.name}`, {
      hint: 'mlx-lm has no modules_to_save: merge the adapter instead (tuiqiao merge)',
    });
  }
  if ([...deltas.keys()].some((module) => expertProjection(model, module) !== null)) {
    throw new TuneError('adapter-format', `${folder}: expected no routed experts for mlx-lm, got ${adapter.name}`, {
      hint: 'mlx-lm keeps the experts of a layer in one module: merge the adapter instead (tuiqiao merge)',
    });
  }
  const { kernels } = model;
  const rank = Math.max(...[...deltas.values()].map((delta) => delta.rank));
  const scale = Math.max(...[...deltas].map(([module, delta]) => deltaScaling(config, module, delta.rank)));
  const tensors = [...deltas].flatMap(([module, delta]) => {
    const [O, I] = [delta.b.shape[0]!, delta.a.shape[1]!];
    const factor = deltaScaling(config, module, delta.rank) / scale;
    const { magnitude } = delta;
    return [
      {
        name: `${module}.lora_a`,
        shape: [I, rank],
        read: () => transposed(kernels, delta.a, { rows: delta.rank, columns: I, width: rank, factor: 1 }),
      },
      {
        name: `${module}.lora_b`,
        shape: [rank, O],
        read: async () => {
          const narrow = await transposed(kernels, delta.b, { rows: O, columns: delta.rank, width: O, factor });
          const values = new Float32Array(rank * O);
          values.set(narrow);
          return values;
        },
      },
      ...(magnitude ? [{ name: `${module}.m`, shape: [O], read: () => kernels.read(magnitude.value) }] : []),
    ];
  });
  await writeSafetensors(
    path.join(folder, WEIGHTS_FILE),
    tensors.map(({ name, shape, read }) => ({
      name,
      dtype: 'F32' as const,
      shape,
      bytes: async () => {
        const values = await read();
        return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      },
    })),
  );
  const keys = new Set([...deltas.keys()].map((module) => module.replace(/^model\.layers\.\d+\./u, '')));
  const json = {
    fine_tune_type: config.useDora ? 'dora' : 'lora',
    model: options.baseModelName ?? config.baseModelName,
    num_layers: model.config.layers,
    lora_parameters: { keys: [...keys], rank, scale, dropout: config.dropout },
  };
  await writeFileAtomic(path.join(folder, CONFIG_FILE), `${JSON.stringify(json, null, 2)}\n`);
}

/** @throws TuneError `adapter-format`, `adapter-mismatch` */
export async function loadMlxAdapter(
  model: LanguageModel,
  folder: string,
  options: { readonly name?: string; readonly isTrainable?: boolean; readonly dropout?: number } = {},
): Promise<Adapter> {
  const { scale, dropout, useDora, baseModelName } = await readMlxConfig(path.join(folder, CONFIG_FILE));
  const file = path.join(folder, WEIGHTS_FILE);
  const modules = new Map<string, Record<string, TensorEntry>>();
  for (const [key, entry] of (await readSafetensorsHeader(file)).tensors) {
    const match = KEY.exec(key);
    if (match === null) throw new TuneError('adapter-format', `${file}: expected lora_a and lora_b, got ${key}`);
    modules.set(match[1]!, { ...modules.get(match[1]!), [match[2]!]: entry });
  }
  const ranks = new Map<string, number>();
  for (const [module, { lora_a, lora_b, m }] of modules) {
    const layer = model.linears.get(module);
    const rank = lora_a?.shape[1];
    const fits =
      layer !== undefined &&
      rank !== undefined &&
      lora_a?.shape.join() === `${layer.inFeatures},${rank}` &&
      lora_b?.shape.join() === `${rank},${layer.outFeatures}` &&
      (!useDora || m?.shape.join() === `${layer.outFeatures}`);
    if (!fits) {
      throw new TuneError(
        'adapter-mismatch',
        `${file}: expected an adapter for this base model, got another ${module}`,
      );
    }
    ranks.set(module, rank);
  }
  if (ranks.size === 0) throw new TuneError('adapter-format', `${file}: expected LoRA tensors, got none`);
  const rank = Math.max(...ranks.values());
  const differing = [...ranks].filter(([, value]) => value !== rank);
  const config: AdapterConfig = {
    rank,
    alpha: scale * rank,
    dropout: options.dropout ?? dropout,
    targetModules: [...ranks.keys()],
    useRslora: false,
    rankPattern: Object.fromEntries(differing),
    alphaPattern: Object.fromEntries(differing.map(([module, value]) => [module, scale * value])),
    initialization: 'kaiming',
    useDora,
    modulesToSave: [],
    baseModelName,
    taskType: 'CAUSAL_LM',
  };
  const adapter = attachDeltas(model, options.name ?? 'default', config, ranks);
  const { kernels } = model;
  const write = (parameter: Parameter, values: Float32Array): void => {
    kernels.write(parameter.value, values);
    syncCompute(kernels, parameter);
  };
  for (const [module, { a, b, magnitude, rank: r }] of adapter.deltas) {
    const { lora_a, lora_b, m } = modules.get(module)!;
    write(a, transpose(await readTensorFloats(lora_a!), a.shape[1]!, r));
    write(b, transpose(await readTensorFloats(lora_b!), r, b.shape[0]!));
    if (magnitude) write(magnitude, await readTensorFloats(m!));
  }
  if (options.isTrainable !== true) freezeAdapter(adapter);
  return adapter;
}

async function readMlxConfig(file: string) {
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new TuneError('adapter-format', `${file}: expected a readable JSON file`, { cause });
  }
  const parameters = (json.lora_parameters ?? {}) as Record<string, unknown>;
  const { scale, dropout = 0 } = parameters;
  if (!['lora', 'dora'].includes(String(json.fine_tune_type)) || typeof scale !== 'number') {
    throw new TuneError(
      'adapter-format',
      `${file}: expected fine_tune_type lora or dora with lora_parameters.scale, got ${JSON.stringify(json.fine_tune_type)} and ${JSON.stringify(scale)}`,
    );
  }
  return {
    scale,
    dropout: typeof dropout === 'number' ? dropout : 0,
    useDora: json.fine_tune_type === 'dora',
    baseModelName: typeof json.model === 'string' ? json.model : null,
  };
}

/** A parameter [rows, columns] as [columns, width], times a factor; columns beyond `rows` are zero. */
async function transposed(
  kernels: Kernels,
  parameter: Parameter,
  { rows, columns, width, factor }: { rows: number; columns: number; width: number; factor: number },
): Promise<Float32Array> {
  const values = await kernels.read(parameter.value);
  const out = new Float32Array(columns * width);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) out[c * width + r] = factor * values[r * columns + c]!;
  return out;
}

/** [rows, columns] → [columns, rows]. */
function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = values[r * columns + c]!;
  return out;
}
