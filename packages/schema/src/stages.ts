/** The options of every command that has some, each one a strict object put together from the concerns. */
import * as z from 'zod';
import { checkSchema } from './options/check.ts';
import { compareFields } from './options/compare.ts';
import { completionFields, dataFields, ownPoemsSchema } from './options/data.ts';
import { dpoSchema, pairsSchema } from './options/dpo.ts';
import { evaluateFields } from './options/evaluate.ts';
import { exportFields, mergeFields } from './options/export.ts';
import { beamFields, generationFields } from './options/generation.ts';
import { grpoSchema, rewardFields, rolloutFields } from './options/grpo.ts';
import { ktoSchema } from './options/kto.ts';
import { nameList, seed } from './options/lists.ts';
import { finetuningFields, sftMethodFields } from './options/lora.ts';
import { adapterFields, computeFields, modelFields, weightFields } from './options/model.ts';
import { option } from './options/option.ts';
import { prepareFields } from './options/prepare.ts';
import { pretrainFields } from './options/pretrain.ts';
import { rmSchema } from './options/rm.ts';
import { sampleFields } from './options/samples.ts';
import { engineFields, serverFields, studioFields } from './options/serve.ts';
import { templateFields } from './options/template.ts';
import { sftTrainingFields, trainingFields } from './options/training.ts';
import { polishFields, requestFields, rhymeField, targetFields, themeField } from './options/verse.ts';

function stageField<Name extends string>(name: Name) {
  return option(z.literal(name), 'Which stage this recipe is.', '本配方的阶段。', { isAdvanced: true });
}

const prepareSchema = z.strictObject({
  stage: stageField('prepare'),
  ...prepareFields,
});

const pretrainTraining = trainingFields({
  learningRate: 2e-3,
  batchSize: 1,
  epochs: 1,
  lrScheduler: 'cosine',
  weightDecay: 0.1,
  outputDir: 'runs/pretrain',
});
// A pretraining step is counted in tokens, not in poems.
const { batchSize: _batchSize, ...pretrainTrainingFields } = pretrainTraining;

export const pretrainSchema = z.strictObject({
  stage: stageField('pretrain'),
  ...pretrainFields,
  ...pretrainTrainingFields,
  ...computeFields,
});

export const sftSchema = z.strictObject({
  stage: stageField('sft'),
  ...modelFields,
  ...adapterFields,
  ...templateFields,
  ...dataFields(['starter']),
  ...completionFields,
  ownPoems: ownPoemsSchema.prefault({}),
  ...finetuningFields,
  ...sftMethodFields,
  ...trainingFields({
    learningRate: 2e-4,
    batchSize: 32,
    epochs: 1,
    lrScheduler: 'cosine',
    weightDecay: 0,
    outputDir: 'runs/sft',
  }),
  ...sftTrainingFields,
  ...sampleFields,
  ...computeFields,
});

export const dpoStageSchema = z.strictObject({
  stage: stageField('dpo'),
  ...modelFields,
  ...adapterFields,
  ...templateFields,
  ...dataFields(['starter']),
  dpo: dpoSchema.prefault({}),
  pairs: pairsSchema.prefault({}),
  ...finetuningFields,
  ...trainingFields({
    learningRate: 5e-6,
    batchSize: 16,
    epochs: 1,
    lrScheduler: 'cosine',
    weightDecay: 0,
    outputDir: 'runs/dpo',
  }),
  ...sampleFields,
  ...computeFields,
});

export const ktoStageSchema = z.strictObject({
  stage: stageField('kto'),
  ...modelFields,
  ...adapterFields,
  ...templateFields,
  ...dataFields(['starter']),
  kto: ktoSchema.prefault({}),
  pairs: pairsSchema.prefault({}),
  ...finetuningFields,
  ...trainingFields({
    learningRate: 5e-6,
    batchSize: 32,
    epochs: 1,
    lrScheduler: 'cosine',
    weightDecay: 0,
    outputDir: 'runs/kto',
  }),
  ...sampleFields,
  ...computeFields,
});

