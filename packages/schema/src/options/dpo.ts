/** Direct preference optimisation. */
import * as z from 'zod';
import { nameList, numberList } from './lists.ts';
import { option } from './option.ts';

export const DPO_LOSSES = [
  'sigmoid',
  'hinge',
  'ipo',
  'robust',
  'exo_pair',
  'nca_pair',
  'bco_pair',
  'sppo_hard',
  'apo_zero',
  'apo_down',
  'aot',
  'aot_unpaired',
  'discopop',
  'sigmoid_norm',
  'kto_pair',
  'simpo',
  'orpo',
  'cpo',
  'sft',
] as const;

export const dpoSchema = z.strictObject({
  beta: option(
    z.number().positive().default(0.1),
    'How closely the policy is held to the reference.',
    '对参考模型的约束强度。',
  ),
  lossType: option(
    nameList.pipe(z.array(z.enum(DPO_LOSSES)).min(1)).prefault(['sigmoid']),
    'The preference loss, or several that are added up. simpo, orpo and cpo compare with no reference.',
    '偏好损失，可写几个相加。simpo、orpo、cpo 不用参考模型。',
  ),
  lossWeights: option(
    numberList.optional(),
    'A weight for each of several losses; absent: 1 each.',
    '写几个损失时各自的权重；不填则都是 1。',
  ),
  simpoGamma: option(
    z.number().min(0).default(0.5),
    "SimPO's margin: how much better the chosen answer should be.",
    'SimPO 的间隔：优选回答应高出多少。',
  ),
  cpoAlpha: option(
    z.number().min(0).default(1),
    "CPO's weight of the log-likelihood of the chosen answer.",
    'CPO 中优选回答对数似然的权重。',
  ),
  ftxWeight: option(
    z.number().min(0).default(0),
    'Weight of the log-likelihood of the chosen answer, each answer counting the same whatever its length (pref_ftx).',
    '优选回答对数似然的权重，不论长短每条相同（pref_ftx）。',
  ),
  labelSmoothing: option(
    z.number().min(0).lt(0.5).default(0),
    'Assumed share of pairs labelled the wrong way round.',
    '假定标反的样本对比例。',
  ),
  sftWeight: option(
    z.number().min(0).default(0),
    'Weight of the log-likelihood of the chosen answer, a mean over tokens (rpo_alpha).',
    '在损失中另加的优选回答对数似然的权重，按字平均（rpo_alpha）。',
  ),
  reference: option(
    z.enum(['start', 'base']).default('start'),
    'The frozen reference: the adapter this stage starts from, or the base model without adapter.',
    '冻结的参考模型：本阶段起点的适配器（start），或不带适配器的基座（base）。',
  ),
});

/** Pairs made by the prosody engine: of the model's poems or characters, the better against the worse, or of poems and spoilt copies. */
export const pairsSchema = z.strictObject({
  source: option(
    z.enum(['samples', 'characters', 'ranked', 'negatives', 'both']).default('samples'),
    "Where pairs come from: the model's own poems judged by the checker (samples), its characters that the rules allow against those they refuse (characters), the best of its free poems against the worst (ranked), real poems against copies that break one rule (negatives), or samples and negatives (both).",
    '样本对的来源：模型自写经检查器评判（samples）、同一开头之下合律之字与出律之字（characters）、自由所写之最佳与最差（ranked）、真诗与只犯一条规则的改本（negatives），或 samples 与 negatives 两者（both）。',
  ),
  forms: option(
    nameList.optional(),
    'Only poems of these forms and tunes are asked for or spoilt, e.g. 五绝,七绝,浣溪沙; absent: all there are.',
    '只就这些体裁与词牌取样或制反例，如 五绝,七绝,浣溪沙；不填则不限。',
  ),
  prompts: option(
    z.int().min(1).default(800),
    'Prompts to sample for, and poems to make negatives of.',
    '取样所用的提示数，亦即制作反例的诗数。',
  ),
  samplesPerPrompt: option(
    z.int().min(1).default(2),
    'Poems written for each prompt. samples: each that breaks a rule is paired with its twin written under the rules; characters: each gives a pair where the model would have broken one; ranked: the best and the worst of them are a pair.',
    '每个提示写几首。samples：凡出律者，与同一随机数下受格律约束写成的一首成对；characters：凡模型将出律之处各成一对；ranked：取其最佳与最差成一对。',
  ),
  temperature: option(z.number().positive().default(1), 'Sampling temperature.', '取样温度。'),
  cutAtParting: option(
    z.boolean().default(false),
    'Compare the two poems only up to the first character in which they differ: what follows is not judged, and length is left alone.',
    '只比较到两首首次不同之字：其后不论，篇幅不受影响。',
  ),
  margin: option(
    z.number().positive().default(0.1),
    'ranked: how much better the best must be scored than the worst; a flawless poem has about 4.5, a false tone costs 0.1 or more.',
    'ranked：最佳须比最差高出多少分；无疵之诗约 4.5 分，一字失律至少扣 0.1。',
  ),
  rules: option(
    nameList.optional(),
    'Rules that negatives break (chuyun, chongyun, shidui, shinian, guping, sanpingwei, pingze, zishu-short, zishu-long, modern, duizhang, theme, form, …); absent: all, as many of each.',
    '反例所犯的规则（出韵 chuyun、重韵 chongyun、失对 shidui、失粘 shinian、孤平 guping、三平尾 sanpingwei、pingze、zishu-short、zishu-long、今词 modern、对仗 duizhang、题意 theme、体裁 form……）；不填则各条均匀。',
  ),
});
