/** Low-rank adapters: y = W x + (alpha / rank) · B A x. */
import { z } from 'zod';
import { nameList } from './lists.ts';
import { option } from './option.ts';

const loraSchema = z.strictObject({
  rank: option(z.int().min(1).max(1024).default(16), 'Rank of A and B.', '矩阵 A、B 的秩。'),
  alpha: option(
    z.number().positive().default(32),
    'The adapter is scaled by alpha / rank.',
    '适配器按 alpha / rank 缩放。',
  ),
  dropout: option(
    z.number().min(0).lt(1).default(0),
    'Share of the adapter input dropped in training.',
    '训练时丢弃的适配器输入比例。',
  ),
  targetModules: option(
    z.union([z.literal('all-linear'), nameList]).prefault('all-linear'),
    'Linear layers that get an adapter: all-linear, or names such as q_proj,v_proj.',
    '加适配器的线性层：all-linear 或层名，如 q_proj,v_proj。',
  ),
  useRslora: option(
    z.boolean().default(false),
    'Scale by alpha / √rank instead (rsLoRA).',
    '改按 alpha / √rank 缩放（rsLoRA）。',
    { isAdvanced: true },
  ),
});

export const finetuningFields = {
  finetuning: option(
    z.enum(['lora', 'full']).default('lora'),
    'Train an adapter (lora) or every weight (full).',
    '训练适配器（lora）或全部权重（full）。',
  ),
  lora: loraSchema.prefault({}),
};
