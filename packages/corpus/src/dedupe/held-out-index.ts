/**
 * Whether a text is, or nearly is, a poem that must not be learnt from. Near duplicates are those of `findDuplicates`: at
 * least half of the lines of the shorter one stand in the other, word for word after folding. Both scripts are read.
 */
import { foldText } from '../clean/fold-variants.ts';
import { splitLines } from '../clean/lines.ts';
import { toSimplified } from '../clean/to-simplified.ts';
import type { Poem } from '../poem.ts';

export interface HeldOutIndex {
  /** Poems looked at. */
  readonly size: number;
  /** The poem that the text is a near duplicate of; null for none. */
  find(text: string): Poem | null;
}

export function createHeldOutIndex(poems: readonly Poem[]): HeldOutIndex {
  const lineCounts = new Int32Array(poems.length);
  const poemsOfLine = new Map<string, number[]>();
  for (const [index, poem] of poems.entries()) {
    const lines = distinctLines(poem.text);
    lineCounts[index] = lines.size;
    for (const line of lines) {
      const known = poemsOfLine.get(line);
      if (known === undefined) poemsOfLine.set(line, [index]);
      else known.push(index);
    }
  }
  return {
    size: poems.length,
    find: (text) => {
      const lines = distinctLines(text);
      const shared = new Map<number, number>();
      for (const line of lines) {
        for (const index of poemsOfLine.get(line) ?? []) shared.set(index, (shared.get(index) ?? 0) + 1);
      }
      for (const [index, count] of shared) {
        if (count >= Math.min(lines.size, lineCounts[index]!) / 2) return poems[index]!;
      }
      return null;
    },
  };
}

function distinctLines(text: string): Set<string> {
  // Traditional to simplified is the safe direction.
  return new Set(splitLines(toSimplified(foldText(text))));
}
