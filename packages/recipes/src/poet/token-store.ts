/** Hundreds of thousands of token sequences in two typed arrays instead of as many objects. */
import type { Dataset, Example } from '@tuiqiao/tune';
import type { SequenceExample } from './examples.ts';

/** Ids of a vocabulary of at most 65,536 tokens fit 16 bits: half the memory for the character vocabulary. */
const MAX_SHORT_VOCABULARY = 65_536;

export interface TokenStore extends Dataset<Example> {
  /** Tokens in all, prompts included. */
  readonly tokens: number;
  /** Tokens that carry a loss. */
  readonly completionTokens: number;
}

export function createTokenStore(examples: Iterable<SequenceExample>, vocabularySize: number): TokenStore {
  const IdArray = vocabularySize > MAX_SHORT_VOCABULARY ? Uint32Array : Uint16Array;
  let ids = new IdArray(1 << 20);
  let used = 0;
  const names: string[] = [];
  /** Per example: start, start of the completion. */
  const starts: number[] = [];
  let completionTokens = 0;
  const append = (list: readonly number[]): void => {
    if (used + list.length > ids.length) {
      const larger = new IdArray(Math.max(ids.length * 2, used + list.length));
      larger.set(ids);
      ids = larger;
    }
    ids.set(list, used);
    used += list.length;
  };
  for (const { id, promptIds, completionIds } of examples) {
    names.push(id);
    starts.push(used);
    append(promptIds);
    starts.push(used);
    append(completionIds);
    completionTokens += completionIds.length;
  }
  starts.push(used);
  return {
    length: names.length,
    tokens: used,
    completionTokens,
    tokensOf: (index) => starts[2 * index + 2]! - starts[2 * index]!,
    item: (index) => ({
      id: names[index]!,
      promptIds: ids.subarray(starts[2 * index]!, starts[2 * index + 1]!),
      completionIds: ids.subarray(starts[2 * index + 1]!, starts[2 * index + 2]!),
    }),
  };
}
