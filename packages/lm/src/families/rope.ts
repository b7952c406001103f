/**
 * Rotary frequencies 1/θ^(2i/D), and how they are stretched for texts longer than the model was trained on: `linear`,
 * `llama3`, `dynamic` (NTK), `yarn` and `longrope`, each as transformers computes it (`modeling_rope_utils.py`).
 */
import type { RopeScaling } from '../config.ts';
import { LmError } from '../errors.ts';
import type { Json } from '../tokenizer/json.ts';
import type { Geometry } from './architecture.ts';

export interface RopeAngles {
  /** Radians a position, [rotaryDim/2]. */
  readonly inverseFrequencies: readonly number[];
  /** Factor on cos and sin. */
  readonly attentionScale: number;
}

export interface RopeSettings {
  readonly rotaryDim: number;
  readonly theta: number;
  readonly scaling: RopeScaling | null;
}

/** @param longest positions of the longest sequence: `dynamic` and `longrope` depend on it */
export function ropeAngles({ rotaryDim, theta, scaling }: RopeSettings, longest: number): RopeAngles {
  const half = rotaryDim / 2;
  const powersOf = (base: number) => Array.from({ length: half }, (_, i) => base ** (-i / half));
  const plain = powersOf(theta);
  if (scaling === null) return { inverseFrequencies: plain, attentionScale: 1 };
  switch (scaling.type) {
    case 'linear':
      return { inverseFrequencies: plain.map((frequency) => frequency / scaling.factor), attentionScale: 1 };
    case 'llama3':
      return { inverseFrequencies: plain.map((frequency) => stretchLlama3(frequency, scaling)), attentionScale: 1 };
    case 'dynamic': {
      const { factor, originalMaxPositions: original } = scaling;
      const length = Math.max(longest, original);
      const base = theta * ((factor * length) / original - (factor - 1)) ** (rotaryDim / (rotaryDim - 2));
      return { inverseFrequencies: powersOf(base), attentionScale: 1 };
    }
    case 'yarn':
      return stretchYarn(plain, theta, rotaryDim, scaling);
    case 'longrope': {
      const factors = longest > scaling.originalMaxPositions ? scaling.longFactors : scaling.shortFactors;
      return {
        inverseFrequencies: plain.map((frequency, i) => frequency / factors[i]!),
        attentionScale: scaling.attentionScale,
      };
    }
    default:
      return scaling satisfies never;
  }
}

/** Equal for two lengths whose angles are the same. */
export function ropeLengthClass(scaling: RopeScaling | null, longest: number): number {
  if (scaling?.type === 'dynamic') return Math.max(longest, scaling.originalMaxPositions);
  return scaling?.type === 'longrope' && longest > scaling.originalMaxPositions ? 1 : 0;
}

/**
 * Wavelengths longer than original/low are divided by `factor`, shorter than original/high are kept, and those between
 * are interpolated.
 */
function stretchLlama3(frequency: number, scaling: Extract<RopeScaling, { type: 'llama3' }>): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalMaxPositions: original } = scaling;
  const turns = (original * frequency) / (2 * Math.PI);
  if (turns < low) return frequency / factor;
  if (turns > high) return frequency;
  const share = (turns - low) / (high - low);
  return ((1 - share) * frequency) / factor + share * frequency;
}

