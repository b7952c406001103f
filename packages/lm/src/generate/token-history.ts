/** What a sequence has said so far, as the penalties need it. */
export interface TokenHistory {
  /** Distinct ids of prompt and output: repetition penalty. */
  readonly context: ReadonlySet<number>;
  /** How often each id was generated: presence and frequency penalties. */
  readonly counts: ReadonlyMap<number, number>;
}
