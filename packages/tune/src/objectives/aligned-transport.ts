/**
 * Alignment via optimal transport (Melnyk 2024): not each pair's margin but the sorted margins of a batch are compared, so
 * that one distribution lies above the other. Formulas are those of TRL's DPOTrainer.
 */
import { logSigmoid, sigmoid } from './scalar.ts';

interface TransportOptions {
  readonly loss: string;
  readonly beta: number;
  readonly labelSmoothing?: number;
}

/**
 * Σ over k of −(1 − ε) log σ(β·gap) − ε log σ(−β·gap), gap the difference of the k-th smallest of two lists:
 *
 *     aot           margins of the policy, π_c − π_r, and of the reference
 *     aot_unpaired  log-ratios of the chosen, and of the rejected
 *
 * @param scores [2P] log-ratios log π − log π_ref, chosen and rejected in turn
 * @param dScores [2P] filled with the derivative
 * @param reference [2P] summed reference log-probabilities
 */
export function alignedTransport(
  scores: Float64Array,
  dScores: Float64Array,
  { loss, beta, labelSmoothing = 0 }: TransportOptions,
  reference: Float64Array,
): number {
  const P = scores.length / 2;
  const isPaired = loss === 'aot';
  const chosenOf = (p: number): number => scores[2 * p]!;
  const rejectedOf = (p: number): number => scores[2 * p + 1]!;
  const referenceMargin = (p: number): number => reference[2 * p]! - reference[2 * p + 1]!;
  const policyMargin = (p: number): number => chosenOf(p) - rejectedOf(p) + referenceMargin(p);
  const upperOf = isPaired ? policyMargin : chosenOf;
  const lowerOf = isPaired ? referenceMargin : rejectedOf;
  const upper = sortedPlaces(P, upperOf);
  const lower = sortedPlaces(P, lowerOf);
  let total = 0;
  for (let k = 0; k < P; k++) {
    const z = beta * (upperOf(upper[k]!) - lowerOf(lower[k]!));
    total -= (1 - labelSmoothing) * logSigmoid(z) + labelSmoothing * logSigmoid(-z);
    const slope = beta * (labelSmoothing * sigmoid(z) - (1 - labelSmoothing) * sigmoid(-z));
    dScores[2 * upper[k]!]! += slope;
    // The reference does not move: of `aot` both derivatives fall on the policy's own pair.
    dScores[2 * (isPaired ? upper[k]! : lower[k]!) + 1]! -= slope;
  }
  return total;
}

function sortedPlaces(count: number, value: (place: number) => number): number[] {
  return Array.from({ length: count }, (_, place) => place).sort((a, b) => value(a) - value(b));
}
