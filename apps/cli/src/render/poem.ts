/** A written poem: its verdict as a block, and the lines that stand in the corpus already. */
import type { PoemRecord } from '@tuiqiao/recipes';
import type { Session } from '../session.ts';
import { renderVerdict } from './verdict.ts';

export function renderPoem(poem: PoemRecord, session: Session): string {
  const { colours } = session;
  const block = renderVerdict(poem.verdict, poem.title ?? poem.request.theme, session.language, colours);
  const copied = (poem.novelty?.copiedLines ?? []).map(
    ({ line, source }) => `  ${colours.yellow(session.text('copied'))} ${line} — ${source.author}《${source.title}》`,
  );
  return [block, ...copied].join('\n');
}
