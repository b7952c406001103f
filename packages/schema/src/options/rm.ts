/** Reward models: a number for how good an answer is, learnt from pairs of a better and a worse one. */
import * as z from 'zod';
import { option } from './option.ts';

export const rmSchema = z.strictObject({
  centerRewardsCoefficient: option(
    z.number().min(0).default(0.01),
    'Weight of a term that keeps the rewards of a pair about 0; 0: none. Without it only differences mean something.',
    '使一对奖励之和趋于 0 的项的权重；0 表示不用，此时只有差值有意义。',
  ),
});
