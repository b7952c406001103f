/** The optimizer, its schedule, and what a run writes while it goes. */
import * as z from 'zod';
import { seed } from './lists.ts';
import { option } from './option.ts';

/** Hugging Face's schedule names. */
export const LR_SCHEDULERS = [
  'linear',
  'cosine',
  'cosine_with_restarts',
  'cosine_with_min_lr',
  'cosine_warmup_with_min_lr',
  'polynomial',
  'constant',
  'constant_with_warmup',
  'inverse_sqrt',
  'warmup_stable_decay',
] as const;

export const OPTIMIZERS = [
  'adamw',
  'adamw_8bit',
  'paged_adamw',
  'paged_adamw_8bit',
  'lion',
  'paged_lion',
  'adafactor',
  'sgd',
  'muon',
] as const;

/** Training fields of sft alone. */
export const sftTrainingFields = {
  labelSmoothing: option(
    z.number().min(0).lt(1).default(0),
    'Share of the target spread evenly over the vocabulary.',
    '目标中均匀分给整个词表的比例。',
    { isAdvanced: true },
  ),
  neftuneNoiseAlpha: option(
    z.number().positive().optional(),
    'Noise on the embeddings while training (NEFTune, 5 is usual); absent: none.',
    '训练时加在嵌入上的噪声（NEFTune，常用 5）；不填则无。',
    { isAdvanced: true },
  ),
  earlyStoppingPatience: option(
    z.int().min(1).optional(),
    'Stop after so many validations in a row without a lower loss; absent: run to the last step.',
    '验证损失连续多少次不再下降就停止；不填则跑完。',
    { unit: 'validations' },
  ),
  earlyStoppingThreshold: option(
    z.number().min(0).default(0),
    'A validation loss counts as lower only if it is lower by this much.',
    '验证损失至少降低这么多才算下降。',
    { isAdvanced: true },
  ),
  loadBestModelAtEnd: option(
    z.boolean().default(false),
    'Keep the checkpoint with the lowest validation loss, and end with its weights.',
    '保留验证损失最低的检查点，并以其权重作为结果。',
  ),
};

/** Defaults a stage sets for itself; the fields mean the same in every stage. */
export interface TrainingDefaults {
  readonly learningRate: number;
  readonly batchSize: number;
  readonly epochs: number;
  readonly lrScheduler: (typeof LR_SCHEDULERS)[number];
  readonly weightDecay: number;
  readonly outputDir: string;
}

