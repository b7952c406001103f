/** The base model from nothing: geometry, tokens, data. */
import * as z from 'zod';
import { option } from './option.ts';

/** Qwen3 geometry; names as in config.json, in camel case. */
const geometrySchema = z.strictObject({
  hiddenSize: option(z.int().min(8).default(256), 'Width of the residual stream.', '残差流宽度。', {
    unit: 'channels',
  }),
  intermediateSize: option(z.int().min(8).default(768), 'Width inside the MLP.', 'MLP 内部宽度。', {
    unit: 'channels',
  }),
  layers: option(z.int().min(1).default(8), 'Transformer blocks.', '层数。'),
  heads: option(z.int().min(1).default(4), 'Query heads.', '查询头数。'),
  kvHeads: option(
    z.int().min(1).optional(),
    'Key/value heads; absent: as many as heads.',
    '键值头数；不填则与查询头相同。',
  ),
  headDim: option(
    z.int().min(2).optional(),
    'Channels per head; absent: hiddenSize / heads.',
    '每头通道数；不填为 hiddenSize / heads。',
    {
      unit: 'channels',
    },
  ),
  vocabSize: option(
    z.int().min(64).default(8192),
    'Entries of the character vocabulary, control tokens included.',
    '字表大小，含控制记号。',
    { unit: 'tokens' },
  ),
  maxPositions: option(z.int().min(32).default(512), 'Longest sequence.', '最大长度。', { unit: 'tokens' }),
  ropeTheta: option(z.number().positive().default(10000), 'Base of the rotary embedding.', '旋转位置编码的底数。'),
  tieWordEmbeddings: option(
    z.boolean().default(true),
    'Use the input embedding as output head too.',
    '输出层与输入嵌入共用权重。',
  ),
});

/** Where the vocabulary and the embeddings of a new base model come from. */
const vocabularySchema = z.strictObject({
  authors: option(
    z.int().min(0).default(200),
    'Authors with a control token: the most prolific.',
    '有专属记号的作者数。',
  ),
  tunes: option(z.int().min(0).default(120), 'Ci tunes with a control token: the commonest.', '有专属记号的词牌数。'),
  toneStrength: option(
    z.number().min(0).default(0.7),
    'Length of the tone direction in a starting embedding, relative to its noise; 0: none.',
    '初始字嵌入中平仄方向与噪声之比；0 表示不用。',
  ),
  rhymeStrength: option(
    z.number().min(0).default(1),
    'Length of the rhyme-group direction in a starting embedding, relative to its noise; 0: none.',
    '初始字嵌入中韵部方向与噪声之比；0 表示不用。',
  ),
});

export const pretrainFields = {
  model: option(
    z.string().min(1).optional(),
    'Go on reading with this model: its weights, tokenizer and shape, in place of geometry and vocabulary. Absent: a new model.',
    '从此模型接着读：用它的权重、分词器与结构，不用 geometry 与 vocabulary。不填则新建模型。',
  ),
  vocabulary: vocabularySchema.prefault({}),
  oldStyleShare: option(
    z.number().min(0).max(1).default(0.25),
    'Share of the poems that are neither regulated verse nor ci (old style, long forms) read in each epoch.',
    '古体、长篇等非近体非词作品每遍所读的比例。',
  ),
  requestsPerPoem: option(
    z.int().min(1).max(64).default(1),
    'Requests drawn for each poem, each saying another random part of what is known; an epoch reads the poem as often.',
    '每首诗抽取的题面数，各说出已知信息的不同部分；一遍之中该诗即读这么多次。',
  ),
  maxPoemTokens: option(z.int().min(16).default(192), 'Longer poems are left out.', '更长的作品不读。', {
    unit: 'tokens',
  }),
  matrixLearningRate: option(
    z.number().min(0).optional(),
    'muon: peak learning rate of the 2-D weights; absent: learningRate.',
    'muon：二维权重的学习率峰值；不填则同 learningRate。',
  ),
  corpus: option(
    z.string().min(1).default('full'),
    'Poems to learn from: full (after `tuiqiao corpus pull`), starter (ships with the product), or a JSON lines file.',
    '语料：full（先运行 tuiqiao corpus pull）、starter（随产品附带）或 JSONL 文件。',
  ),
  geometry: geometrySchema.prefault({}),
  tokensPerStep: option(
    z.int().min(64).default(4096),
    'Tokens of one forward pass; poems are laid end to end up to this number.',
    '一次前向的记号数；诗首尾相接至此为止。',
    { unit: 'tokens' },
  ),
  totalTokens: option(
    z.int().min(1).optional(),
    'Stop after so many tokens; wins over epochs.',
    '训练记号总数上限；优先于 epochs。',
    { unit: 'tokens' },
  ),
};
