/** What `--dry-run` says of a stage before it runs. */
export interface StagePlan {
  readonly totalSteps: number;
  /** Examples, pairs or poems of one epoch. */
  readonly samples?: number;
  /** Real tokens of one epoch. */
  readonly tokens?: number;
  readonly trainableParameters?: number;
  /** Estimated peak of resident memory. */
  readonly memoryBytes?: number;
  /** Estimated duration on this machine. */
  readonly seconds?: number;
  /** Sentences: what is trained, which kernels answer. */
  readonly notes: readonly string[];
}
