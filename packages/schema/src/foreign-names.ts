/**
 * Names of other projects that have no option here. Some are harmless (they steer machinery we do not have), some would
 * change the result: those are refused unless their value asks for nothing.
 */

export interface ForeignName {
  readonly name: string;
  /** Why there is no such option, or what does the work instead. */
  readonly reason: string;
  /** Values that ask for nothing and pass without a word; `any`: every value passes, with a warning. */
  readonly harmless: readonly unknown[] | 'any';
  /** Passes without a warning, whatever the value. */
  readonly isSilent?: boolean;
}

function silent(name: string, reason: string): ForeignName {
  return { name, reason, harmless: 'any', isSilent: true };
}
function ignored(name: string, reason: string): ForeignName {
  return { name, reason, harmless: 'any' };
}
function refused(name: string, reason: string, harmless: readonly unknown[] = [false, null]): ForeignName {
  return { name, reason, harmless };
}

export const FOREIGN_NAMES: readonly ForeignName[] = [
  silent('do_train', 'the command trains'),
  silent('do_eval', 'evalSteps decides'),
  silent('trust_remote_code', 'no code of a model folder is ever run'),
  silent('flash_attn', 'attention is always fused and varlen'),
  silent('attn_implementation', 'attention is always fused and varlen'),
  silent('overwrite_cache', 'caches are found by content'),
  silent('preprocessing_num_workers', 'one process prepares the data'),
  silent('dataloader_num_workers', 'one process prepares the data'),
  silent('dataset_num_proc', 'one process prepares the data'),
  silent('ddp_timeout', 'one process trains'),
  silent('plot_loss', 'report.html has the curves'),
  silent('use_cache', 'decoding always uses a cache'),
  silent('precompute_ref_log_probs', 'reference log-probabilities are always computed once'),
  silent('packing', 'samples always lie end to end, and attention never crosses from one to the next'),
  silent('neat_packing', 'samples always lie end to end, and attention never crosses from one to the next'),
  silent('template', "the template stored with the adapter is used, else the tokenizer's own"),
  silent('per_device_eval_batch_size', 'validation chooses its own batch'),
  silent('task_type', 'models are causal'),
  silent('peft_type', 'adapters are LoRA'),
  silent('bias', 'biases are not adapted'),
  ignored('report_to', 'the log is trainer_log.jsonl'),
  ignored('save_only_model', 'checkpoints always hold what a resume needs'),
  ignored('max_prompt_length', 'TRL has removed it; maxLength cuts'),
  silent('use_vllm', 'one process writes and learns'),
  silent('vllm_mode', 'one process writes and learns'),
  silent('log_completions', 'a sample is told with every log entry'),
  silent('remove_unused_columns', 'rewards are told what was asked for'),
  refused('fp16', 'processors have no fast fp16 products; use computeType: bf16'),
  silent('bnb_4bit_compute_dtype', 'computeType decides'),
  silent('metric_for_best_model', 'the validation loss decides'),
  refused('greater_is_better', 'the lowest validation loss is the best'),
  refused('quantization_method', '4-bit weights are as bitsandbytes has them', [null, 'bnb', 'bitsandbytes']),
  refused('load_in_8bit', '8-bit training is not in this version'),
  refused('mask_history', 'every answer of a conversation is learnt'),
  refused('streaming', 'data is read whole'),
  refused('mix_strategy', 'datasets are put one after the other', [null, 'concat']),
  refused('interleave_probs', 'datasets are put one after the other'),
  refused('enable_thinking', 'reasoning blocks are not trained'),
  refused('ref_model', 'the reference is the frozen start adapter or the base model, see dpo.reference', [null]),
  refused('ref_model_adapters', 'the reference is the frozen start adapter, see dpo.reference', [null]),
  refused('generation_batch_size', 'poems written at once are batchSize × grpo.stepsPerGeneration', [null]),
  refused('sync_ref_model', 'the reference stays frozen'),
  refused('multi_objective_aggregation', 'rewards are summed, then normalised', [null, 'sum_then_normalize']),
  refused('top_entropy_quantile', 'every token is learnt from', [null, 1]),
  refused('push_to_hub', 'nothing is uploaded'),
  refused('num_beams', 'poems are sampled', [1, null]),
  refused('do_sample', 'use temperature: 0 for the likeliest character', [true, null]),
];
