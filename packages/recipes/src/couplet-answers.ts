/** Lower lines to an upper one: more are written than asked for, each different, and told from the best on. */
import type { RunControls } from '@tuiqiao/schema';
import type { WritingRequest } from '@tuiqiao/verse';
import type { PoemRecord, WriteResult } from './write.ts';

/** Candidates for each answer asked for, and at least so many in all: a ranking of what came first is none. */
const CANDIDATES_EACH = 4;
const FEWEST_CANDIDATES = 32;

/**
 * @param count answers asked for
 * @param write writes one poem for each request
 */
export async function rankAnswers(
  request: WritingRequest,
  count: number,
  write: (requests: readonly WritingRequest[], controls: RunControls) => Promise<WriteResult>,
  { onEvent, ...controls }: RunControls,
  candidates = Math.max(FEWEST_CANDIDATES, CANDIDATES_EACH * count),
): Promise<WriteResult> {
  const { poems } = await write(Array<WritingRequest>(candidates).fill(request), {
    ...controls,
    // Which of them will stay nobody can say before all are there.
    onEvent: (event) => {
      if (event.type !== 'poem' && event.type !== 'poem-line') onEvent?.(event);
    },
  });
  const different = [...new Map(poems.map((poem) => [poem.text, poem])).values()];
  const best = different.sort((a, b) => worthOf(b) - worthOf(a)).slice(0, count);
  for (const [index, record] of best.entries()) onEvent?.({ type: 'poem', index, record });
  return { poems: best, givenUp: count - best.length };
}

const worthOf = ({ reward, score }: PoemRecord): number => reward ?? score.total;
