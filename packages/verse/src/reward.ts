/** Contract 5: a reward is a named function of a completion and the example it answers, with a stated range. */

export interface Reward<Example> {
  /** Appears in logs as `rewards/<name>/mean`. */
  readonly name: string;
  readonly range: readonly [number, number];
  score(completion: string, example: Example): number;
}
