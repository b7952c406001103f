/** Group-relative policy optimisation: the model's own poems, rewarded by rules. */
import * as z from 'zod';
import { nameList, numberList } from './lists.ts';
import { option } from './option.ts';

export const GRPO_LOSSES = ['grpo', 'bnpo', 'dr_grpo', 'dapo', 'cispo', 'luspo', 'sapo'] as const;

/** In the order in which they open for one another; `verse` has what they are. */
export const DEFAULT_REWARDS = [
  'shape',
  'novelty',
  'repetition',
  'diction',
  'rhyme',
  'tones',
  'fluency',
  'diversity',
] as const;

export const grpoSchema = z.strictObject({
  prompts: option(z.int().min(1).default(1600), 'Requests drawn from the data.', '从数据中取多少个题目。', {
    unit: 'prompts',
  }),
  numGenerations: option(
    z.int().min(2).max(1024).default(8),
    'Poems written for each request; each is judged against the others.',
    '每个题目写几首，组内相互比较。',
    { unit: 'poems' },
  ),
  numIterations: option(
    z.int().min(1).max(64).default(1),
    'Updates made from one batch of poems before new ones are written.',
    '同一批诗更新几次后再重新写。',
  ),
  stepsPerGeneration: option(
    z.int().min(1).max(1024).default(1),
    'Optimizer steps that share one batch of poems; so many times batchSize poems are written at once, which is faster.',
    '同一批诗分几步更新；每次写 batchSize 的这么多倍，更快。',
  ),
  creditWeight: option(
    z.number().min(0).default(0),
    'Weight of what each character earned beside the advantage of the whole poem: a broken rule is charged to the character that broke it. 0: whole poems only.',
    '各字得失相对整首优势的权重：出律由出律之字承担。0 表示只看整首。',
  ),
  lossType: option(z.enum(GRPO_LOSSES).default('dapo'), 'The loss, by its TRL name.', '损失，用 TRL 的名字。'),
  beta: option(
    z.number().min(0).default(0.02),
    'Weight of the KL divergence from the reference; 0 switches it off.',
    '与参考模型 KL 散度的权重；0 表示不用。',
  ),
  epsilon: option(
    z.number().positive().default(0.2),
    'How far the probability of a token may fall in the updates from one batch, as a share.',
    '同一批更新中，记号概率最多降低的比例。',
  ),
  epsilonHigh: option(
    z.number().positive().optional(),
    'How far it may rise; absent: epsilon (cispo: 5, the bound of the ratio itself).',
    '最多升高的比例；不填则与 epsilon 相同（cispo 为 5，即比值上限）。',
  ),
  delta: option(
    z.number().positive().optional(),
    'Upper bound of the unclipped ratio (two-sided clipping).',
    '未截断比值的上限（双侧截断）。',
    { isAdvanced: true },
  ),
  importanceSamplingLevel: option(
    z.enum(['token', 'sequence']).default('token'),
    'One ratio a token, or one for a whole poem (GSPO).',
    '每个记号一个比值，或整首一个（GSPO）。',
    { isAdvanced: true },
  ),
  scaleRewards: option(
    z.enum(['group', 'batch', 'none']).default('group'),
    'Divide advantages by the deviation of the group, of the batch, or by nothing.',
    '优势除以组内标准差、全批标准差，或不除。',
  ),
  maskTruncatedCompletions: option(
    z.boolean().default(false),
    'Do not learn from poems that were cut at maxNewTokens; otherwise they count as failed.',
    '超长被截断的诗不参与学习；否则按失败计。',
  ),
  entropyCoefficient: option(
    z.number().min(0).default(0),
    'Weight of an entropy bonus, against poems that become all alike.',
    '熵奖励的权重，防止越写越雷同。',
  ),
  reference: option(
    z.enum(['start', 'base']).default('start'),
    'The frozen reference: the adapter this stage starts from, or the base model without adapter.',
    '冻结的参考模型：本阶段起点的适配器（start），或不带适配器的基座（base）。',
  ),
  evalPrompts: option(
    z.int().min(0).default(64),
    'Held-out requests written for at every evaluation; 0: none.',
    '每次验证时所写的留出题目数；0 表示不验证。',
    { unit: 'prompts' },
  ),
});

export const rewardFields = {
  rewards: option(
    nameList.prefault([...DEFAULT_REWARDS]),
    'Rewards in their order, by name (shape, novelty, repetition, diction, rhyme, tones, fluency, diversity), as a file (./moon.ts) or a reward model (rm:FOLDER).',
    '奖励，依次写名字（shape、novelty、repetition、diction、rhyme、tones、fluency、diversity）、文件（./moon.ts）或奖励模型（rm:文件夹）。',
  ),
  rewardWeights: option(
    numberList.optional(),
    "A weight for each reward; absent: each one's usual weight, 1 for those of files.",
    '各奖励的权重；不填则用各自的常用权重，文件中的奖励为 1。',
  ),
};

export const rolloutFields = {
  temperature: option(
    z.number().positive().max(10).default(1),
    'Sampling temperature of the poems that are learnt from.',
    '所学诗作的取样温度。',
  ),
  topP: option(
    z.number().gt(0).max(1).default(1),
    'Draw only from the likeliest characters that together hold this probability.',
    '只从累计概率达到此值的字中取。',
  ),
  topK: option(
    z.int().min(0).default(0),
    'Draw only from the K likeliest characters; 0: all.',
    '只从最可能的 K 个字中取；0 表示不限。',
  ),
  maxNewTokens: option(
    z.int().min(1).default(128),
    'A poem longer than this is cut and counts as failed.',
    '超过此长度即截断，视为失败。',
    { unit: 'tokens' },
  ),
};
