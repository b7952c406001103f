/** Opening what a stage starts from: kernels, model folder, tokenizer, adapters. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type LanguageModel, loadLanguageModel, loadTokenizer, type Tokenizer } from '@tuiqiao/lm';
import type { Kernels } from '@tuiqiao/tensor';
import { type Adapter, loadAdapter, setAdapterScale } from '@tuiqiao/tune';
import { RecipesError } from './errors.ts';

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
  /** PEFT folders, `DIR` or `DIR:scale`. */
  readonly adapters?: readonly string[];
}

/** `DIR:0.6` → folder and scale; a Windows drive letter is no scale. */
export function parseAdapter(text: string): { folder: string; scale: number } {
  const match = /^(.+):(\d+(?:\.\d+)?)$/u.exec(text);
  return match === null ? { folder: text, scale: 1 } : { folder: match[1]!, scale: Number(match[2]) };
}

/** @throws RecipesError `model-not-found` when the folder is not there; errors of `lm` and `tune` when it is damaged */
export async function openModel(folder: string, options: OpenModelOptions): Promise<OpenedModel> {
  if (!existsSync(path.join(folder, 'config.json'))) {
    throw new RecipesError('model-not-found', `${folder}: no model there (no config.json)`, {
      hint: 'models/base-poet ships with the product; any Hugging Face folder with safetensors works too.',
    });
  }
  const model = await loadLanguageModel(folder, {
    kernels: options.kernels,
    computeType: options.computeType,
    trainable: options.isTrainable ?? false,
  });
  const tokenizer = await loadTokenizer(folder);
  const adapters: Adapter[] = [];
  for (const text of options.adapters ?? []) {
    const { folder: adapterFolder, scale } = parseAdapter(text);
    const adapter = await loadAdapter(model, adapterFolder, { name: text });
    setAdapterScale(adapter, scale);
    adapters.push(adapter);
  }
  return { model, tokenizer, folder, adapters };
}
