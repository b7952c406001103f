/** How well a score tells two classes apart, and how well a stated probability is kept: the figures of scikit-learn. */

export interface RocCurve {
  /** Shares of negatives and positives at or above each threshold; thresholds fall, the first is infinite. */
  readonly falsePositiveRates: readonly number[];
  readonly truePositiveRates: readonly number[];
  readonly thresholds: readonly number[];
  /** Area under the curve: P(a positive scores above a negative), ties half. */
  readonly area: number;
  /** Σ (recallᵢ − recallᵢ₋₁) × precisionᵢ. */
  readonly averagePrecision: number;
}

/** @throws RangeError unless both classes occur */
export function rocCurve(isPositive: readonly boolean[], scores: readonly number[]): RocCurve {
  const order = scores.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  const positives = isPositive.filter(Boolean).length;
  const negatives = isPositive.length - positives;
  if (positives === 0 || negatives === 0) {
    throw new RangeError(`rocCurve: expected both classes, got ${positives} positive and ${negatives} negative`);
  }
  const falsePositiveRates = [0];
  const truePositiveRates = [0];
  const thresholds = [Number.POSITIVE_INFINITY];
  let hits = 0;
  let area = 0;
  let averagePrecision = 0;
  order.forEach((index, place) => {
    if (isPositive[index]) hits++;
    // A tie is one threshold: wait for its last member.
    if (place + 1 < order.length && scores[order[place + 1]!] === scores[index]) return;
    const truePositiveRate = hits / positives;
    const falsePositiveRate = (place + 1 - hits) / negatives;
    const gained = truePositiveRate - truePositiveRates.at(-1)!;
    area += ((falsePositiveRate - falsePositiveRates.at(-1)!) * (truePositiveRate + truePositiveRates.at(-1)!)) / 2;
    averagePrecision += gained * (hits / (place + 1));
    falsePositiveRates.push(falsePositiveRate);
    truePositiveRates.push(truePositiveRate);
    thresholds.push(scores[index]!);
  });
  return { falsePositiveRates, truePositiveRates, thresholds, area, averagePrecision };
}
