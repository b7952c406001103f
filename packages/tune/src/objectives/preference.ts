/** Preference optimisation (DPO and its relatives) as an objective of the loop: chosen and rejected in one packed batch. */
import { TuneError } from '../errors.ts';
import type { PreferencePair } from '../items.ts';
import type { Objective, StepFinding } from '../objective.ts';
import { checkPairwiseOptions } from './pairwise.ts';
import { lossesOf, needsReference, type PairwiseLosses, pairwiseMix } from './pairwise-mix.ts';
import { sumRange } from './scalar.ts';

/** Summed log-probability of each pair's completions under the frozen reference, by index in the data set. */
export interface ReferenceLogProbs {
  readonly chosen: Float64Array;
  readonly rejected: Float64Array;
}

/** Steps at the start within which a loss near 0 with every pair right means that there was nothing to learn. */
const COLLAPSE_WINDOW = 20;
/** Steps in a row before it is said, and before the run is stopped. */
const COLLAPSE_WARNING_STEPS = 3;
const COLLAPSE_STOP_STEPS = 8;
/** −log σ(x) below this is a margin of more than 4.6 nats: certainty. */
const COLLAPSE_LOSS = 0.01;

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
  let collapsedSteps = 0;
  return {
    name,
    inspectStep: (step, loss, metrics) => {
      const isCollapsed = Math.abs(loss) < COLLAPSE_LOSS && metrics['rewards/accuracies'] === 1;
      collapsedSteps = isCollapsed && step <= COLLAPSE_WINDOW ? collapsedSteps + 1 : 0;
      return collapseFinding(step, loss, collapsedSteps);
    },
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

function collapseFinding(step: number, loss: number, collapsedSteps: number): StepFinding | null {
  if (collapsedSteps !== COLLAPSE_WARNING_STEPS && collapsedSteps !== COLLAPSE_STOP_STEPS) return null;
  return {
    code: 'dpo-collapsed',
    message: `step ${step}: loss ${loss.toExponential(2)} and every pair right for ${collapsedSteps} steps: the model tells chosen from rejected by something trivial`,
    hint: 'look at the pairs (length, a marker, a cut-off ending?) or lower the learning rate',
    isFatal: collapsedSteps === COLLAPSE_STOP_STEPS,
  };
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
