import type { ModelConfig } from '../config.ts';

/**
 * Rotary frequencies of a config, 1/θ^(2i/D) for i < D/2, stretched as `ropeScaling` says. `llama3`: wavelengths longer
 * than original/low are divided by `factor`, shorter than original/high are kept, and those between are interpolated
 * (transformers `_compute_llama3_parameters`).
 */
export function ropeFrequencies(config: Pick<ModelConfig, 'headDim' | 'ropeTheta' | 'ropeScaling'>): number[] {
  const half = config.headDim / 2;
  const plain = Array.from({ length: half }, (_, i) => config.ropeTheta ** (-i / half));
  const scaling = config.ropeScaling;
  if (scaling === null) return plain;
  if (scaling.type === 'linear') return plain.map((frequency) => frequency / scaling.factor);
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalMaxPositions: original } = scaling;
  return plain.map((frequency) => {
    const turns = (original * frequency) / (2 * Math.PI);
    if (turns < low) return frequency / factor;
    if (turns > high) return frequency;
    const share = (turns - low) / (high - low);
    return ((1 - share) * frequency) / factor + share * frequency;
  });
}
