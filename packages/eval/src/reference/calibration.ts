/** How well stated probabilities are kept: the Brier score and the log-loss, as scikit-learn computes them. */

export interface Calibration {
  /** Mean Σₖ (pₖ − yₖ)² over the labels, halved for two of them: 0 is perfect, 1 (2 for more labels) the worst. */
  readonly brier: number;
  /** Mean −log p of the right label, in nats; a probability of 0 counts as 2⁻⁵². */
  readonly logLoss: number;
}

/**
 * @param probabilities a row of P(label) for each example, summing to 1
 * @param targets place of the right label in each row
 * @throws RangeError for no examples, rows of unequal length, and targets outside of their row
 */
export function calibration(probabilities: readonly ArrayLike<number>[], targets: ArrayLike<number>): Calibration {
  const n = probabilities.length;
  const labels = probabilities[0]?.length ?? 0;
  if (n === 0 || targets.length !== n) {
    throw new RangeError(`calibration: expected a target for each of at least one row, got ${targets.length} for ${n}`);
  }
  let squares = 0;
  let loss = 0;
  for (const [i, row] of probabilities.entries()) {
    const target = targets[i]!;
    if (row.length !== labels || !(target >= 0 && target < labels)) {
      throw new RangeError(
        `calibration: expected rows of ${labels} and targets below it, got ${row.length} and ${target}`,
      );
    }
    for (let k = 0; k < labels; k++) squares += (row[k]! - Number(k === target)) ** 2;
    loss -= Math.log(Math.max(Number.EPSILON, row[target]!));
  }
  return { brier: squares / n / (labels === 2 ? 2 : 1), logLoss: loss / n };
}
