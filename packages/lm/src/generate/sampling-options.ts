import { LmError } from '../errors.ts';

/**
 * How the next token is chosen. Applied in transformers' order: repetition penalty, presence and frequency penalty,
 * repeated n-grams, mask, temperature, top-k, top-p, min-p, typical. Everything is off by default: plain sampling from
 * the model.
 */
export interface SamplingOptions {
  /** Logits are divided by this; 0 takes the best token. Default 1. */
  readonly temperature?: number;
  /** Keeps the k best tokens (and ties of the k-th); 0 is off. */
  readonly topK?: number;
  /** Keeps the smallest set of best tokens whose probability reaches this; 1 is off. */
  readonly topP?: number;
  /** Drops tokens less likely than this share of the best one; 0 is off. */
  readonly minP?: number;
  /**
   * Keeps the tokens whose surprise −log p lies nearest the entropy until their probability reaches this; 1 is off
   * (Meister et al. 2023, locally typical sampling).
   */
  readonly typicalP?: number;
  /** Logits of tokens already in prompt or output are divided (positive) or multiplied (negative) by this; 1 is off. */
  readonly repetitionPenalty?: number;
  /** Subtracted once from the logit of every token already generated (OpenAI); 0 is off. */
  readonly presencePenalty?: number;
  /** Subtracted from the logit of a token as often as it was generated (OpenAI); 0 is off. */
  readonly frequencyPenalty?: number;
  /** No run of this many tokens of prompt and output occurs twice; 0 is off. */
  readonly noRepeatNgramSize?: number;
}

export type ResolvedSampling = Required<SamplingOptions>;

/** Fills in defaults. @throws LmError `generation-invalid` */
export function resolveSampling(options: SamplingOptions): ResolvedSampling {
  const resolved = {
    temperature: options.temperature ?? 1,
    topK: options.topK ?? 0,
    topP: options.topP ?? 1,
    minP: options.minP ?? 0,
    typicalP: options.typicalP ?? 1,
    repetitionPenalty: options.repetitionPenalty ?? 1,
    presencePenalty: options.presencePenalty ?? 0,
    frequencyPenalty: options.frequencyPenalty ?? 0,
    noRepeatNgramSize: options.noRepeatNgramSize ?? 0,
  };
  const { temperature, topK, topP, minP, typicalP, repetitionPenalty, noRepeatNgramSize: ngram } = resolved;
  requireThat('temperature', temperature, temperature >= 0 && temperature < Number.POSITIVE_INFINITY, 'a number ≥ 0');
  requireThat('topK', topK, Number.isInteger(topK) && topK >= 0, 'an integer ≥ 0');
  requireThat('topP', topP, topP > 0 && topP <= 1, 'a number in (0, 1]');
  requireThat('minP', minP, minP >= 0 && minP <= 1, 'a number in [0, 1]');
  requireThat('typicalP', typicalP, typicalP > 0 && typicalP <= 1, 'a number in (0, 1]');
  requireThat('noRepeatNgramSize', ngram, Number.isInteger(ngram) && ngram >= 0, 'an integer ≥ 0');
  requireThat('repetitionPenalty', repetitionPenalty, repetitionPenalty > 0, 'a number > 0');
  for (const key of ['presencePenalty', 'frequencyPenalty'] as const) {
    requireThat(key, resolved[key], Number.isFinite(resolved[key]), 'a finite number');
  }
  return resolved;
}

function requireThat(name: string, value: number, isValid: boolean, expected: string): void {
  if (!isValid) throw new LmError('generation-invalid', `generate: expected ${name} to be ${expected}, got ${value}`);
}
