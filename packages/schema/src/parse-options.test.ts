import { describe, expect, it } from 'vitest';
import { ALIASES } from './aliases.ts';
import { describeOptions } from './describe-options.ts';
import { OptionError } from './errors.ts';
import { FOREIGN_NAMES } from './foreign-names.ts';
import { parseRung } from './options/evaluate.ts';
import { parseOptions, parseRecipe } from './parse-options.ts';
import { pathsOf } from './resolve-names.ts';
import { OPTION_SETS, type OptionSetName, type SftRecipe } from './stages.ts';

function refusal(run: () => unknown): OptionError {
  try {
    run();
  } catch (error) {
    if (error instanceof OptionError) return error;
    throw error;
  }
  throw new Error('expected a refusal');
}

const parseSft = (input: object) => parseRecipe({ stage: 'sft', ...input }).recipe as SftRecipe;
const SETS = Object.keys(OPTION_SETS) as OptionSetName[];

describe('parseRecipe', () => {
  it('fills in every default and is stable when its result is read again', () => {
    for (const stage of ['prepare', 'pretrain', 'sft', 'dpo', 'evaluate'] as const) {
      const { recipe, warnings } = parseRecipe({ stage });
      expect(warnings).toEqual([]);
      expect(parseRecipe(JSON.parse(JSON.stringify(recipe))).recipe).toEqual(recipe);
    }
  });

  it("reads LLaMA-Factory's example for Qwen3 (SFT with LoRA)", () => {
    const { recipe, warnings } = parseRecipe({
      model_name_or_path: 'Qwen/Qwen3-4B-Instruct-2507',
      trust_remote_code: true,
      stage: 'sft',
      do_train: true,
      finetuning_type: 'lora',
      lora_rank: 8,
      lora_target: 'all',
      dataset: 'identity,alpaca_en_demo',
      template: 'qwen3_nothink',
      cutoff_len: 2048,
      max_samples: 1000,
      preprocessing_num_workers: 16,
      dataloader_num_workers: 4,
      output_dir: 'saves/qwen3-4b/lora/sft',
      logging_steps: 10,
      save_steps: 500,
      plot_loss: true,
      overwrite_output_dir: true,
      save_only_model: false,
      report_to: 'none',
      per_device_train_batch_size: 1,
      gradient_accumulation_steps: 8,
      learning_rate: 1e-4,
      num_train_epochs: 3.0,
      lr_scheduler_type: 'cosine',
      warmup_ratio: 0.1,
      bf16: true,
      ddp_timeout: 180000000,
      resume_from_checkpoint: null,
    });
    expect(recipe).toMatchObject({
      stage: 'sft',
      model: 'Qwen/Qwen3-4B-Instruct-2507',
      dataset: ['identity', 'alpaca_en_demo'],
      lora: { rank: 8, targetModules: 'all-linear' },
      maxLength: 2048,
      batchSize: 1,
      gradientAccumulationSteps: 8,
      learningRate: 1e-4,
      epochs: 3,
      computeType: 'bf16',
      resume: false,
    });
    expect(warnings.join()).toContain('report_to is ignored');
  });

  it("reads TRL's DPO names and turns a list of one loss into the loss", () => {
    const { recipe } = parseRecipe({
      stage: 'dpo',
      beta: 0.2,
      loss_type: ['ipo'],
      label_smoothing: 0.1,
      use_peft: true,
      lora_r: 4,
      max_steps: -1,
    });
    expect(recipe).toMatchObject({ dpo: { beta: 0.2, lossType: ['ipo'], labelSmoothing: 0.1 }, lora: { rank: 4 } });
    expect('maxSteps' in recipe).toBe(false);
  });

  it('takes aliases inside their section, and dotted keys', () => {
    expect(parseSft({ lora: { r: 4, lora_alpha: 8 } }).lora).toMatchObject({ rank: 4, alpha: 8 });
    expect(parseSft({ 'lora.rank': 4 }).lora.rank).toBe(4);
  });

  it('reads null as not set', () => {
    expect(parseSft({ max_steps: null, lora_alpha: null, evalDataset: null })).toEqual(parseSft({}));
  });

  it('negates train_on_prompt', () => {
    expect(parseSft({ train_on_prompt: true }).completionOnlyLoss).toBe(false);
    expect(parseSft({ train_on_prompt: false }).completionOnlyLoss).toBe(true);
  });

  it('warns about names whose meaning had to be guessed', () => {
    const { warnings } = parseRecipe({ stage: 'sft', data_path: 'a.json', max_seq_length: 512, use_lora: true });
    expect(warnings).toHaveLength(3);
  });

  it.each([
    [{ learningrate: 1 }, 'option-unknown', 'sft: unknown option "learningrate"; did you mean "learningRate"?'],
    [{ leraning_rate: 1 }, 'option-unknown', 'sft: unknown option "leraning_rate"; did you mean "learningRate"?'],
    [{ lora: { rnak: 8 } }, 'option-unknown', 'sft: unknown option "lora.rnak"; did you mean "lora.rank"?'],
    [{ rank: 8 }, 'option-unknown', 'sft: unknown option "rank"; did you mean "lora.rank"?'],
    [{ xyzzy: 8 }, 'option-unknown', 'sft: unknown option "xyzzy"'],
    [{ beta: 0.1 }, 'option-unknown', 'sft: "beta" means dpo.beta, which sft does not have'],
    [{ batchSize: 0 }, 'option-bad-value', 'sft: batchSize: expected at least 1, got 0'],
    [{ batchSize: 'many' }, 'option-bad-value', 'sft: batchSize: expected a number, got "many"'],
    [{ lora: 8 }, 'option-bad-value', 'sft: lora: expected a map, got 8'],
    [
      { lrScheduler: 'cosin' },
      'option-bad-value',
      'sft: lrScheduler: expected one of linear, cosine, cosine_with_restarts, cosine_with_min_lr, cosine_warmup_with_min_lr, polynomial, constant, constant_with_warmup, inverse_sqrt, warmup_stable_decay, got "cosin"; did you mean "cosine"?',
    ],
    [
      { learning_rate: 1, learningRate: 2 },
      'option-twice',
      'sft: "learning_rate" and "learningRate" both set learningRate',
    ],
    [
      { load_in_8bit: true },
      'option-unsupported',
      'sft: load_in_8bit: true cannot be done: 8-bit training is not in this version',
    ],
    [{ resume: 3 }, 'option-bad-value', 'sft: resume: expected true or false or text, got 3'],
    [
      { stage: 'ppo' },
      'stage-not-yet',
      'recipe: stage ppo is not in this version; there are prepare, pretrain, sft, dpo, kto, rm, grpo, evaluate',
    ],
    [
      { stage: 'sfft' },
      'stage-unknown',
      'recipe: stage: expected one of prepare, pretrain, sft, dpo, kto, rm, grpo, evaluate, got "sfft"; did you mean "sft"?',
    ],
  ])('refuses %o', (input, code, message) => {
    const error = refusal(() => parseRecipe({ stage: 'sft', ...input }));
    expect(error.message).toBe(message);
    expect(error.code).toBe(code);
  });

  it('refuses a recipe without a stage, and one for another stage than the command', () => {
    expect(refusal(() => parseRecipe({})).code).toBe('option-missing');
    expect(refusal(() => parseRecipe({ stage: 'dpo' }, 'sft')).message).toBe('sft: the recipe is for stage dpo');
    expect(parseRecipe({}, 'sft').recipe.stage).toBe('sft');
    expect(refusal(() => parseRecipe([1])).code).toBe('recipe-not-a-map');
  });
});

