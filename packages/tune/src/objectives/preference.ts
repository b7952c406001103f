/** Preference optimisation (DPO and its relatives) as an objective of the loop: chosen and rejected in one packed batch. */
import { TuneError } from '../errors.ts';
import type { PreferencePair } from '../items.ts';
import type { Objective } from '../objective.ts';
import { checkPairwiseOptions } from './pairwise.ts';
import { lossesOf, needsReference, type PairwiseLosses, pairwiseMix } from './pairwise-mix.ts';
import { sumRange } from './scalar.ts';
import { inspectAll, watchCollapse, watchStillness } from './watch-preference.ts';

/** Summed log-probability of each pair's completions under the frozen reference, by index in the data set. */
export interface ReferenceLogProbs {
  readonly chosen: Float64Array;
  readonly rejected: Float64Array;
}

/** @throws TuneError `tune-objective` when the loss needs a reference and none is given. */
export function preferenceObjective(losses: PairwiseLosses, references?: ReferenceLogProbs): Objective<PreferencePair> {
  for (const options of lossesOf(losses)) checkPairwiseOptions(options);
  const name = lossesOf(losses)
    .map(({ loss }) => loss)
    .join(' + ');
  if (needsReference(losses) && references === undefined) {
    throw new TuneError('tune-objective', `${name}: expected reference log-probabilities, got none`, {
      hint: 'compute them with computeReferenceLogProbs before training',
    });
  }
  return {
    name,
    inspectStep: inspectAll(watchCollapse('rewards/accuracies'), watchStillness()),
    needsHits: false,
    sequences: pairSequences,
    idOf: (item) => item.id,
    beginStep: (items) => {
      let chosenTokens = 0;
      let rejectedTokens = 0;
      const tagged = countTags(items);
      for (const item of items) {
        chosenTokens += item.chosenIds.length;
        rejectedTokens += item.rejectedIds.length;
      }
      return {
        lossTokens: chosenTokens + rejectedTokens,
        evaluate: ({ items: part, indexes, logProbs, rowOffsets }) => {
          const reference = new Float64Array(2 * indexes.length);
          for (let p = 0; references !== undefined && p < indexes.length; p++) {
            reference[2 * p] = references.chosen[indexes[p]!]!;
            reference[2 * p + 1] = references.rejected[indexes[p]!]!;
          }
          const window = { pairs: items.length, chosenTokens };
          const result = pairwiseMix({ logProbs, offsets: rowOffsets, reference, window }, losses);
          const shares = tagAccuracies(part, { logProbs, rowOffsets, reference }, tagged);
          return { ...result, metrics: { ...result.metrics, ...shares } };
        },
      };
    },
  };
}

function countTags(items: readonly PreferencePair[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { tags = [] } of items) for (const tag of tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  return counts;
}

/** `rewards/accuracies/<tag>`: of a step's pairs with the tag, the share preferred rightly; here this part's share of it. */
function tagAccuracies(
  part: readonly PreferencePair[],
  scored: { readonly logProbs: Float64Array; readonly rowOffsets: Int32Array; readonly reference: Float64Array },
  counts: ReadonlyMap<string, number>,
): Record<string, number> {
  const { logProbs, rowOffsets, reference } = scored;
  const gain = (s: number): number => sumRange(logProbs, rowOffsets[s]!, rowOffsets[s + 1]!) - reference[s]!;
  const shares: Record<string, number> = {};
  for (const [p, { tags = [] }] of part.entries()) {
    const isRight = gain(2 * p) > gain(2 * p + 1) ? 1 : 0;
    for (const tag of tags) {
      const name = `rewards/accuracies/${tag}`;
      shares[name] = (shares[name] ?? 0) + isRight / counts.get(tag)!;
    }
  }
  return shares;
}

/** @throws TuneError `dpo-pairs` for a pair without a prompt: its first tokens would have no log-probability. */
export function pairSequences(pair: PreferencePair) {
  const { id, promptIds, chosenIds, rejectedIds } = pair;
  if (promptIds.length === 0 || chosenIds.length === 0 || rejectedIds.length === 0) {
    throw new TuneError('dpo-pairs', `pair ${id}: expected a prompt and two completions, got an empty one`);
  }
  return [
    { promptIds, completionIds: chosenIds },
    { promptIds, completionIds: rejectedIds },
  ];
}
