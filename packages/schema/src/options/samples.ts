/** Poems written while training goes on, to see rules learned and not only loss. */
import * as z from 'zod';
import { option } from './option.ts';

export const sampleFields = {
  sampleSteps: option(
    z.int().min(0).default(0),
    'Every so many steps poems are written for a few fixed held-out requests and scored (samples/length, rhyme, meter, all, copied in the log and the report); 0: never.',
    '每多少步就几道固定的留出题目写诗并评分（日志与报告中的 samples/length、rhyme、meter、all、copied）；0 表示不写。',
    { unit: 'steps' },
  ),
  samplePrompts: option(
    z.int().min(1).max(10_000).default(32),
    'How many requests are written for each time.',
    '每次写几道题。',
    { unit: 'poems' },
  ),
};