describe('parseOptions', () => {
  it('understands Chinese names of books and forms', () => {
    expect(parseOptions('check', { book: '词林正韵', form: '七言绝句' }).options).toMatchObject({
      book: 'cilin',
      form: '七绝',
    });
  });

  it('reads rungs of the ladder', () => {
    expect(parseRung('dpo=models/base-poet+runs/dpo:0.5')).toEqual({
      name: 'dpo',
      model: 'models/base-poet',
      adapter: ['runs/dpo:0.5'],
    });
    expect(parseRung('qwen=http://localhost:8000/v1#Qwen/Qwen3-0.6B')).toEqual({
      name: 'qwen',
      model: 'Qwen/Qwen3-0.6B',
      adapter: [],
      url: 'http://localhost:8000/v1',
    });
    expect(parseRung('https://h/v1#a=b')).toMatchObject({ name: 'a=b', model: 'a=b', url: 'https://h/v1' });
    expect(parseRung('models/base-poet+runs/sft').name).toBe('sft');
    expect(parseOptions('evaluate', { stage: 'evaluate', models: 'a,b=c' }).options.models).toHaveLength(2);
  });
});

describe('grpo', () => {
  it("reads a recipe in TRL's words", () => {
    const { recipe } = parseRecipe({
      stage: 'grpo',
      model_name_or_path: 'm',
      num_generations: 4,
      num_iterations: 2,
      beta: 0.04,
      loss_type: ['dr_grpo'],
      scale_rewards: false,
      epsilon_high: 0.28,
      max_completion_length: 96,
      mask_truncated_completions: true,
      reward_funcs: ['shape', './moon.ts'],
      reward_weights: '1, 0.5',
      per_device_train_batch_size: 8,
      use_vllm: false,
    });
    expect(recipe).toMatchObject({
      grpo: {
        numGenerations: 4,
        numIterations: 2,
        beta: 0.04,
        lossType: 'dr_grpo',
        scaleRewards: 'none',
        epsilonHigh: 0.28,
        maskTruncatedCompletions: true,
      },
      rewards: ['shape', './moon.ts'],
      rewardWeights: [1, 0.5],
      maxNewTokens: 96,
      batchSize: 8,
    });
    // The same word is DPO's there.
    expect(parseRecipe({ stage: 'dpo', beta: 0.3 }).recipe).toMatchObject({ dpo: { beta: 0.3 } });
  });

  it.each([
    [{ reward_weights: '1,x' }, /rewardWeights/],
    [{ finetuning_type: 'full' }, /finetuning: expected lora/],
    [{ generation_batch_size: 512 }, /batchSize × grpo.stepsPerGeneration/],
  ])('refuses %o', (input, message) => {
    expect(() => parseRecipe({ stage: 'grpo', ...input })).toThrow(message);
  });
});

