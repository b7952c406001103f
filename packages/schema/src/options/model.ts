/** Which model a stage starts from. */
import * as z from 'zod';
import { nameList } from './lists.ts';
import { option } from './option.ts';

export const DEFAULT_MODEL = 'models/base-poet';

export const modelFields = {
  model: option(
    z.string().min(1).default(DEFAULT_MODEL),
    'The model: a folder with config.json, tokenizer.json and safetensors weights, or a GGUF file.',
    '模型：含 config.json、tokenizer.json 与 safetensors 权重的文件夹，或一个 GGUF 文件。',
  ),
};

export const adapterFields = {
  adapter: option(
    nameList.prefault([]),
    'LoRA adapters (PEFT folders, `DIR` or `DIR:scale`) put on the model before the stage begins.',
    '先装到模型上的 LoRA 适配器（PEFT 文件夹，可写作 `目录:比例`）。',
  ),
};

export const weightFields = {
  quantization: option(
    z.enum(['none', 'q8_0']).default('none'),
    "q8_0: products run over 8-bit blocks as llama.cpp's, made while the model is loaded (those of a Q8_0 file are kept). An approximation; half the memory traffic, faster with many streams.",
    'q8_0：载入时把权重化为 llama.cpp 的 8 位块（Q8_0 文件的块原样保留），矩阵乘法在其上进行。结果是近似的；内存读取减半，多路并行时更快。',
  ),
};

export const computeFields = {
  computeType: option(
    z.enum(['auto', 'bf16', 'f32']).default('auto'),
    'Number type of the matrix products; auto takes bf16 where the processor has it. Accumulation is always f32.',
    '矩阵乘法的数值类型；auto 在处理器支持时用 bf16，累加始终为 f32。',
  ),
  kernels: option(
    z.enum(['auto', 'native', 'reference']).default('auto'),
    'Which float kernels compute: native (C++), reference (plain TypeScript), auto = native where it was built.',
    '计算内核：native（C++）、reference（纯 TypeScript）；auto 表示编译过就用 native。',
    { isAdvanced: true },
  ),
  threads: option(
    z.int().min(1).max(1024).optional(),
    'Threads of the native kernels; absent: one per core. Same seed and same thread count give the same bits.',
    '原生内核的线程数；不填则每核一个。种子与线程数相同则结果逐位相同。',
    { unit: 'threads' },
  ),
};
