import { TuiqiaoError } from '@tuiqiao/schema';

/**
 * Anything training can refuse or stop for. Codes: `tune-options`, `tune-batching`, `tune-objective`, `tune-diverged`,
 * `lora-target`, `lora-options`, `adapter-format`, `adapter-mismatch`, `merge-quantized`, `dpo-reference`, `dpo-start-mismatch`,
 * `dpo-pairs`, `dpo-collapsed`, `grpo-rollout`, `grpo-start-mismatch`, `grpo-rewards-stuck`, `kto-start-mismatch`, `preference-rewards-stuck`, `checkpoint-format`,
 * `checkpoint-mismatch`.
 */
export class TuneError extends TuiqiaoError {}
