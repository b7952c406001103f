/** Kahneman-Tversky optimisation: answers marked good or bad, one by one. */
import * as z from 'zod';
import { option } from './option.ts';

export const KTO_LOSSES = ['kto', 'apo_zero_unpaired'] as const;

export const ktoSchema = z.strictObject({
  beta: option(
    z.number().positive().default(0.1),
    'How closely the policy is held to the reference.',
    '对参考模型的约束强度。',
  ),
  lossType: option(z.enum(KTO_LOSSES).default('kto'), 'The loss, by its TRL name.', '损失，用 TRL 的名字。'),
  desirableWeight: option(z.number().min(0).default(1), 'Weight of good answers.', '好回答的权重。'),
  undesirableWeight: option(z.number().min(0).default(1), 'Weight of bad answers.', '坏回答的权重。'),
  reference: option(
    z.enum(['start', 'base']).default('start'),
    'The frozen reference: the adapter this stage starts from, or the base model without adapter.',
    '冻结的参考模型：本阶段起点的适配器（start），或不带适配器的基座（base）。',
  ),
});
