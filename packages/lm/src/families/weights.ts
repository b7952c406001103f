/**
 * Which tensors a model of a given config consists of: names as Hugging Face has them, shapes `[out, in]` for linear
 * layers, and how each starts when there is no checkpoint.
 */
import type { ModelConfig } from '../config.ts';

export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initial: 'normal' | 'ones' | 'zeros';
  /** A projection of a layer outside routed experts: what 4-bit bases are made of. */
  readonly isLinear?: true;
}

/** Every weight of the model, in the order of the forward pass. */
export function weightSpecs(config: ModelConfig): WeightSpec[] {
  const { hiddenSize: C, intermediateSize: I, headDim: D, heads: H, kvHeads: G, vocabSize: V, architecture } = config;
  const { names } = architecture;
  const specs: WeightSpec[] = [];
  const matrix = (name: string, rows: number, columns: number): void => {
    specs.push({ name: `${name}.weight`, shape: [rows, columns], initial: 'normal' });
  };
  const linear = (name: string, rows: number, columns: number, hasBias: boolean): void => {
    specs.push({ name: `${name}.weight`, shape: [rows, columns], initial: 'normal', isLinear: true });
    if (hasBias) specs.push({ name: `${name}.bias`, shape: [rows], initial: 'zeros' });
  };
  const norm = (name: string, width: number): void => {
    specs.push({ name: `${name}.weight`, shape: [width], initial: architecture.normOffset === 1 ? 'zeros' : 'ones' });
  };
  /** One matrix, or several that multiply the same input. */
  const projections = (
    prefix: string,
    parts: string | readonly string[],
    widths: readonly number[],
    hasBias: boolean,
  ) => {
    if (typeof parts === 'string')
      linear(
        `${prefix}.${parts}`,
        widths.reduce((sum, width) => sum + width),
        C,
        hasBias,
      );
    else for (const [i, part] of parts.entries()) linear(`${prefix}.${part}`, widths[i]!, C, hasBias);
  };

  matrix(names.embedding, V, C);
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = names.layer(layer);
    const streamNorm = (name: string | null): void => {
      if (name !== null) norm(`${prefix}.${name}`, C);
    };
    streamNorm(names.beforeAttention);
    projections(prefix, names.queryKeyValue, [H * D, G * D, G * D], architecture.hasQueryKeyValueBias);
    if (architecture.queryKeyNorm !== 'none') {
      const isPerHead = architecture.queryKeyNorm === 'head';
      norm(`${prefix}.${names.queryNorm}`, isPerHead ? D : H * D);
      norm(`${prefix}.${names.keyNorm}`, isPerHead ? D : G * D);
    }
    linear(`${prefix}.${names.attentionOutput}`, C, H * D, architecture.hasOutputBias);
    streamNorm(names.afterAttention);
    streamNorm(names.beforeFeedForward);
    if (architecture.experts?.isRouted[layer]) {
      const { router, expert, count, intermediateSize } = architecture.experts;
      matrix(`${prefix}.${router}`, count, C);
      for (let index = 0; index < count; index++) {
        matrix(`${prefix}.${expert(index)}.gate_proj`, intermediateSize, C);
        matrix(`${prefix}.${expert(index)}.up_proj`, intermediateSize, C);
        matrix(`${prefix}.${expert(index)}.down_proj`, C, intermediateSize);
      }
    } else {
      projections(prefix, names.gateUp, [I, I], architecture.hasFeedForwardBias);
      linear(`${prefix}.${names.down}`, C, I, architecture.hasFeedForwardBias);
    }
    streamNorm(names.afterFeedForward);
  }
  norm(names.finalNorm, C);
  if (!config.tieWordEmbeddings) matrix(names.head, V, C);
  return specs;
}

/** Number of weights. */
export function parameterCount(config: ModelConfig): number {
  return weightSpecs(config).reduce((sum, spec) => sum + spec.shape.reduce((product, size) => product * size, 1), 0);
}
