/**
 * Other projects' names for our options: LLaMA-Factory's, TRL's, PEFT's, Transformers', mlx-lm's and the OpenAI wire's.
 * One explicit table, read by `resolveNames`. A name belongs to every option set that has its path; where it stands twice
 * (`beta`), no option set has both.
 */

/** Returned by a conversion when the value says nothing that our option could hold: the key is dropped. */
export const DROPPED = Symbol('dropped');

export type Origin = 'LLaMA-Factory' | 'TRL' | 'PEFT' | 'AdapterHub' | 'Transformers' | 'mlx-lm' | 'OpenAI' | 'other';

export interface Alias {
  readonly name: string;
  /** Our option, dotted when inside a section. */
  readonly path: string;
  readonly from: Origin;
  /** From their value to ours; unknown values go through unchanged and are judged by the option itself. */
  readonly convert?: (value: unknown) => unknown;
  /** Shown when the name is used. */
  readonly warning?: string;
}

const negate = (value: unknown): unknown => (typeof value === 'boolean' ? !value : value);
/** PEFT's names of what we call by one word. */
const method = (value: unknown): unknown => {
  const words: Readonly<Record<string, string>> = { prompt_tuning: 'prompt', prefix_tuning: 'prefix' };
  return typeof value === 'string' ? (words[value.toLowerCase()] ?? value) : value;
};
const activation = (value: unknown): unknown => (value === 'swish' ? 'silu' : value === 'gelu_new' ? 'gelu' : value);
const loraOrFull = (value: unknown): unknown => (typeof value === 'boolean' ? (value ? 'lora' : 'full') : value);
const single = (value: unknown): unknown => (Array.isArray(value) && value.length === 1 ? value[0] : value);
const unlimited = (value: unknown): unknown => (typeof value === 'number' && value < 0 ? DROPPED : value);
const targets = (value: unknown): unknown => (value === 'all' ? 'all-linear' : value);
const stepsOrNever = (value: unknown): unknown => {
  if (value === 'no' || value === false) return 0;
  return value === 'steps' ? DROPPED : value;
};
const groupOrNone = (value: unknown): unknown => (typeof value === 'boolean' ? (value ? 'group' : 'none') : value);
const bf16 = (value: unknown): unknown => (typeof value === 'boolean' ? (value ? 'bf16' : 'f32') : value);

/** `adamw_torch`, `adamw_torch_fused`, `adamw_hf`: one update rule under many names. */
function optimizer(value: unknown): unknown {
  const known: Readonly<Record<string, string>> = {
    adamw_bnb_8bit: 'adamw_8bit',
    adamw_8bit: 'adamw_8bit',
    paged_adamw_32bit: 'paged_adamw',
    lion_32bit: 'lion',
    paged_lion_32bit: 'paged_lion',
  };
  if (typeof value === 'string' && known[value] !== undefined) return known[value];
  return typeof value === 'string' && /^adamw(_(torch|torch_fused|hf|torch_xla|apex_fused))?$/u.test(value)
    ? 'adamw'
    : value;
}

/** PEFT's `true` is its default start; `pissa_niter_16` says how the same start is computed. */
function initialization(value: unknown): unknown {
  if (value === true) return DROPPED;
  return typeof value === 'string' && /^pissa(_niter_\d+)?$/u.test(value) ? 'pissa' : value;
}
function alias(from: Origin, name: string, path: string, convert?: Alias['convert'], warning?: string): Alias {
  return {
    name,
    path,
    from,
    ...(convert === undefined ? {} : { convert }),
    ...(warning === undefined ? {} : { warning }),
  };
}