const { finetuning: _finetuning, ...loraFields } = finetuningFields;

export const rmStageSchema = z.strictObject({
  stage: stageField('rm'),
  ...modelFields,
  ...adapterFields,
  ...templateFields,
  ...dataFields(['starter']),
  rm: rmSchema.prefault({}),
  pairs: pairsSchema.prefault({}),
  finetuning: option(z.enum(['lora']).default('lora'), 'A reward model is an adapter.', '奖励模型只训练适配器。', {
    isAdvanced: true,
  }),
  ...loraFields,
  ...trainingFields({
    learningRate: 1e-4,
    batchSize: 16,
    epochs: 1,
    lrScheduler: 'cosine',
    weightDecay: 0,
    outputDir: 'runs/rm',
  }),
  ...computeFields,
});

export const grpoStageSchema = z.strictObject({
  stage: stageField('grpo'),
  ...modelFields,
  ...adapterFields,
  ...templateFields,
  dataset: dataFields(['starter']).dataset,
  grpo: grpoSchema.prefault({}),
  ...rewardFields,
  ...rolloutFields,
  // A reference beside a fully trained model would be a second model in memory.
  finetuning: option(z.enum(['lora']).default('lora'), 'GRPO trains an adapter.', 'GRPO 只训练适配器。', {
    isAdvanced: true,
  }),
  ...loraFields,
  ...trainingFields({
    learningRate: 1e-5,
    batchSize: 64,
    epochs: 1,
    lrScheduler: 'constant_with_warmup',
    weightDecay: 0,
    outputDir: 'runs/grpo',
  }),
  ...sampleFields,
  ...computeFields,
});

export const evaluateSchema = z.strictObject({
  stage: stageField('evaluate'),
  ...evaluateFields,
  ...generationFields,
  ...weightFields,
  ...computeFields,
});

export const compareSchema = z.strictObject({
  ...compareFields,
  ...generationFields,
  ...computeFields,
});

const servedAdapters = option(
  nameList.prefault([]),
  'LoRA adapters (PEFT folders, `DIR`, `DIR:scale` or `NAME=DIR`), each a model of its own beside the base; chosen by name in every request.',
  'LoRA 适配器（PEFT 文件夹，可写作 `目录`、`目录:比例` 或 `名字=目录`），各成一个模型，由请求按名选用。',
);

export const writeSchema = z.strictObject({
  ...requestFields,
  ...modelFields,
  ...adapterFields,
  count: option(z.int().min(1).max(100_000).default(1), 'How many poems.', '写几首。', { unit: 'poems' }),
  bestOf: option(
    z.int().min(1).max(1024).default(1),
    'Write so many for each poem asked for and keep the best by its score: log-probability a character + 0.2 × 对仗 of the middle couplets (of 联: its own) − 0.15 for each repeated character − 2 for each copied line.',
    '每首先写若干首，取分最高的一首：每字对数概率 + 0.2 × 中间各联（或对联）对仗 − 0.15 × 重字数 − 2 × 雷同句数。',
    { unit: 'poems' },
  ),
  score: option(
    z
      .string()
      .regex(/^(?:default|rm:.+)$/u, 'expected default or rm:FOLDER')
      .default('default'),
    'What the best is chosen by: default (the score above), or rm:FOLDER, a reward model trained by stage rm.',
    '按什么取最好的：default（上述分数）或 rm:文件夹（rm 阶段训练的奖励模型）。',
  ),
  constraints: option(
    z.boolean().default(true),
    'Only characters that can still lead to a correct poem may be drawn.',
    '只取仍能合律的字。',
  ),
  attempts: option(
    z.int().min(1).max(1000).default(8),
    'Tries for a poem that breaks its form before giving up.',
    '不合格律时最多重写几次。',
  ),
  script: option(
    z.enum(['traditional', 'simplified']).default('traditional'),
    'Script of the poems. The model writes traditional characters; simplified ones are derived, which is safe.',
    '诗的字体。模型写繁体，简体由繁体转出。',
  ),
  allowCopies: option(
    z.boolean().default(false),
    'Keep a poem although a line of it stands in the corpus; its source is named either way.',
    '句子与语料雷同也保留；无论如何都注明出处。',
  ),
  forbidNgram: option(
    z.int().min(3).max(9).optional(),
    'No so many characters in a row of a line may stand inside one line of the corpus.',
    '一句之中不得有这么多个连续的字见于语料的一句。',
    { unit: 'characters' },
  ),
  batchSize: option(z.int().min(1).max(4096).default(64), 'Poems written at the same time.', '同时写几首。', {
    unit: 'poems',
  }),
  ...generationFields,
  topP: option(
    z.number().gt(0).max(1).default(0.95),
    'Draw only from the likeliest characters that together hold this probability.',
    '只从累计概率达到此值的字中取。',
  ),
  ...beamFields,
  seed: option(
    seed.optional(),
    'Makes the poems repeatable; absent: drawn anew and reported.',
    '种子，使结果可重复；不填则随机并报告。',
  ),
  ...weightFields,
  ...computeFields,
});

