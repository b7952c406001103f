/** How tokens are drawn. */
import * as z from 'zod';
import { option } from './option.ts';

export const generationFields = {
  temperature: option(
    z.number().min(0).max(10).default(0.8),
    'Lower is safer, higher is bolder; 0 always takes the likeliest character.',
    '低则稳，高则放；0 表示总取最可能的字。',
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
  repetitionPenalty: option(
    z.number().positive().default(1),
    'Above 1 makes characters already used less likely.',
    '大于 1 则少用已用过的字。',
  ),
  maxNewTokens: option(
    z.int().min(1).default(256),
    'A poem longer than this is cut and counts as failed.',
    '超过此长度即截断，视为失败。',
    { unit: 'tokens' },
  ),
};

/** Beam search, by the names of transformers. */
export const beamFields = {
  numBeams: option(
    z.int().min(1).max(1024).default(1),
    'Above 1: beam search with so many beams instead of drawing; the likeliest poems of a request, at most so many.',
    '大于 1 则用束搜索代替抽取，保留这么多束；写出最可能的若干首，至多此数。',
  ),
  numBeamGroups: option(
    z.int().min(1).max(1024).default(1),
    'Groups that the beams are divided into (diverse beam search): each keeps away from what those before it write.',
    '把各束分成几组（多样束搜索）：后一组避开前几组所写。',
  ),
  diversityPenalty: option(
    z.number().min(0).max(100).default(0.5),
    'With groups: what a character loses for each beam of an earlier group that took it in the same place, nats.',
    '分组时，同一位置的字每被前面各组的一束用过，减去多少（奈特）。',
  ),
};