/** Frequencies that turn often within the original length are kept, those that turn seldom divided; a ramp between. */
function stretchYarn(
  plain: readonly number[],
  theta: number,
  rotaryDim: number,
  scaling: Extract<RopeScaling, { type: 'yarn' }>,
): RopeAngles {
  const { factor, originalMaxPositions: original, betaFast, betaSlow, isTruncated, attentionScale } = scaling;
  const dimensionOf = (turns: number) =>
    (rotaryDim * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [fast, slow] = [dimensionOf(betaFast), dimensionOf(betaSlow)];
  const low = Math.max(isTruncated ? Math.floor(fast) : fast, 0);
  let high = Math.min(isTruncated ? Math.ceil(slow) : slow, rotaryDim - 1);
  if (low === high) high += 0.001;
  const inverseFrequencies = plain.map((frequency, i) => {
    const divided = Math.min(1, Math.max(0, (i - low) / (high - low)));
    return (frequency / factor) * divided + frequency * (1 - divided);
  });
  return { inverseFrequencies, attentionScale };
}

/** Reads `rope_scaling` or `rope_parameters`. @throws LmError `config-malformed`, `model-feature-unsupported` */
export function readRopeScaling(scaling: Json | null, maxPositions: number, original: unknown): RopeScaling | null {
  const type: unknown = scaling?.rope_type ?? scaling?.type ?? 'default';
  const get = (key: string, fallback?: number) => positive(scaling?.[key] ?? fallback, `rope_scaling.${key}`);
  const originalMaxPositions = () => get('original_max_position_embeddings', (original as number) ?? maxPositions);
  switch (type) {
    case 'default':
      return null;
    case 'linear':
      return { type, factor: get('factor') };
    case 'dynamic':
      return { type, factor: get('factor'), originalMaxPositions: originalMaxPositions() };
    case 'llama3':
      return {
        type,
        factor: get('factor'),
        lowFrequencyFactor: get('low_freq_factor'),
        highFrequencyFactor: get('high_freq_factor'),
        originalMaxPositions: get('original_max_position_embeddings'),
      };
    case 'yarn': {
      const factor = get('factor', maxPositions / originalMaxPositions());
      return {
        type,
        factor,
        originalMaxPositions: originalMaxPositions(),
        betaFast: get('beta_fast', 32),
        betaSlow: get('beta_slow', 1),
        isTruncated: scaling?.truncate !== false,
        attentionScale: yarnAttentionScale(scaling ?? {}, factor),
      };
    }
    // Phi-3 called it `su` at first.
    case 'longrope':
    case 'su': {
      const trained = originalMaxPositions();
      const factor = maxPositions / trained;
      const fallback = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(trained));
      return {
        type: 'longrope',
        originalMaxPositions: trained,
        shortFactors: factorList(scaling?.short_factor, 'short_factor'),
        longFactors: factorList(scaling?.long_factor, 'long_factor'),
        attentionScale: get('attention_factor', fallback),
      };
    }
    default:
      throw new LmError(
        'model-feature-unsupported',
        `config.json: expected rope_scaling.rope_type to be default, linear, dynamic, llama3, yarn or longrope, got ${JSON.stringify(type)}`,
      );
  }
}

function yarnAttentionScale(scaling: Json, factor: number): number {
  if (typeof scaling.attention_factor === 'number') return scaling.attention_factor;
  const of = (scale: number) => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);
  const { mscale, mscale_all_dim: all } = scaling;
  return typeof mscale === 'number' && typeof all === 'number' && mscale !== 0 && all !== 0
    ? of(mscale) / of(all)
    : of(1);
}

/** `partial_rotary_factor` of the head, an even number of elements. @throws LmError `config-malformed` */
export function rotaryShare(raw: Json, { headDim }: Geometry, fallback: number): number {
  const parameters = raw.rope_parameters as Json | null | undefined;
  const share = positive(
    parameters?.partial_rotary_factor ?? raw.partial_rotary_factor ?? fallback,
    'partial_rotary_factor',
  );
  const dimension = Math.floor(headDim * share);
  if (share > 1 || dimension < 2 || dimension % 2 !== 0) {
    throw new LmError(
      'config-malformed',
      `config.json: expected partial_rotary_factor of head_dim ${headDim} to be an even number, got ${headDim * share}`,
    );
  }
  return dimension;
}

function factorList(value: unknown, key: string): number[] {
  if (Array.isArray(value) && value.every((factor) => typeof factor === 'number' && factor > 0))
    return value as number[];
  throw new LmError('config-malformed', `config.json: expected rope_scaling.${key} to be positive numbers`);
}

function positive(value: unknown, key: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  throw new LmError('config-malformed', `config.json: expected ${key} > 0, got ${JSON.stringify(value)}`);
}