/** Poems one request to the server may ask for, and candidates for each. */
const MAX_POEMS_A_REQUEST = 256;
const MAX_CANDIDATES_A_REQUEST = 64;

/** What a request to the server may say of a poem: the words of `write`, without what the server has decided. */
export const poemSchema = writeSchema
  .omit({
    model: true,
    adapter: true,
    quantization: true,
    computeType: true,
    kernels: true,
    threads: true,
    batchSize: true,
    // Names a folder of the server's.
    score: true,
  })
  .extend({
    count: option(z.int().min(1).max(MAX_POEMS_A_REQUEST).default(1), 'How many poems.', '写几首。', { unit: 'poems' }),
    bestOf: option(
      z.int().min(1).max(MAX_CANDIDATES_A_REQUEST).default(1),
      'Write so many for each poem asked for and keep the best by its score.',
      '每首先写若干首，取分最高的一首。',
      { unit: 'poems' },
    ),
  });

export const serveSchema = z.strictObject({
  ...modelFields,
  adapter: servedAdapters,
  ...serverFields,
  ...engineFields,
  ...weightFields,
  ...computeFields,
});

export const studioSchema = z.strictObject({
  ...modelFields,
  adapter: servedAdapters,
  ...studioFields,
  ...serverFields,
  ...engineFields,
  ...weightFields,
  ...computeFields,
});

export const chatSchema = z.strictObject({
  ...modelFields,
  adapter: servedAdapters,
  system: option(
    z.string().min(1).optional(),
    'What the model is told before the conversation.',
    '对话之前先告诉模型的话。',
  ),
  form: requestFields.form,
  tune: requestFields.tune,
  rhyme: requestFields.rhyme,
  style: requestFields.style,
  ...generationFields,
  topP: writeSchema.shape.topP,
  maxNewTokens: engineFields.maxNewTokens,
  contextLength: engineFields.contextLength,
  ...weightFields,
  ...computeFields,
});

export const polishSchema = z.strictObject({
  ...targetFields,
  ...polishFields,
  ...modelFields,
  ...adapterFields,
  temperature: generationFields.temperature,
  batchSize: option(z.int().min(1).max(4096).default(64), 'Rewrites tried at the same time.', '同时试几种。', {
    unit: 'poems',
  }),
  seed: option(
    seed.optional(),
    'Makes the rewrites repeatable; absent: drawn anew and reported.',
    '种子，使结果可重复；不填则随机并报告。',
  ),
  ...computeFields,
});

export const demoSchema = z.strictObject({
  theme: themeField,
  rhyme: rhymeField,
  outputDir: option(z.string().min(1).default('runs/demo'), 'Where the demo works.', '演示的运行文件夹。'),
  overwriteOutputDir: option(z.boolean().default(false), 'Begin anew.', '从头重来。'),
  seed: option(seed.default(42), 'Seed of the whole demo.', '整个演示的种子。'),
  ...computeFields,
});

