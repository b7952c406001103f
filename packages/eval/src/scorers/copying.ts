/** Which line came from where: each line's source when the corpus has it whole, else the longest run of characters it shares. */
import { type LineIndex, splitLines } from '@tuiqiao/corpus';

export interface LineTrace {
  readonly line: string;
  /** Where the whole line stands; null when it stands nowhere or is too short to be anybody's. */
  readonly source: { readonly title: string; readonly author: string } | null;
  /** Longest run of characters shared with any line of the corpus; '' below the index's shortest run. */
  readonly shared: string;
}

/** The part of `LineIndex` that is needed. */
export type CopyLookup = Pick<LineIndex, 'find' | 'longestSharedNgram'>;

/**
 * Traces every line of a poem, punctuation left out.
 *
 * @param indexes of everything the model saw; the first that holds a line names it
 */
export function traceLines(text: string, indexes: readonly CopyLookup[]): LineTrace[] {
  return splitLines(text.replaceAll(/[^\S\n]/gu, '')).map((line) => {
    const found = indexes.map((index) => index.find(line)).find((source) => source !== null);
    if (found !== undefined) {
      return { line, source: { title: found.title, author: found.author }, shared: line };
    }
    const runs = indexes.map((index) => sharedRun(line, index));
    return { line, source: null, shared: runs.reduce((best, run) => (run.length > best.length ? run : best), '') };
  });
}

/** The index tells a run's length, not its place: slide a window of that length over the line. */
function sharedRun(line: string, index: CopyLookup): string {
  const characters = [...line];
  const length = index.longestSharedNgram(line);
  if (length === 0) return '';
  for (let start = 0; start + length <= characters.length; start++) {
    const run = characters.slice(start, start + length).join('');
    if (index.longestSharedNgram(run) === length) return run;
  }
  return '';
}
