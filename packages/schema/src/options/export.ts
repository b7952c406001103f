/** Adapters into their base, and models into the files of other programs. */
import * as z from 'zod';
import { nameList, seed } from './lists.ts';
import { option } from './option.ts';

export const COMBINATIONS = ['sum', 'linear', 'cat'] as const;
export const EXPORT_FORMATS = ['gguf', 'ollama', 'mlx', 'peft'] as const;

const adapters = (english: string, chinese: string) => option(nameList.prefault([]), english, chinese);

const checkField = {
  check: option(
    z.boolean().default(true),
    'Compare the logits of the same poems before and after, and on what was written.',
    '比较同样诗句在前、后及写出文件上的 logits。',
  ),
};

export const mergeFields = {
  adapter: adapters(
    'The adapters to merge (PEFT or mlx-lm folders, `DIR` or `DIR:scale`), one after the other.',
    '要并入的适配器（PEFT 或 mlx-lm 文件夹，可写作 `目录:比例`），依次并入。',
  ),
  combination: option(
    z.enum(COMBINATIONS).default('sum'),
    'Several adapters: sum adds their updates; linear and cat combine them first as PEFT does.',
    '多个适配器：sum 逐一相加；linear 与 cat 先按 PEFT 的方式合成。',
  ),
  outputDir: option(z.string().min(1).default('runs/merged'), 'Folder of the merged model.', '合并后模型的文件夹。'),
  dtype: option(z.enum(['bf16', 'f32']).default('bf16'), 'Number type of the file.', '文件的数值类型。'),
  ...checkField,
};

export const exportFields = {
  adapter: adapters(
    'Adapters merged in first; for mlx and peft the one adapter to convert.',
    '先并入的适配器；格式为 mlx 或 peft 时即要转换的那一个。',
  ),
  format: option(
    z.enum(EXPORT_FORMATS).default('gguf'),
    'gguf: one file for llama.cpp; ollama: that with a Modelfile; mlx, peft: the adapter for mlx-lm or PEFT.',
    'gguf：llama.cpp 的单一文件；ollama：另加 Modelfile；mlx、peft：转为 mlx-lm 或 PEFT 的适配器。',
  ),
  type: option(
    z.enum(['F32', 'F16', 'BF16', 'Q8_0']).default('BF16'),
    'Number type of the matrices in a GGUF file.',
    'GGUF 中矩阵的数值类型。',
  ),
  outputDir: option(z.string().min(1).default('runs/export'), 'Folder of the files.', '输出文件夹。'),
  name: option(
    z.string().min(1).optional(),
    'Name of the model in the file; absent: that of the folder.',
    '模型名；不填则用文件夹名。',
  ),
  ...checkField,
  checkPoems: option(
    z.int().min(0).max(1000).default(8),
    'Poems each of adapter, merged model and file writes for the check, without constraints; 0: none.',
    '检查时适配器、合并模型与文件各写几首（不加约束）；0 表示不写。',
    { unit: 'poems' },
  ),
  seed: option(seed.default(42), 'Seed of those poems.', '这些诗的随机种子。'),
};
