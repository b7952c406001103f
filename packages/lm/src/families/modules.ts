/** The layers of a decoder, put together from its weights by name. */
import { createLinear, fuseParameters, type Kernels, type Linear, type Parameter } from '@tuiqiao/tensor';
import type { ModelConfig } from '../config.ts';

export interface Layer {
  readonly beforeAttention: Parameter | null;
  /** q, k, v; or one matrix of all three. */
  readonly queryKeyValue: readonly Linear[];
  readonly queryNorm: Parameter | null;
  readonly keyNorm: Parameter | null;
  readonly attentionOutput: Linear;
  readonly afterAttention: Parameter | null;
  readonly beforeFeedForward: Parameter | null;
  /** gate, up; or one matrix of both. */
  readonly gateUp: readonly Linear[];
  readonly down: Linear;
  readonly afterFeedForward: Parameter | null;
}

export interface Modules {
  readonly embedding: Parameter;
  readonly layers: readonly Layer[];
  readonly finalNorm: Parameter;
  readonly head: Linear;
  /** Every projection of the layers by its path. The head is not among them: `headLogProbs` fuses it with the loss. */
  readonly linears: ReadonlyMap<string, Linear>;
}

/**
 * @param parameters all of `weightSpecs(config)`, by name. Weights that multiply the same input are moved into shared
 *   buffers, so values are best written afterwards.
 */
export function createModules(
  config: ModelConfig,
  kernels: Kernels,
  parameters: ReadonlyMap<string, Parameter>,
): Modules {
  const { names, queryKeyNorm } = config.architecture;
  const linears = new Map<string, Linear>();
  const norm = (name: string): Parameter => parameters.get(`${name}.weight`)!;
  const project = (name: string): Linear => {
    const layer = createLinear(name, norm(name), parameters.get(`${name}.bias`) ?? null);
    linears.set(name, layer);
    return layer;
  };
  const layers = Array.from({ length: config.layers }, (_, index): Layer => {
    const at = (name: string) => `${names.layer(index)}.${name}`;
    const normOrNull = (name: string | null) => (name === null ? null : norm(at(name)));
    const projectAll = (parts: string | readonly string[]) => [parts].flat().map((part) => project(at(part)));
    const hasQueryKeyNorm = queryKeyNorm !== 'none';
    return {
      beforeAttention: normOrNull(names.beforeAttention),
      queryKeyValue: projectAll(names.queryKeyValue),
      queryNorm: hasQueryKeyNorm ? norm(at(names.queryNorm)) : null,
      keyNorm: hasQueryKeyNorm ? norm(at(names.keyNorm)) : null,
      attentionOutput: project(at(names.attentionOutput)),
      afterAttention: normOrNull(names.afterAttention),
      beforeFeedForward: normOrNull(names.beforeFeedForward),
      gateUp: projectAll(names.gateUp),
      down: project(at(names.down)),
      afterFeedForward: normOrNull(names.afterFeedForward),
    };
  });
  for (const { queryKeyValue, gateUp } of layers) {
    fuseParameters(
      kernels,
      queryKeyValue.map(({ weight }) => weight),
    );
    fuseParameters(
      kernels,
      gateUp.map(({ weight }) => weight),
    );
  }
  const embedding = norm(names.embedding);
  const head = createLinear(names.head, config.tieWordEmbeddings ? embedding : norm(names.head));
  return { embedding, layers, finalNorm: norm(names.finalNorm), head, linears };
}
