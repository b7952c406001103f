/**
 * Soft prompts on disk as PEFT has them: `adapter_config.json` with `peft_type` PROMPT_TUNING or PREFIX_TUNING, and one
 * tensor `prompt_embeddings`: [T, C], or [T, L·2·G·D] with the keys, then the values, of layer after layer.
 */
import path from 'node:path';
import {
  type LanguageModel,
  type ModelConfig,
  readSafetensorsHeader,
  readTensorFloats,
  writeSafetensors,
} from '@tuiqiao/lm';
import { type Kernels, syncCompute } from '@tuiqiao/tensor';
import writeFileAtomic from 'write-file-atomic';
import { TuneError } from '../errors.ts';
import { type Adapter, freezeAdapter } from '../lora/adapter.ts';
import { placeSoftPrompt, type SoftPromptKind, softPromptParameters } from './soft-prompt.ts';

const TENSOR = 'prompt_embeddings';
const WEIGHTS_FILE = 'adapter_model.safetensors';
const CONFIG_FILE = 'adapter_config.json';
const KINDS: Readonly<Record<string, SoftPromptKind>> = { PROMPT_TUNING: 'prompt', PREFIX_TUNING: 'prefix' };

/** The kind a `peft_type` names; null for other adapters. */
export function softPromptKind(json: Readonly<Record<string, unknown>>): SoftPromptKind | null {
  return KINDS[String(json.peft_type)] ?? null;
}

/** Writes both files, each atomically. */
export async function saveSoftPrompt(
  kernels: Kernels,
  adapter: Adapter,
  folder: string,
  options: { readonly baseModelName: string | null; readonly peftVersion: string; readonly config: ModelConfig },
): Promise<void> {
  const { embeddings, tokens } = adapter.softPrompt!;
  const parts: Float32Array[] = [];
  for (const parameter of softPromptParameters(adapter.softPrompt!)) parts.push(await kernels.read(parameter.value));
  const width = parts[0]!.length / tokens;
  const values = new Float32Array(parts.length * tokens * width);
  for (let t = 0; t < tokens; t++) {
    for (const [p, part] of parts.entries()) {
      values.set(part.subarray(t * width, (t + 1) * width), (t * parts.length + p) * width);
    }
  }
  await writeSafetensors(path.join(folder, WEIGHTS_FILE), [
    {
      name: TENSOR,
      dtype: 'F32' as const,
      shape: [tokens, parts.length * width],
      bytes: async () => new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    },
  ]);
  const { heads, kvHeads, layers } = options.config;
  const isPrompt = embeddings !== null;
  const json = {
    auto_mapping: null,
    base_model_name_or_path: options.baseModelName,
    ...(isPrompt ? {} : { encoder_hidden_size: width }),
    inference_mode: true,
    modules_to_save: null,
    num_attention_heads: isPrompt ? heads : kvHeads,
    num_layers: layers,
    num_transformer_submodules: 1,
    num_virtual_tokens: tokens,
    peft_type: isPrompt ? 'PROMPT_TUNING' : 'PREFIX_TUNING',
    peft_version: options.peftVersion,
    ...(isPrompt
      ? {
          prompt_tuning_init: 'RANDOM',
          prompt_tuning_init_text: null,
          tokenizer_kwargs: null,
          tokenizer_name_or_path: null,
        }
      : { init_weights: null, prefix_projection: false }),
    revision: null,
    task_type: 'CAUSAL_LM',
    token_dim: width,
  };
  await writeFileAtomic(path.join(folder, CONFIG_FILE), `${JSON.stringify(json, null, 2)}\n`);
}

/**
 * Puts a saved soft prompt on the model.
 * @throws TuneError `adapter-format`, `adapter-mismatch`; LmError `checkpoint-missing`
 */
export async function loadSoftPrompt(
  model: LanguageModel,
  folder: string,
  json: Readonly<Record<string, unknown>>,
  options: { readonly name: string; readonly isTrainable: boolean },
): Promise<Adapter> {
  const kind = softPromptKind(json)!;
  const file = path.join(folder, WEIGHTS_FILE);
  const { tensors } = await readSafetensorsHeader(file);
  const entry = tensors.get(TENSOR);
  const tokens = json.num_virtual_tokens;
  if (entry === undefined || tensors.size !== 1 || entry.shape.length !== 2) {
    throw new TuneError(
      'adapter-format',
      `${file}: expected one matrix ${TENSOR}, got ${[...tensors.keys()].join(', ')}`,
    );
  }
  const { hiddenSize, layers, kvHeads, headDim } = model.config;
  const width = kind === 'prompt' ? hiddenSize : layers * 2 * kvHeads * headDim;
  const [T, got] = entry.shape as readonly [number, number];
  if (T < 1 || T !== tokens || got !== width) {
    throw new TuneError(
      'adapter-mismatch',
      `${file}: expected ${TENSOR} [${tokens}, ${width}] for this base model, got [${entry.shape.join(', ')}]`,
    );
  }
  const values = await readTensorFloats(entry);
  const adapter = placeSoftPrompt(model, kind, T, { name: options.name, isTrainable: true });
  const part = width / adapter.parameters.length;
  for (const [p, parameter] of adapter.parameters.entries()) {
    const own = new Float32Array(T * part);
    for (let t = 0; t < T; t++) own.set(values.subarray(t * width + p * part, t * width + (p + 1) * part), t * part);
    model.kernels.write(parameter.value, own);
    syncCompute(model.kernels, parameter);
  }
  if (!options.isTrainable) freezeAdapter(adapter);
  return adapter;
}
