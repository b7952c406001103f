/** The likeliest tokens of one row of logits. */

export interface RankedToken {
  readonly id: number;
  /** Natural log of its probability in the model's own distribution. */
  readonly logProb: number;
}

/**
 * The `count` best tokens, best first; of equals the lower id.
 * @param logits [V]
 * @param logSum log Σ exp(logits)
 */
export function topTokens(logits: Float32Array, count: number, logSum: number): RankedToken[] {
  const best: number[] = [];
  for (let v = 0; v < logits.length; v++) {
    const logit = logits[v]!;
    if (best.length === count && (count === 0 || logit <= logits[best[count - 1]!]!)) continue;
    let place = best.length;
    while (place > 0 && logits[best[place - 1]!]! < logit) place--;
    best.splice(place, 0, v);
    if (best.length > count) best.pop();
  }
  return best.map((id) => ({ id, logProb: logits[id]! - logSum }));
}
