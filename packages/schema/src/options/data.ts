/** Which examples are trained on, and how they become tokens. */
import * as z from 'zod';
import { nameList } from './lists.ts';
import { option } from './option.ts';

/** Data fields of sft and dpo. */
export function dataFields(defaultDataset: readonly string[]) {
  return {
    dataset: option(
      nameList.prefault([...defaultDataset]),
      'Names in dataset_info.json, built-in corpora (starter, full, tang-jinti, song-jinti), or files (.json, .jsonl).',
      'dataset_info.json 中的名字、内置语料（starter、full、tang-jinti、song-jinti）或文件（.json、.jsonl）。',
    ),
    evalDataset: option(
      nameList.prefault([]),
      'Validation data; absent: the validation split of the dataset.',
      '验证数据；不填则用数据集自身的验证部分。',
    ),
    datasetDir: option(
      z.string().min(1).default('data'),
      'Where dataset_info.json and its files are.',
      'dataset_info.json 及其文件所在的文件夹。',
    ),
    maxSamples: option(
      z.int().min(1).optional(),
      'At most this many examples of each dataset.',
      '每个数据集最多取多少条。',
      { unit: 'samples' },
    ),
    valSize: option(
      z.number().min(0).default(0),
      'Held out of a dataset without a split: a share below 1, else a number of examples.',
      '无现成划分的数据留出多少作验证：小于 1 为比例，否则为条数。',
    ),
    maxLength: option(z.int().min(8).default(1024), 'Longer examples are cut here.', '更长的样本在此截断。', {
      unit: 'tokens',
    }),
  };
}

export const completionFields = {
  rhymeWeight: option(
    z.number().min(0).default(1),
    'Loss weight of rhyme characters in poems from a corpus (models with one token per character).',
    '语料诗中韵脚字的损失权重（一字一记号的模型）。',
  ),
  completionOnlyLoss: option(
    z.boolean().default(true),
    'Learn the answer only, not the prompt.',
    '只学回答，不学提示。',
  ),
};

/** Poems the model writes for itself before training. */
export const ownPoemsSchema = z.strictObject({
  count: option(
    z.int().min(0).default(0),
    "Poems the model writes itself, held to the rules, and learns from: each character counts by how much of the model's own distribution the rules took away there. 0: none.",
    '模型在格律约束下自写多少首用作训练；各字按格律所排除的概率加权。0 表示不用。',
    { unit: 'poems' },
  ),
  temperature: option(
    z.number().positive().max(10).default(1),
    'Sampling temperature; below 1 the model also learns to repeat what it finds likeliest.',
    '取样温度；低于 1 时模型也会学得更保守。',
  ),
  mixed: option(
    z.boolean().default(false),
    'Learn from the poems of the data as well; otherwise only their requests are used.',
    '同时学习数据中的诗；否则只取其题目。',
  ),
});
