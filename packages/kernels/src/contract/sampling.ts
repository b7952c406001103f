/** Contract 1, the part that chooses tokens: what is asked of a row of logits, and what is answered. */

/** Everything off: temperature 1, topK 0, topP 1, minP 0, typicalP 1, repetitionPenalty 1, the other penalties 0. */
export interface SamplingSettings {
  /** Logits are divided by this; 0 takes the best token. */
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly typicalP: number;
  readonly repetitionPenalty: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
}

export interface TokenRequest {
  /** Row of the logits. */
  readonly row: number;
  readonly settings: SamplingSettings;
  /** Decides the draw, in [0, 1). */
  readonly uniform: number;
  /** Bit v of word ⌊v/32⌋ set: token v may be chosen; null: all may. */
  readonly mask: Uint32Array | null;
  /** [V], added to the logits before temperature. */
  readonly bias: Float32Array | null;
  /** Ids the repetition penalty is for. */
  readonly context: Iterable<number>;
  /** How often each id was generated: presence and frequency penalties. */
  readonly counts: ReadonlyMap<number, number>;
  /** Ids that must not come. */
  readonly banned: Iterable<number>;
}

export interface TokenChoice {
  /** Null when nothing is allowed. */
  readonly id: number | null;
  /** Natural log of its probability in the model's own distribution: no mask, penalty, bias or temperature. NaN where the logits are not numbers. */
  readonly logProb: number;
  /** Share of the model's own distribution that the mask leaves; 1 without a mask. */
  readonly allowedMass: number;
}
