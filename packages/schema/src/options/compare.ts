/** Two models side by side: open, blind, or read back. */
import * as z from 'zod';
import { parseRung, rungSchema } from './evaluate.ts';
import { nameList, seed } from './lists.ts';
import { option } from './option.ts';

const rung = z.union([z.string().min(1).transform(parseRung), rungSchema]);

export const compareFields = {
  a: option(
    rung.optional(),
    'The first model: `MODEL`, `NAME=MODEL+ADAPTER[:scale]` or `NAME=http://HOST/v1#MODEL`.',
    '第一个模型：`模型`、`名字=模型+适配器[:比例]` 或 `名字=http://主机/v1#模型`。',
  ),
  b: option(rung.optional(), 'The second model.', '第二个模型。'),
  forms: option(nameList.prefault(['五绝', '七绝', '五律', '七律']), 'Forms asked for.', '所试诗体。'),
  tunes: option(nameList.prefault([]), 'Tunes of ci asked for.', '所试词牌。'),
  count: option(z.int().min(1).default(10), 'Prompts of each form.', '每种诗体几道题。', { unit: 'prompts' }),
  constraints: option(
    z.boolean().default(false),
    'Hold the decoder to the form while writing.',
    '写作时以格律约束解码。',
  ),
  blind: option(
    z.boolean().default(false),
    'Write review.html and sheet.csv with the order hidden, and key.json to be kept from readers.',
    '写出打乱次序的 review.html 与 sheet.csv，以及不给评阅人看的 key.json。',
  ),
  read: option(
    nameList.prefault([]),
    'Filled sheets to count, of the review in the output folder.',
    '要统计的已填评阅表（所属盲评在输出文件夹中）。',
  ),
  toPairs: option(
    z.string().min(1).optional(),
    'With --read: write the votes as a preference dataset (JSON lines: prompt, chosen, rejected) for DPO.',
    '与 --read 同用：把票写成偏好数据集（prompt、chosen、rejected），供 DPO 用。',
  ),
  judge: option(
    z.string().min(1).optional(),
    'A judge behind an OpenAI-compatible address, `http://HOST/v1#MODEL`; asked twice with sides swapped. A secondary figure: language models overrate verse that breaks the rules.',
    '以 OpenAI 兼容接口为评委，`http://主机/v1#模型`；左右对调各问一次。只作参考：语言模型偏爱出律之作。',
  ),
  concurrency: option(z.int().min(1).max(64).default(4), 'Requests at the same time.', '同时发多少个请求。', {
    unit: 'requests',
    isAdvanced: true,
  }),
  dataset: option(
    nameList.prefault(['starter']),
    'Where the held-out prompts come from: starter, full, or a file of poems.',
    '留出的题目从何而来：starter、full，或诗的文件。',
  ),
  seed: option(seed.default(42), 'Seed of prompts, samples and the hidden order.', '题目、取样与打乱次序的种子。'),
  outputDir: option(
    z.string().min(1).default('runs/compare'),
    'Where the pages and the key go.',
    '页面与对照表的位置。',
  ),
};