export const mergeSchema = z.strictObject({ ...modelFields, ...mergeFields, ...computeFields });
export const exportSchema = z.strictObject({ ...modelFields, ...exportFields, ...computeFields });

/** Every set of options, by the command or stage it belongs to. */
export const OPTION_SETS = {
  prepare: prepareSchema,
  pretrain: pretrainSchema,
  sft: sftSchema,
  dpo: dpoStageSchema,
  kto: ktoStageSchema,
  rm: rmStageSchema,
  grpo: grpoStageSchema,
  evaluate: evaluateSchema,
  compare: compareSchema,
  write: writeSchema,
  poem: poemSchema,
  serve: serveSchema,
  studio: studioSchema,
  chat: chatSchema,
  polish: polishSchema,
  check: checkSchema,
  demo: demoSchema,
  merge: mergeSchema,
  export: exportSchema,
} as const;

export type OptionSetName = keyof typeof OPTION_SETS;

/** Stages a recipe can name. */
export const STAGES = ['prepare', 'pretrain', 'sft', 'dpo', 'kto', 'rm', 'grpo', 'evaluate'] as const;
export type Stage = (typeof STAGES)[number];

/** Resolved options: every default filled in. */
export type PrepareRecipe = z.output<typeof prepareSchema>;
export type PretrainRecipe = z.output<typeof pretrainSchema>;
export type SftRecipe = z.output<typeof sftSchema>;
export type DpoRecipe = z.output<typeof dpoStageSchema>;
export type KtoRecipe = z.output<typeof ktoStageSchema>;
export type RmRecipe = z.output<typeof rmStageSchema>;
export type GrpoRecipe = z.output<typeof grpoStageSchema>;
export type EvaluateRecipe = z.output<typeof evaluateSchema>;
export type Recipe =
  | PrepareRecipe
  | PretrainRecipe
  | SftRecipe
  | DpoRecipe
  | KtoRecipe
  | RmRecipe
  | GrpoRecipe
  | EvaluateRecipe;
export type CompareOptions = z.output<typeof compareSchema>;
export type WriteOptions = z.output<typeof writeSchema>;
export type PoemOptions = z.output<typeof poemSchema>;
export type ServeOptions = z.output<typeof serveSchema>;
export type StudioOptions = z.output<typeof studioSchema>;
export type ChatOptions = z.output<typeof chatSchema>;
export type PolishOptions = z.output<typeof polishSchema>;
export type CheckOptions = z.output<typeof checkSchema>;
export type DemoOptions = z.output<typeof demoSchema>;
export type MergeOptions = z.output<typeof mergeSchema>;
export type ExportOptions = z.output<typeof exportSchema>;

/** What a program may pass: our names, defaults left out, the stage implied by the function called. */
export type PrepareInput = Omit<z.input<typeof prepareSchema>, 'stage'>;
export type PretrainInput = Omit<z.input<typeof pretrainSchema>, 'stage'>;
export type SftInput = Omit<z.input<typeof sftSchema>, 'stage'>;
export type DpoInput = Omit<z.input<typeof dpoStageSchema>, 'stage'>;
export type KtoInput = Omit<z.input<typeof ktoStageSchema>, 'stage'>;
export type RmInput = Omit<z.input<typeof rmStageSchema>, 'stage'>;
export type GrpoInput = Omit<z.input<typeof grpoStageSchema>, 'stage'>;
export type EvaluateInput = Omit<z.input<typeof evaluateSchema>, 'stage'>;
export type CompareInput = z.input<typeof compareSchema>;
export type WriteInput = z.input<typeof writeSchema>;
export type DemoInput = z.input<typeof demoSchema>;

export type ResolvedOptions<Name extends OptionSetName> = z.output<(typeof OPTION_SETS)[Name]>;
export type LoraOptions = SftRecipe['lora'];
export type DpoLossOptions = DpoRecipe['dpo'];
export type GeometryOptions = PretrainRecipe['geometry'];
