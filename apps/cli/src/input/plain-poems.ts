/**
 * Poems of a plain text, block by block: the engine tells titles, authors and verse apart; what is held back is the last
 * poem, whose next stanza may stand behind a blank line.
 */
import type { SeparatedPoem } from '@tuiqiao/prosody';
import { CliError } from '../errors.ts';
import type { PoemInput } from './poem-record.ts';
import { MAX_LINE_LENGTH, type NumberedLine } from './read-lines.ts';

/** Lines of one poem; the longest 排律 have a few hundred. */
const MAX_POEM_LINES = 2000;
/** @throws CliError `input-bad` for a block that no poem is as long as. */
export async function* readPlainPoems(
  name: string,
  lines: AsyncIterable<NumberedLine>,
): AsyncGenerator<{ poem: PoemInput; place: string }> {
  let block: string[] = [];
  let length = 0;
  let start = 0;
  let held: { poem: SeparatedPoem; start: number } | undefined;
  const { joinStanzas, separatePoems } = await import('@tuiqiao/prosody');
  const give = ({ poem, start: blockStart }: { poem: SeparatedPoem; start: number }) => {
    const title = [poem.title, poem.author].filter((part) => part !== undefined).join(' ');
    return {
      poem: { text: poem.text, ...(title === '' ? {} : { title }) },
      place: `${name}, line ${blockStart + poem.line - 1}`,
    };
  };
  const flush = function* (): Generator<{ poem: PoemInput; place: string }> {
    for (const poem of separatePoems(block.join('\n'))) {
      const joined = held === undefined ? null : joinStanzas(held.poem, poem);
      if (held !== undefined && joined !== null) held = { ...held, poem: joined };
      else {
        if (held !== undefined) yield give(held);
        held = { poem, start };
      }
    }
    block = [];
    length = 0;
  };
  for await (const { line, number } of lines) {
    const trimmed = line.trim();
    if (trimmed === '') {
      yield* flush();
      continue;
    }
    if (block.length === 0) start = number;
    block.push(trimmed);
    length += trimmed.length;
    if (block.length > MAX_POEM_LINES || length > MAX_LINE_LENGTH) {
      throw new CliError('input-bad', `${name}, line ${start}: longer than a poem can be`, {
        hint: 'Separate the poems with blank lines.',
      });
    }
  }
  yield* flush();
  if (held !== undefined) yield give(held);
}
