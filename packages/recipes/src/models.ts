/** Opening what a stage starts from: kernels, model folder, tokenizer, adapters. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  isGguf,
  type LanguageModel,
  type LoadOptions,
  loadLanguageModel,
  loadTokenizer,
  type Tokenizer,
  withStoredTemplate,
  withTemplate,
} from '@tuiqiao/lm';
import type { TemplateName } from '@tuiqiao/schema';
import type { Kernels } from '@tuiqiao/tensor';
import { type Adapter, loadAdapter, setAdapterScale } from '@tuiqiao/tune';
import { RecipesError } from './errors.ts';
import { checkPromptFormat } from './prompt-format.ts';

/** Repository root, seen from this package's `src` or `dist`. */
const PRODUCT_ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface OpenedModel {
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
  readonly folder: string;
  readonly adapters: readonly Adapter[];
}

export interface OpenModelOptions {
  readonly kernels: Kernels;
  readonly computeType: 'auto' | 'bf16' | 'f32';
  /** Every weight gets a gradient (full training). */
  readonly isTrainable?: boolean;
  /** Keeps the frozen linear layers in 4 bits. */
  readonly quantization?: LoadOptions['quantization'];
  /** PEFT folders, `DIR` or `DIR:scale`. */
  readonly adapters?: readonly string[];
  /** In the place of the tokenizer's own template, or of the last adapter's. */
  readonly template?: TemplateName | undefined;
  /** Whose stored template counts; `adapters` when absent. */
  readonly templatesOf?: readonly string[];
  /** False: the weights are only allocated, for kernels that keep account. */
  readonly readsWeights?: boolean;
  /** Only so many of the first layers. */
  readonly layers?: number | undefined;
}

/** `DIR:0.6` → folder and scale; a Windows drive letter is no scale. */
export function parseAdapter(text: string): { folder: string; scale: number } {
  const match = /^(.+):(\d+(?:\.\d+)?)$/u.exec(text);
  return match === null ? { folder: text, scale: 1 } : { folder: match[1]!, scale: Number(match[2]) };
}

/**
 * The folder a recipe names. The shipped models are found from any working directory: `models/…` is looked for here
 * first, then beside the installed packages.
 */
export function resolveModelFolder(folder: string): string {
  if (existsSync(folder) || path.isAbsolute(folder) || !folder.startsWith('models/')) return folder;
  const shipped = path.join(PRODUCT_ROOT, folder);
  return existsSync(shipped) ? shipped : folder;
}

/**
 * The model's tokenizer, with the chat template of the recipe; else the one stored with its last adapter that has one;
 * else its own.
 * @throws LmError of a damaged tokenizer, or `chat-template-failed`
 */
export async function openTokenizer({
  model,
  adapter = [],
  template,
}: {
  readonly model: string;
  readonly adapter?: readonly string[] | undefined;
  readonly template?: TemplateName | undefined;
}): Promise<Tokenizer> {
  let tokenizer = await loadTokenizer(resolveModelFolder(model));
  if (template !== undefined) return withTemplate(tokenizer, template);
  for (const text of adapter) tokenizer = await withStoredTemplate(tokenizer, parseAdapter(text).folder);
  return tokenizer;
}

/** The option of commands that only sample, as `openModel` takes it. */
export function samplingQuantization(quantization: 'none' | 'q8_0'): LoadOptions['quantization'] {
  return quantization === 'none' ? undefined : { type: quantization };
}

/** @throws RecipesError `model-not-found` when the folder is not there; errors of `lm` and `tune` when it is damaged */
export async function openModel(name: string, options: OpenModelOptions): Promise<OpenedModel> {
  const folder = resolveModelFolder(name);
  if (!existsSync(path.join(folder, 'config.json')) && !(await isGguf(folder))) {
    throw new RecipesError('model-not-found', `${name}: no model there (neither config.json nor a .gguf file)`, {
      hint: 'models/base-poet ships with the product; any Hugging Face folder with safetensors, or a GGUF file, works too.',
      zh: {
        message: `${name}：那里没有模型（既没有 config.json，也不是 .gguf 文件）`,
        hint: '随附的是 models/base-poet；任何带 safetensors 的 Hugging Face 文件夹或 GGUF 文件也可以。',
      },
    });
  }
  const model = await loadLanguageModel(folder, {
    kernels: options.kernels,
    computeType: options.computeType,
    trainable: options.isTrainable ?? false,
    quantization: options.quantization,
    readsWeights: options.readsWeights ?? true,
    layers: options.layers,
  });
  const tokenizer = await openTokenizer({
    model: name,
    adapter: options.templatesOf ?? options.adapters ?? [],
    template: options.template,
  });
  const adapters: Adapter[] = [];
  for (const text of options.adapters ?? []) {
    const { folder: adapterFolder, scale } = parseAdapter(text);
    await checkPromptFormat(tokenizer, adapterFolder);
    const adapter = await loadAdapter(model, adapterFolder, { name: text });
    setAdapterScale(adapter, scale);
    adapters.push(adapter);
  }
  return { model, tokenizer, folder, adapters };
}
