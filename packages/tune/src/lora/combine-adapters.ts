/** Several adapters of one base as one (PEFT's `add_weighted_adapter`). */
import type { LanguageModel } from '@tuiqiao/lm';
import { syncCompute } from '@tuiqiao/tensor';
import { TuneError } from '../errors.ts';
import { type Adapter, attachDeltas, deltaScaling, freezeAdapter, isLowRank } from './adapter.ts';

/**
 * `cat`: A's rows and B's columns side by side, w·s folded into A; exactly the weighted sum of the updates, of rank Σ r.
 * `linear`: A = Σ √(w·s) A, B = Σ √(w·s) B, of the common rank; its product has cross terms and is not that sum.
 */
export type Combination = 'linear' | 'cat';

/**
 * A new, frozen adapter on the model, of scaling 1. The originals stay, as they are switched.
 * @throws TuneError `lora-options` when the lists differ in length, ranks differ (`linear`), a weight is negative
 *   (`linear`), or an adapter has more than low-rank updates
 */
export async function combineAdapters(
  model: LanguageModel,
  adapters: readonly Adapter[],
  weights: readonly number[],
  { combination, name }: { combination: Combination; name: string },
): Promise<Adapter> {
  if (adapters.length === 0 || adapters.length !== weights.length || !weights.every(Number.isFinite)) {
    throw refuse(`a weight for each adapter, got ${adapters.length} and ${weights.length}`);
  }
  for (const adapter of adapters) {
    const { name: each, config, saved } = adapter;
    if (config.useDora || saved.size > 0 || !isLowRank(adapter)) {
      const otherKind = adapter.softPrompt === null ? 'bottlenecks' : 'virtual tokens';
      const more = !isLowRank(adapter) ? otherKind : config.useDora ? 'DoRA magnitudes' : 'whole modules';
      throw refuse(`plain LoRA, got ${each} with ${more}`);
    }
  }
  if (combination === 'linear' && weights.some((weight) => weight < 0)) {
    throw refuse('weights ≥ 0 for linear, got a negative one', 'use cat, which takes any weight');
  }
  const paths = [...model.linears.keys()].filter((path) => adapters.some(({ deltas }) => deltas.has(path)));
  const partsOf = (path: string) =>
    adapters.flatMap((adapter, i) => {
      const delta = adapter.deltas.get(path);
      return delta === undefined
        ? []
        : [{ delta, weight: weights[i]! * deltaScaling(adapter.config, path, delta.rank) }];
    });
  const ranks = new Map<string, number>();
  for (const path of paths) {
    const each = partsOf(path).map(({ delta }) => delta.rank);
    if (combination === 'linear' && new Set(each).size > 1) {
      throw refuse(`one rank for linear, got ${each.join(' and ')} on ${path}`, 'use cat, which takes any ranks');
    }
    ranks.set(path, combination === 'cat' ? each.reduce((sum, rank) => sum + rank, 0) : each[0]!);
  }
  const largest = Math.max(...ranks.values());
  const patterns = Object.fromEntries([...ranks].filter(([, rank]) => rank !== largest));
  const combined = attachDeltas(
    model,
    name,
    {
      ...adapters[0]!.config,
      rank: largest,
      alpha: largest,
      dropout: 0,
      targetModules: paths,
      useRslora: false,
      rankPattern: patterns,
      alphaPattern: patterns,
    },
    ranks,
  );
  const { kernels } = model;
  for (const [path, { a, b, rank }] of combined.deltas) {
    const [I, O] = [a.shape[1]!, b.shape[0]!];
    const [aValues, bValues] = [new Float32Array(rank * I), new Float32Array(O * rank)];
    let row = 0;
    for (const { delta, weight } of partsOf(path)) {
      const [aPart, bPart] = [await kernels.read(delta.a.value), await kernels.read(delta.b.value)];
      const [aFactor, bFactor] = combination === 'cat' ? [weight, 1] : [Math.sqrt(weight), Math.sqrt(weight)];
      for (let i = 0; i < aPart.length; i++) aValues[row * I + i]! += aFactor * aPart[i]!;
      for (let o = 0; o < O; o++) {
        for (let k = 0; k < delta.rank; k++) bValues[o * rank + row + k]! += bFactor * bPart[o * delta.rank + k]!;
      }
      if (combination === 'cat') row += delta.rank;
    }
    kernels.write(a.value, aValues);
    kernels.write(b.value, bValues);
    syncCompute(kernels, a);
    syncCompute(kernels, b);
  }
  freezeAdapter(combined);
  return combined;
}

function refuse(what: string, hint?: string): TuneError {
  return new TuneError('lora-options', `combineAdapters: expected ${what}`, hint === undefined ? {} : { hint });
}
