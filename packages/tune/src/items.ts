/** What training reads: examples and preference pairs of token ids, behind random access so that millions need not exist as objects. */

export interface Example {
  /** Named when something is wrong with it. */
  readonly id: string;
  /** Tokens without loss. May be empty: the first completion token then carries no loss, having no context. */
  readonly promptIds: ArrayLike<number>;
  readonly completionIds: ArrayLike<number>;
  /** Weight of each completion token in the mean: one number for all, or one a token. Default 1. */
  readonly weight?: number | ArrayLike<number>;
}

export interface PreferencePair {
  readonly id: string;
  readonly promptIds: ArrayLike<number>;
  readonly chosenIds: ArrayLike<number>;
  readonly rejectedIds: ArrayLike<number>;
  /** What the pair teaches, e.g. the rules its rejected answer breaks: accuracy is logged for each. */
  readonly tags?: readonly string[];
  /** How much better the chosen answer is known to be: what a reward model should tell them apart by. */
  readonly margin?: number;
  /** A completion was cut to fit: such a pair teaches cutting, and is warned about. */
  readonly isTruncated?: boolean;
}

export interface Dataset<Item> {
  readonly length: number;
  /** Tokens the item occupies in a packed batch, without building it. */
  tokensOf(index: number): number;
  item(index: number): Item;
}

export function exampleDataset(examples: readonly Example[]): Dataset<Example> {
  return {
    length: examples.length,
    tokensOf: (index) => examples[index]!.promptIds.length + examples[index]!.completionIds.length,
    item: (index) => examples[index]!,
  };
}

/** A pair is two sequences of one packed batch. Its tokens are those of both, whether they are packed once or twice. */
export function preferenceDataset(pairs: readonly PreferencePair[]): Dataset<PreferencePair> {
  return {
    length: pairs.length,
    tokensOf: (index) => {
      const pair = pairs[index]!;
      return 2 * pair.promptIds.length + pair.chosenIds.length + pair.rejectedIds.length;
    },
    item: (index) => pairs[index]!,
  };
}
