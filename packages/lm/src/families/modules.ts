/** The layers of a decoder, put together from its weights by name. */
import { createLinear, type Experts, fuseParameters, type Kernels, type Linear, type Parameter } from '@tuiqiao/tensor';
import type { ModelConfig } from '../config.ts';
import type { LayerBottlenecks } from '../language-model.ts';
import type { ExpertTraits } from './architecture.ts';

export interface FeedForward {
  /** gate, up; or one matrix of both. */
  readonly gateUp: readonly Linear[];
  readonly down: Linear;
}

export interface Layer {
  readonly bottlenecks: LayerBottlenecks;
  readonly beforeAttention: Parameter | null;
  /** q, k, v; or one matrix of all three. */
  readonly queryKeyValue: readonly Linear[];
  readonly queryNorm: Parameter | null;
  readonly keyNorm: Parameter | null;
  readonly attentionOutput: Linear;
  readonly afterAttention: Parameter | null;
  readonly beforeFeedForward: Parameter | null;
  readonly feedForward: FeedForward | Experts;
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
  const { names, queryKeyNorm, experts } = config.architecture;
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
      bottlenecks: { attention: [], feedForward: [] },
      beforeAttention: normOrNull(names.beforeAttention),
      queryKeyValue: projectAll(names.queryKeyValue),
      queryNorm: hasQueryKeyNorm ? norm(at(names.queryNorm)) : null,
      keyNorm: hasQueryKeyNorm ? norm(at(names.keyNorm)) : null,
      attentionOutput: project(at(names.attentionOutput)),
      afterAttention: normOrNull(names.afterAttention),
      beforeFeedForward: normOrNull(names.beforeFeedForward),
      feedForward: experts?.isRouted[index]
        ? createExperts(experts, at, project)
        : { gateUp: projectAll(names.gateUp), down: project(at(names.down)) },
      afterFeedForward: normOrNull(names.afterFeedForward),
    };
  });
  const weightOf = ({ weight }: Linear) => weight;
  for (const { queryKeyValue, feedForward } of layers) {
    fuseParameters(kernels, queryKeyValue.map(weightOf));
    fuseParameters(kernels, feedForward.gateUp.map(weightOf));
    if ('router' in feedForward) fuseParameters(kernels, feedForward.down.map(weightOf));
  }
  const embedding = norm(names.embedding);
  const head = createLinear(names.head, config.tieWordEmbeddings ? embedding : norm(names.head));
  return { embedding, layers, finalNorm: norm(names.finalNorm), head, linears };
}

/** Router and experts of a layer. */
function createExperts(traits: ExpertTraits, at: (name: string) => string, project: (name: string) => Linear): Experts {
  const indices = Array.from({ length: traits.count }, (_, index) => traits.expert(index));
  return {
    router: project(at(traits.router)),
    gateUp: indices.flatMap((path) => [project(at(`${path}.gate_proj`)), project(at(`${path}.up_proj`))]),
    down: indices.map((path) => project(at(`${path}.down_proj`))),
    perToken: traits.perToken,
    isNormalised: traits.isNormalised,
  };
}
