import type { Architecture } from './families/architecture.ts';

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
  /** Longest sequence, a stretched context counted. */
  readonly maxPositions: number;
  readonly tieWordEmbeddings: boolean;
  readonly bosTokenId: number | null;
  readonly eosTokenIds: readonly number[];
  readonly padTokenId: number | null;
  /** What the family's block is made of. */
  readonly architecture: Architecture;
  /** The file as read, written back unchanged on save. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** Formulas in `families/rope.ts`. */
export type RopeScaling =
  | { readonly type: 'linear'; readonly factor: number }
  | { readonly type: 'dynamic'; readonly factor: number; readonly originalMaxPositions: number }
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalMaxPositions: number;
    }
  | {
      readonly type: 'yarn';
      readonly factor: number;
      readonly originalMaxPositions: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      readonly isTruncated: boolean;
      readonly attentionScale: number;
    }
  | {
      readonly type: 'longrope';
      readonly originalMaxPositions: number;
      readonly shortFactors: readonly number[];
      readonly longFactors: readonly number[];
      readonly attentionScale: number;
    };