export const ALIASES: readonly Alias[] = [
  // model and method
  alias('LLaMA-Factory', 'model_name_or_path', 'model'),
  alias('other', 'base_model', 'model'),
  alias('LLaMA-Factory', 'adapter_name_or_path', 'adapter'),
  alias('LLaMA-Factory', 'finetuning_type', 'finetuning', method),
  alias('mlx-lm', 'fine_tune_type', 'finetuning'),
  alias('TRL', 'use_peft', 'finetuning', loraOrFull),
  alias('other', 'use_lora', 'finetuning', loraOrFull, 'use_lora is understood as finetuning: lora'),
  // LoRA
  alias('LLaMA-Factory', 'lora_rank', 'lora.rank'),
  alias('TRL', 'lora_r', 'lora.rank'),
  alias('PEFT', 'r', 'lora.rank'),
  alias('PEFT', 'lora_alpha', 'lora.alpha'),
  alias('PEFT', 'lora_dropout', 'lora.dropout'),
  alias('LLaMA-Factory', 'lora_target', 'lora.targetModules', targets),
  alias('TRL', 'lora_target_modules', 'lora.targetModules', targets),
  alias('PEFT', 'target_modules', 'lora.targetModules', targets),
  alias('PEFT', 'use_rslora', 'lora.useRslora'),
  alias('PEFT', 'use_dora', 'lora.useDora'),
  alias('PEFT', 'init_lora_weights', 'lora.initialization', initialization),
  alias('LLaMA-Factory', 'pissa_init', 'lora.initialization', (value) => (value === true ? 'pissa' : DROPPED)),
  alias('LLaMA-Factory', 'loraplus_lr_ratio', 'lora.loraplusLrRatio'),
  alias('PEFT', 'rank_pattern', 'lora.rankPattern'),
  alias('PEFT', 'alpha_pattern', 'lora.alphaPattern'),
  alias('PEFT', 'modules_to_save', 'lora.modulesToSave'),
  alias('LLaMA-Factory', 'additional_target', 'lora.modulesToSave'),
  // 4-bit base
  alias('LLaMA-Factory', 'quantization_bit', 'quantization.bits', (value) => (value === false ? DROPPED : value)),
  alias('TRL', 'load_in_4bit', 'quantization.bits', (value) => (value === true ? 4 : DROPPED)),
  alias('LLaMA-Factory', 'quantization_type', 'quantization.type'),
  alias('TRL', 'bnb_4bit_quant_type', 'quantization.type'),
  alias('LLaMA-Factory', 'double_quantization', 'quantization.doubleQuant'),
  alias('TRL', 'use_bnb_nested_quant', 'quantization.doubleQuant'),
  alias('Transformers', 'bnb_4bit_use_double_quant', 'quantization.doubleQuant'),
  // freeze
  alias('LLaMA-Factory', 'freeze_trainable_layers', 'freeze.trainableLayers'),
  alias('LLaMA-Factory', 'freeze_trainable_modules', 'freeze.trainableModules'),
  alias('LLaMA-Factory', 'freeze_extra_modules', 'freeze.extraModules'),
  // virtual tokens
  alias('PEFT', 'num_virtual_tokens', 'softPrompt.virtualTokens'),
  alias('PEFT', 'prompt_tuning_init_text', 'softPrompt.initialText'),
  // bottleneck adapters
  alias('AdapterHub', 'reduction_factor', 'bottleneck.reductionFactor'),
  alias('AdapterHub', 'non_linearity', 'bottleneck.activation', activation),
  // data
  alias('TRL', 'dataset_name', 'dataset'),
  alias('TRL', 'datasets', 'dataset'),
  alias('mlx-lm', 'data', 'dataset'),
  alias('other', 'data_path', 'dataset', undefined, 'data_path is understood as dataset'),
  alias('LLaMA-Factory', 'eval_dataset', 'evalDataset'),
  alias('LLaMA-Factory', 'dataset_dir', 'datasetDir'),
  alias('LLaMA-Factory', 'max_samples', 'maxSamples'),
  alias('LLaMA-Factory', 'val_size', 'valSize'),
  alias('LLaMA-Factory', 'cutoff_len', 'maxLength'),
  alias('TRL', 'max_length', 'maxLength'),
  alias(
    'TRL',
    'max_seq_length',
    'maxLength',
    undefined,
    'max_seq_length is called max_length in TRL now; read as maxLength',
  ),
  alias('LLaMA-Factory', 'train_on_prompt', 'completionOnlyLoss', negate),
  alias('TRL', 'completion_only_loss', 'completionOnlyLoss'),
  alias('TRL', 'assistant_only_loss', 'completionOnlyLoss', (value) => (value === false ? DROPPED : value)),
  alias('mlx-lm', 'mask_prompt', 'completionOnlyLoss'),
  // preference
  alias('TRL', 'beta', 'dpo.beta'),
  alias('LLaMA-Factory', 'pref_beta', 'dpo.beta'),
  alias('TRL', 'loss_type', 'dpo.lossType'),
  alias('TRL', 'loss_weights', 'dpo.lossWeights'),
  alias('TRL', 'simpo_gamma', 'dpo.simpoGamma'),
  alias('TRL', 'cpo_alpha', 'dpo.cpoAlpha'),
  alias('LLaMA-Factory', 'pref_loss', 'dpo.lossType'),
  alias('TRL', 'label_smoothing', 'dpo.labelSmoothing'),
  alias('LLaMA-Factory', 'dpo_label_smoothing', 'dpo.labelSmoothing'),
  alias('LLaMA-Factory', 'pref_ftx', 'dpo.ftxWeight'),
  alias('TRL', 'rpo_alpha', 'dpo.sftWeight'),
  alias('TRL', 'beta', 'kto.beta'),
  alias('TRL', 'loss_type', 'kto.lossType', single),
  alias('TRL', 'desirable_weight', 'kto.desirableWeight'),
  alias('TRL', 'undesirable_weight', 'kto.undesirableWeight'),
  alias('LLaMA-Factory', 'kto_chosen_weight', 'kto.desirableWeight'),
  alias('LLaMA-Factory', 'kto_rejected_weight', 'kto.undesirableWeight'),
  alias('LLaMA-Factory', 'pref_beta', 'kto.beta'),
  alias('TRL', 'center_rewards_coefficient', 'rm.centerRewardsCoefficient'),
  // on-policy
  alias('TRL', 'beta', 'grpo.beta'),
  alias('TRL', 'loss_type', 'grpo.lossType', single),
  alias('TRL', 'num_generations', 'grpo.numGenerations'),
  alias('TRL', 'num_iterations', 'grpo.numIterations'),
  alias('TRL', 'steps_per_generation', 'grpo.stepsPerGeneration'),
  alias('TRL', 'epsilon', 'grpo.epsilon'),
  alias('TRL', 'epsilon_high', 'grpo.epsilonHigh'),
  alias('TRL', 'delta', 'grpo.delta'),
  alias('TRL', 'importance_sampling_level', 'grpo.importanceSamplingLevel'),
  alias('TRL', 'scale_rewards', 'grpo.scaleRewards', groupOrNone),
  alias('TRL', 'mask_truncated_completions', 'grpo.maskTruncatedCompletions'),
  alias('TRL', 'entropy_coef', 'grpo.entropyCoefficient'),
  alias('TRL', 'reward_funcs', 'rewards'),
  alias('TRL', 'reward_weights', 'rewardWeights'),
  alias('TRL', 'max_completion_length', 'maxNewTokens'),
  // optimizer and schedule
  alias('Transformers', 'learning_rate', 'learningRate'),
  alias('other', 'lr', 'learningRate'),
  alias('Transformers', 'lr_scheduler_type', 'lrScheduler'),
  alias('Transformers', 'warmup_ratio', 'warmupRatio'),
  alias('Transformers', 'warmup_steps', 'warmupSteps', (value) => (value === 0 ? DROPPED : value)),
  alias('Transformers', 'num_train_epochs', 'epochs'),
  alias('Transformers', 'max_steps', 'maxSteps', unlimited),
  alias('mlx-lm', 'iters', 'maxSteps'),
  alias('Transformers', 'per_device_train_batch_size', 'batchSize'),
  alias('mlx-lm', 'batch_size', 'batchSize'),
  alias('Transformers', 'gradient_accumulation_steps', 'gradientAccumulationSteps'),
  alias('Transformers', 'optim', 'optimizer', optimizer),
  alias('Transformers', 'label_smoothing_factor', 'labelSmoothing'),
  alias('Transformers', 'neftune_noise_alpha', 'neftuneNoiseAlpha'),
  alias('LLaMA-Factory', 'early_stopping_steps', 'earlyStoppingPatience', (value) => (value === 0 ? DROPPED : value)),
  alias('Transformers', 'early_stopping_patience', 'earlyStoppingPatience'),
  alias('Transformers', 'early_stopping_threshold', 'earlyStoppingThreshold'),
  alias('Transformers', 'load_best_model_at_end', 'loadBestModelAtEnd'),
  alias('Transformers', 'weight_decay', 'weightDecay'),
  alias('Transformers', 'max_grad_norm', 'maxGradNorm'),
  alias('Transformers', 'gradient_checkpointing', 'gradientCheckpointing'),
  alias('Transformers', 'adam_beta1', 'adamBeta1'),
  alias('Transformers', 'adam_beta2', 'adamBeta2'),
  alias('Transformers', 'adam_epsilon', 'adamEpsilon'),
  alias('Transformers', 'bf16', 'computeType', bf16),
  alias('LLaMA-Factory', 'pure_bf16', 'computeType', (value) => (value === false ? DROPPED : bf16(value))),
  // the run
  alias('Transformers', 'output_dir', 'outputDir'),
  alias('LLaMA-Factory', 'export_dir', 'outputDir'),
  alias('LLaMA-Factory', 'overwrite_output_dir', 'overwriteOutputDir'),
  alias('Transformers', 'resume_from_checkpoint', 'resume'),
  alias('Transformers', 'logging_steps', 'loggingSteps'),
  alias('Transformers', 'save_steps', 'saveSteps'),
  alias('Transformers', 'save_strategy', 'saveSteps', stepsOrNever),
  alias('Transformers', 'save_total_limit', 'saveTotalLimit'),
  alias('Transformers', 'eval_steps', 'evalSteps'),
  alias('Transformers', 'eval_strategy', 'evalSteps', stepsOrNever),
  alias('Transformers', 'evaluation_strategy', 'evalSteps', stepsOrNever),
  alias('other', 'sample_every_n_steps', 'sampleSteps'),
  // generation
  alias('Transformers', 'max_new_tokens', 'maxNewTokens'),
  alias('OpenAI', 'max_tokens', 'maxNewTokens'),
  alias('OpenAI', 'max_completion_tokens', 'maxNewTokens'),
  alias('Transformers', 'top_p', 'topP'),
  alias('Transformers', 'top_k', 'topK'),
  alias('Transformers', 'repetition_penalty', 'repetitionPenalty'),
  // pretraining geometry, as config.json has it
  alias('Transformers', 'hidden_size', 'geometry.hiddenSize'),
  alias('Transformers', 'intermediate_size', 'geometry.intermediateSize'),
  alias('Transformers', 'num_hidden_layers', 'geometry.layers'),
  alias('Transformers', 'num_attention_heads', 'geometry.heads'),
  alias('Transformers', 'num_key_value_heads', 'geometry.kvHeads'),
  alias('Transformers', 'head_dim', 'geometry.headDim'),
  alias('Transformers', 'vocab_size', 'geometry.vocabSize'),
  alias('Transformers', 'max_position_embeddings', 'geometry.maxPositions'),
  alias('Transformers', 'rope_theta', 'geometry.ropeTheta'),
  alias('Transformers', 'tie_word_embeddings', 'geometry.tieWordEmbeddings'),
  // verse
  alias('other', 'cipai', 'tune'),
  alias('other', 'rhyme_book', 'book'),
];

/** LLaMA-Factory's word for a stage → ours. */
export const STAGE_WORDS: Readonly<Record<string, string>> = { pt: 'pretrain', eval: 'evaluate' };

/** Stages the field knows and this version does not run. */
export const STAGES_NOT_YET: readonly string[] = ['ppo'];
