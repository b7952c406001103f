/** Low-rank adapters: y = W x + (alpha / rank) · B A x. */
import * as z from 'zod';
import { nameList, patternMap } from './lists.ts';
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
  useDora: option(
    z.boolean().default(false),
    'Learn direction and length of each output row apart (DoRA).',
    '分开学习每个输出行的方向与长度（DoRA）。',
  ),
  initialization: option(
    z.enum(['kaiming', 'gaussian', 'pissa']).default('kaiming'),
    'Start of A: kaiming or gaussian (B is 0); pissa starts both at the principal singular vectors of the weight.',
    'A 的初值：kaiming 或 gaussian（B 为 0）；pissa 以权重的主奇异向量为 A、B 的初值。',
    { isAdvanced: true },
  ),
  loraplusLrRatio: option(
    z.number().positive().optional(),
    'Learning rate of B as a multiple of the learning rate (LoRA+, 16 is usual); absent: the same.',
    'B 的学习率是学习率的几倍（LoRA+，常用 16）；不填则相同。',
    { isAdvanced: true },
  ),
  rankPattern: option(
    patternMap(z.int().min(1)).prefault({}),
    'Ranks of single modules: a map from the end of a module path (a regular expression) to its rank, or q_proj=4,v_proj=6.',
    '个别模块的秩：模块路径末段（正则）到秩的映射，或写作 q_proj=4,v_proj=6。',
    { isAdvanced: true },
  ),
  alphaPattern: option(
    patternMap(z.number().positive()).prefault({}),
    'alpha of single modules, as rankPattern.',
    '个别模块的 alpha，写法同 rankPattern。',
    { isAdvanced: true },
  ),
  modulesToSave: option(
    nameList.prefault([]),
    'Modules trained in full beside the adapter and stored with it, e.g. model.norm, lm_head.',
    '与适配器一同完整训练并保存的模块，如 model.norm、lm_head。',
    { isAdvanced: true },
  ),
});

/** A frozen base in 4 bits, as bitsandbytes keeps it (QLoRA). */
export const quantizationSchema = z.strictObject({
  bits: option(
    z.literal(4).optional(),
    'Bits of the frozen linear weights; absent: as they are.',
    '冻结线性层权重的位数；不填则不量化。',
  ),
  type: option(
    z.enum(['nf4', 'fp4']).optional(),
    'The 4-bit type, nf4 when only bits is given; naming it switches quantisation on.',
    '四位类型；只写 bits 时为 nf4，写明即开启量化。',
  ),
  doubleQuant: option(z.boolean().default(true), 'Quantise the scales of the blocks too.', '各块的缩放系数也量化。', {
    isAdvanced: true,
  }),
});

/** Layers of `finetuning: freeze`. */
export const freezeSchema = z.strictObject({
  trainableLayers: option(
    z.int().default(2),
    'How many of the last layers are trained; negative: of the first.',
    '训练最后几层；负数为最前几层。',
    { unit: 'layers' },
  ),
  trainableModules: option(
    nameList.prefault(['all']),
    'Modules of those layers that are trained, e.g. mlp, self_attn; all: every one.',
    '这些层中训练哪些模块，如 mlp、self_attn；all 为全部。',
  ),
  extraModules: option(
    nameList.prefault([]),
    'Modules outside the layers that are trained too, e.g. norm, embed_tokens.',
    '层外另训的模块，如 norm、embed_tokens。',
  ),
});

/** Virtual tokens of `finetuning: prompt` and `prefix`. */
export const softPromptSchema = z.strictObject({
  virtualTokens: option(
    z.int().min(1).max(1024).default(20),
    'Virtual tokens put before every sequence (finetuning: prompt, prefix).',
    '置于每条序列之前的虚拟词元数（finetuning: prompt、prefix）。',
    { unit: 'tokens' },
  ),
  initialText: option(
    z.string().min(1).optional(),
    'Words whose embeddings a prompt starts at, repeated as often as needed; absent: random ones.',
    '提示微调以这些字的嵌入为初值，不足则重复；不填则随机。',
  ),
});

/** Adapters of `finetuning: bottleneck`. */
export const bottleneckSchema = z.strictObject({
  placement: option(
    z.enum(['double_seq_bn', 'seq_bn']).default('double_seq_bn'),
    'Where the bottlenecks sit: after attention and feed-forward (double_seq_bn, Houlsby), or after the feed-forward alone (seq_bn, Pfeiffer).',
    '瓶颈所在：注意力与前馈之后（double_seq_bn，Houlsby），或仅前馈之后（seq_bn，Pfeiffer）。',
  ),
  reductionFactor: option(
    z.number().min(1).default(16),
    'The bottleneck is this many times narrower than the hidden states.',
    '瓶颈宽度是隐藏层的几分之一。',
  ),
  activation: option(
    z.enum(['relu', 'silu', 'gelu']).optional(),
    'Function between its two layers; absent: silu for double_seq_bn, relu for seq_bn.',
    '两层之间的激活函数；不填则 double_seq_bn 用 silu，seq_bn 用 relu。',
    { isAdvanced: true },
  ),
  scaling: option(
    z.number().positive().default(1),
    'What the adapter adds is multiplied by this.',
    '适配器输出乘以此数。',
    { isAdvanced: true },
  ),
});

/** Fields of sft beside those every stage with an adapter has. */
export const sftMethodFields = {
  finetuning: option(
    z.enum(['lora', 'full', 'freeze', 'bitfit', 'prompt', 'prefix', 'bottleneck']).default('lora'),
    'What is trained: an adapter (lora), every weight (full), a few layers (freeze), the biases alone (bitfit), virtual tokens before every sequence (prompt), their keys and values in each layer (prefix), or small networks after attention and feed-forward (bottleneck).',
    '训练什么：适配器（lora）、全部权重（full）、少数几层（freeze）、仅偏置（bitfit）、序列前的虚拟词元（prompt）、其各层键值（prefix），或注意力与前馈之后的小网络（bottleneck）。',
  ),
  freeze: freezeSchema.prefault({}),
  softPrompt: softPromptSchema.prefault({}),
  bottleneck: bottleneckSchema.prefault({}),
};

export const finetuningFields = {
  finetuning: option(
    z.enum(['lora', 'full']).default('lora'),
    'Train an adapter (lora) or every weight (full).',
    '训练适配器（lora）或全部权重（full）。',
  ),
  lora: loraSchema.prefault({}),
  quantization: quantizationSchema.prefault({}),
  trimVocabulary: option(
    z.boolean().default(false),
    "Keep only the tokens of Chinese text and of this run's data in embedding and head: less memory and less work; the other tokens count as ruled out. Needs a frozen embedding and head; what is saved fits the whole model.",
    '嵌入与输出层只保留中文及本次数据所用的词元：省内存、省计算，其余词元视为不可取。须冻结嵌入与输出层；所存结果仍用于完整模型。',
  ),
};