describe('describeOptions', () => {
  it('says type, default, unit, flag and other names', () => {
    const options = new Map(describeOptions('sft').map((entry) => [entry.path, entry]));
    expect(options.get('lora.targetModules')).toMatchObject({ type: 'list', defaultValue: 'all-linear' });
    expect(options.get('dataset')).toMatchObject({ type: 'list', defaultValue: ['starter'] });
    expect(options.get('maxLength')).toMatchObject({
      flag: '--max-length',
      type: 'integer',
      unit: 'tokens',
      defaultValue: 1024,
      aliases: ['cutoff_len', 'max_length', 'max_seq_length'],
    });
  });
});

describe('the tables', () => {
  it('every alias leads to an option that exists', () => {
    const paths = new Set(SETS.flatMap(pathsOf));
    expect(ALIASES.filter((alias) => !paths.has(alias.path))).toEqual([]);
  });

  it.each(SETS)('%s: no name stands in two tables or for two options', (set) => {
    const paths = new Set(pathsOf(set));
    const own = ALIASES.filter((alias) => paths.has(alias.path));
    const names = [...own, ...FOREIGN_NAMES].map((entry) => entry.name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it.each(SETS)('%s: every option has a meaning in both languages, and describeOptions lists them all', (set) => {
    const descriptions = describeOptions(set);
    expect(descriptions.map((entry) => entry.path)).toEqual(pathsOf(set).filter((path) => path !== 'stage'));
    for (const entry of descriptions) {
      expect(entry.description.en, entry.path).not.toBe('');
      expect(entry.description.zh, entry.path).toMatch(/\p{Script=Han}/u);
    }
  });
});

describe('adapters and 4-bit bases, under every name', () => {
  const parse = (input: Record<string, unknown>) => parseOptions('sft', { stage: 'sft', ...input }).options;

  it('LLaMA-Factory’s QLoRA recipe is read as it is', () => {
    const options = parse({
      quantization_bit: 4,
      quantization_type: 'fp4',
      quantization_method: 'bnb',
      double_quantization: false,
      use_dora: true,
      loraplus_lr_ratio: 16,
      pissa_init: true,
      additional_target: 'norm,lm_head',
      optim: 'paged_adamw_8bit',
    });
    expect(options.quantization).toEqual({ bits: 4, type: 'fp4', doubleQuant: false });
    expect(options.lora).toMatchObject({ useDora: true, loraplusLrRatio: 16, initialization: 'pissa' });
    expect(options.lora.modulesToSave).toEqual(['norm', 'lm_head']);
    expect(options.optimizer).toBe('paged_adamw_8bit');
  });

  it('TRL’s and PEFT’s names too; patterns as a map or as text', () => {
    const options = parse({
      load_in_4bit: true,
      bnb_4bit_quant_type: 'nf4',
      use_bnb_nested_quant: true,
      init_lora_weights: 'pissa_niter_16',
      rank_pattern: { q_proj: 4 },
      alpha_pattern: 'q_proj=8,layers.0.mlp=2.5',
      optim: 'adamw_bnb_8bit',
      neftune_noise_alpha: 5,
      load_best_model_at_end: true,
    });
    expect(options.quantization).toEqual({ bits: 4, type: 'nf4', doubleQuant: true });
    expect(options.lora).toMatchObject({
      initialization: 'pissa',
      rankPattern: { q_proj: 4 },
      alphaPattern: { q_proj: 8, 'layers.0.mlp': 2.5 },
    });
    expect(options).toMatchObject({ optimizer: 'adamw_8bit', neftuneNoiseAlpha: 5, loadBestModelAtEnd: true });
  });
});