/** The training fields with the defaults of one stage. */
export function trainingFields(defaults: TrainingDefaults) {
  return {
    learningRate: option(z.number().min(0).default(defaults.learningRate), 'Peak learning rate.', '学习率（峰值）。'),
    lrScheduler: option(
      z.enum(LR_SCHEDULERS).default(defaults.lrScheduler),
      'How the learning rate moves after warm-up.',
      '预热之后学习率如何变化。',
    ),
    warmupRatio: option(
      z.number().min(0).max(1).default(0.05),
      'Share of all steps in which the learning rate rises from 0.',
      '学习率从 0 上升的步数占总步数的比例。',
    ),
    warmupSteps: option(
      z.int().min(0).optional(),
      'Warm-up as a number of steps; wins over warmupRatio.',
      '预热步数；优先于 warmupRatio。',
      { unit: 'steps' },
    ),
    decayRatio: option(
      z.number().min(0).max(1).default(0.2),
      'Share of all steps in which the rate falls at the end (warmup_stable_decay).',
      '末段学习率下降的步数占总步数的比例（用于 warmup_stable_decay）。',
      { isAdvanced: true },
    ),
    minLearningRateRatio: option(
      z.number().min(0).max(1).default(0),
      'Lowest learning rate, as a share of the peak (cosine_with_min_lr, warmup_stable_decay).',
      '最低学习率与峰值之比（用于 cosine_with_min_lr 与 warmup_stable_decay）。',
      { isAdvanced: true },
    ),
    epochs: option(
      z.number().positive().default(defaults.epochs),
      'Times through the data; fractions are allowed.',
      '数据遍数，可为小数。',
    ),
    maxSteps: option(
      z.int().min(1).optional(),
      'Stop after this many optimizer steps; wins over epochs.',
      '优化器步数上限；优先于 epochs。',
      { unit: 'steps' },
    ),
    batchSize: option(
      z.int().min(1).default(defaults.batchSize),
      'Samples in one forward pass, laid end to end without padding.',
      '一次前向的样本数，首尾相接，不填充。',
      { unit: 'samples' },
    ),
    gradientAccumulationSteps: option(
      z.int().min(1).default(1),
      'Forward passes added up before one optimizer step.',
      '累积多少次前向后更新一次。',
    ),
    optimizer: option(
      z.enum(OPTIMIZERS).default('adamw'),
      'The update rule. adamw_8bit keeps a quarter of the state; paged_… keeps it in a file that is paged out when memory is short; muon orthogonalises the update of 2-D weights and leaves the rest to AdamW.',
      '优化器。adamw_8bit 的状态只占四分之一；paged_… 把状态放在内存不足时可换出的文件里；muon 对二维权重做正交化更新，其余参数用 AdamW。',
    ),
    weightDecay: option(
      z.number().min(0).default(defaults.weightDecay),
      'Decoupled weight decay; norms and biases are left out.',
      '解耦权重衰减；归一化层与偏置不衰减。',
    ),
    maxGradNorm: option(
      z.number().min(0).default(1),
      'Gradients longer than this are shortened to it; 0 switches clipping off.',
      '梯度裁剪的范数上限；0 表示不裁剪。',
    ),
    gradientCheckpointing: option(
      z.boolean().default(false),
      'Compute each layer again in the backward pass instead of keeping its activations: about half the memory, a third more time, the same result bit for bit.',
      '反向时重算各层而不保存激活：内存约减半，时间约多三分之一，结果逐位相同。',
    ),
    adamBeta1: option(z.number().min(0).lt(1).default(0.9), 'AdamW: decay of the mean.', 'AdamW 一阶矩衰减。', {
      isAdvanced: true,
    }),
    adamBeta2: option(z.number().min(0).lt(1).default(0.999), 'AdamW: decay of the square.', 'AdamW 二阶矩衰减。', {
      isAdvanced: true,
    }),
    adamEpsilon: option(z.number().positive().default(1e-8), 'AdamW: added to the root.', 'AdamW 分母的小量。', {
      isAdvanced: true,
    }),
    momentum: option(z.number().min(0).lt(1).default(0), 'SGD: momentum.', 'SGD 动量。', { isAdvanced: true }),
    seed: option(
      seed.default(42),
      'Everything random follows from it: data order, adapter start, dropout, samples.',
      '随机种子：数据次序、适配器初值、丢弃与采样皆由它决定。',
    ),
    outputDir: option(
      z.string().min(1).default(defaults.outputDir),
      'The run folder: recipe.yaml, trainer_log.jsonl, checkpoints, result.',
      '运行文件夹：recipe.yaml、trainer_log.jsonl、检查点与结果。',
    ),
    overwriteOutputDir: option(
      z.boolean().default(false),
      'Begin anew in a folder that already holds a run.',
      '文件夹里已有一次运行时，从头重来。',
    ),
    resume: option(
      z.union([z.boolean(), z.string().min(1)]).default(false),
      'Go on from the newest checkpoint of the run folder (true) or from a given checkpoint folder.',
      '从运行文件夹中最新的检查点（true）或指定的检查点继续。',
    ),
    loggingSteps: option(
      z.int().min(1).default(10),
      'A line in trainer_log.jsonl every so many steps.',
      '每多少步写一行 trainer_log.jsonl。',
      { unit: 'steps' },
    ),
    saveSteps: option(
      z.int().min(0).default(100),
      'A checkpoint every so many steps; 0: only when the run ends or is interrupted.',
      '每多少步存一个检查点；0 表示只在结束或中断时存。',
      { unit: 'steps' },
    ),
    saveTotalLimit: option(
      z.int().min(1).default(2),
      'Checkpoints kept; older ones are removed.',
      '保留的检查点个数。',
    ),
    evalSteps: option(
      z.int().min(0).default(0),
      'Validation loss every so many steps; 0: only at the end.',
      '每多少步算一次验证损失；0 表示只在结束时。',
      { unit: 'steps' },
    ),
  };
}
