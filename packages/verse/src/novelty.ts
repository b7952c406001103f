/** Which lines of a poem stand in the corpus already, and the longest run of characters it shares with any line. */
import type { LineIndex } from '@tuiqiao/corpus';

export interface Novelty {
  readonly copiedLines: readonly CopiedLine[];
  /** Characters. */
  readonly longestSharedNgram: number;
}

export interface CopiedLine {
  readonly line: string;
  readonly source: { readonly title: string; readonly author: string };
}

/** Shorter lines (如梦令's 2-character ones) recur by chance and are nobody's. */
const SHORTEST_LINE = 5;

export function noveltyOf(text: string, index: LineIndex): Novelty {
  const copiedLines: CopiedLine[] = [];
  for (const line of text.split(/[，。、？！；\s]+/u)) {
    if ([...line].length < SHORTEST_LINE) continue;
    const source = index.find(line);
    if (source !== null) copiedLines.push({ line, source: { title: source.title, author: source.author } });
  }
  return { copiedLines, longestSharedNgram: index.longestSharedNgram(text) };
}
