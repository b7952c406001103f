/** The geometry of a decoder-only model, normalised from the many styles of `config.json`. */
export interface ModelConfig {
  readonly modelType: string;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly rmsNormEpsilon: number;
  readonly ropeTheta: number;
  /** How rotary frequencies are stretched for long contexts; null for plain RoPE. */
  readonly ropeScaling: RopeScaling | null;
  /** A query sees at most this many positions including itself; null for all. */
  readonly slidingWindow: number | null;
  readonly maxPositions: number;
  readonly tieWordEmbeddings: boolean;
  readonly bosTokenId: number | null;
  readonly eosTokenIds: readonly number[];
  readonly padTokenId: number | null;
  /** The file as read, written back unchanged on save. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** `linear`: every frequency divided by `factor`. `llama3`: only the slow ones, with a smooth passage between. */
export type RopeScaling =
  | { readonly type: 'linear'; readonly factor: number }
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalMaxPositions: number;
    };
