/** Poems of a plain text: separated by blank lines, each with its title (and author) above it or not. */
import { CliError } from '../errors.ts';
import type { PoemInput } from './poem-record.ts';
import { MAX_LINE_LENGTH, type NumberedLine } from './read-lines.ts';

/** Lines of one poem; the longest 排律 have a few hundred. */
const MAX_POEM_LINES = 2000;
/** A title and an author. */
const MAX_HEAD_LINES = 2;
const HAS_PAUSE = /[，。！？；、,.!?;]/u;

/** Lines above the poem that are its title and author: in 《》, or without a pause while the lines below have some. */
function splitTitle(lines: readonly string[]): { title: string | undefined; text: string } {
  let head = /^(#|《.*》)/u.test(lines[0] ?? '') && lines.length > 1 ? 1 : 0;
  let last = head;
  while (last < MAX_HEAD_LINES && last < lines.length - 1 && !HAS_PAUSE.test(lines[last]!)) last++;
  if (lines.slice(last).every((line) => HAS_PAUSE.test(line))) head = last;
  const title = lines
    .slice(0, head)
    .map((line) => line.replace(/^#+\s*/u, '').replace(/^《(.*)》$/u, '$1'))
    .join(' ');
  return { title: title === '' ? undefined : title, text: lines.slice(head).join('\n') };
}

/** @throws CliError `input-bad` for a block that no poem is as long as. */
export async function* readPlainPoems(
  name: string,
  lines: AsyncIterable<NumberedLine>,
): AsyncGenerator<{ poem: PoemInput; place: string }> {
  let block: string[] = [];
  let length = 0;
  let start = 0;
  const flush = function* (): Generator<{ poem: PoemInput; place: string }> {
    if (block.length === 0) return;
    const { title, text } = splitTitle(block);
    yield { poem: { text, ...(title === undefined ? {} : { title }) }, place: `${name}, line ${start}` };
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
}
