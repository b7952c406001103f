export interface TrainedPairs {
  readonly characters: readonly string[];
  readonly counts: readonly number[];
  readonly total: number;
  readonly vectors: Float32Array;
  readonly listed: ReadonlyMap<number, number>;
}
export function trainParallelism(poems: readonly (readonly (readonly string[])[])[]): TrainedPairs;
export function encodeParallelism(trained: TrainedPairs): {
  readonly characters: string;
  readonly counts: string;
  readonly total: number;
  readonly vectors: string;
  readonly pairs: readonly string[];
};
