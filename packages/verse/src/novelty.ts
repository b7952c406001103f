/** Which lines of a poem stand in a corpus already, and the longest run of characters it shares with any line. */
import { type CopiedLine, type LineIndex, splitLines } from '@tuiqiao/corpus';

export interface Novelty {
  /** Lines of five characters or more; shorter ones recur by chance. */
  readonly copiedLines: readonly CopiedLine[];
  /** Characters. */
  readonly longestSharedNgram: number;
}

/**
 * @param indexes asked in order: of two that know a line, the first names its source
 * @param given lines that were asked for as they stand; whose they are is no matter of the poem's. Where the poem has a mark
 *   within such a line (逗), its parts are given too.
 */
export function noveltyOf(text: string, indexes: readonly LineIndex[], given: readonly string[] = []): Novelty {
  const own = splitLines(text).filter((line) => !given.some((each) => each.includes(line)));
  const copiedLines = own.flatMap((line) => {
    const source = indexes.map((index) => index.find(line)).find((found) => found !== null);
    return source === undefined || source === null ? [] : [{ line, source }];
  });
  return {
    copiedLines,
    longestSharedNgram: Math.max(0, ...indexes.map((index) => index.longestSharedNgram(own.join('\n')))),
  };
}
