/**
 * A poem's metadata as extra columns of a dataset row. Trainers pass columns they do not know to reward functions
 * unchanged, so that a reward can ask the checker for the very form, book and rhyme that the prompt asked for.
 */
import type { Poem } from '../poem.ts';

export const POEM_COLUMNS = ['form', 'rhyme_book', 'rhyme', 'cipai', 'title', 'author', 'dynasty', 'source'] as const;
export type PoemColumn = (typeof POEM_COLUMNS)[number];

/** Every column is always there, so that all rows of a file have the same ones; null where the poem has none. */
export function poemColumns(poem: Poem): Record<PoemColumn, string | null> {
  const { labels } = poem;
  return {
    form: labels.form,
    rhyme_book: labels.rhyme === null ? null : labels.tune === null ? 'pingshui' : 'cilin',
    rhyme: labels.rhyme,
    cipai: labels.tune,
    title: poem.title === '' ? null : poem.title,
    author: poem.author,
    dynasty: poem.dynasty,
    source: poem.source,
  };
}
