/** A written poem: its verdict as a block, and the lines that stand in the corpus already. */
import { check, type Language, type Verdict } from '@tuiqiao/prosody';
import type { PoemRecord } from '@tuiqiao/recipes';
import type { Session } from '../session.ts';
import { renderVerdict } from './verdict.ts';

export function renderPoem(poem: PoemRecord, session: Session): string {
  const { colours } = session;
  const verdict = verdictIn(session.language, poem);
  const block = renderVerdict(verdict, poem.title ?? poem.request.theme, session.language, colours);
  const copied = (poem.novelty?.copiedLines ?? []).map(
    ({ line, source }) => `  ${colours.yellow(session.text('copied'))} ${line} — ${source.author}《${source.title}》`,
  );
  return [block, ...copied].join('\n');
}

/** Records speak Chinese; for another language the poem is judged once more, as the same form by the same book. */
function verdictIn(lang: Language, { text, form, tune, verdict }: PoemRecord): Verdict {
  if (lang === 'zh') return verdict;
  const asked = { ...(form === undefined ? {} : { form }), ...(tune === undefined ? {} : { tune }) };
  return check({ text, book: verdict.book, ...asked }, { lang, parallelism: verdict.parallelism !== undefined });
}
