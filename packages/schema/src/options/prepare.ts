/** Poems as dataset files: which poems, asked for how, in which format. */
import * as z from 'zod';
import { nameList, seed } from './lists.ts';
import { option } from './option.ts';

/** What `prepare` can write; every one can be read back by `dataset`. */
export const DATASET_FORMATS = [
  'alpaca',
  'sharegpt',
  'messages',
  'prompt-completion',
  'text',
  'preference',
  'alpaca-preference',
  'sharegpt-preference',
] as const;

export const prepareFields = {
  dataset: option(
    nameList.prefault(['starter']),
    'Corpora the poems are taken from: starter, full, tang-jinti, song-jinti, or a file of poems (.jsonl.gz).',
    '诗的来源：starter、full、tang-jinti、song-jinti，或诗作文件（.jsonl.gz）。',
  ),
  format: option(
    z.enum(DATASET_FORMATS).default('messages'),
    'Format of the files. preference: a poem and the same poem with one rule broken, as prompt, chosen, rejected.',
    '文件格式。preference 类：原诗与只破一条格律的同一首诗，作为 prompt、chosen、rejected。',
  ),
  fileType: option(
    z.enum(['jsonl', 'json']).default('jsonl'),
    'One object a line (jsonl), or one list (json).',
    '每行一条（jsonl），或整个文件一个列表（json）。',
  ),
  promptStyle: option(
    z.enum(['control', 'instruction']).default('instruction'),
    'How a poem is asked for: in a sentence, for any chat model, or with the control tokens of the shipped base model.',
    '如何出题：instruction 用一句话，适于任何对话模型；control 用自带基座模型的控制记号。',
  ),
  script: option(
    z.enum(['traditional', 'simplified']).default('traditional'),
    'Script of the files. Poems are kept in traditional characters; simplified ones are derived, which is safe.',
    '文件的字体。语料存繁体，简体由繁体转出。',
  ),
  forms: option(
    nameList.prefault([]),
    'Only these forms, e.g. 五绝,七律; neither forms nor tunes given: all.',
    '只取这些诗体，如 五绝,七律；诗体与词牌都不填则全取。',
  ),
  tunes: option(nameList.prefault([]), 'Only ci to these tunes, e.g. 浣溪沙.', '只取这些词牌，如 浣溪沙。'),
  flawlessOnly: option(
    z.boolean().default(true),
    'Only poems that keep every rule by the strict checker.',
    '只取严格合律的诗。',
  ),
  maxSamples: option(
    z.int().min(1).optional(),
    'At most this many poems, chosen at random.',
    '随机选取，至多多少首。',
    { unit: 'samples' },
  ),
  outputDir: option(
    z.string().min(1).default('data/poems'),
    'Folder of the files, of dataset_info.json and of manifest.json; its last part begins the names of the datasets.',
    '数据文件、dataset_info.json 与 manifest.json 所在的文件夹；其末段为数据集名的开头。',
  ),
  overwriteOutputDir: option(
    z.boolean().default(false),
    'Replace the files of an earlier run.',
    '覆盖先前生成的文件。',
  ),
  seed: option(seed.default(42), 'Seed of the choice of poems and of broken rules.', '选诗与制造反例的种子。'),
};
