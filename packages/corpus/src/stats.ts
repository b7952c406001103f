/** Counts over poems: what `corpus stats` shows and the manifest cannot know for a subset. */
import { characterCount, splitLines } from './clean/lines.ts';
import type { Poem } from './poem.ts';

export interface CorpusStats {
  readonly poems: number;
  readonly lines: number;
  /** Without punctuation. */
  readonly characters: number;
  readonly distinctCharacters: number;
  readonly authors: number;
  readonly bySource: Readonly<Record<string, number>>;
  readonly byForm: Readonly<Record<string, { readonly poems: number; readonly flawless: number }>>;
  readonly byTune: Readonly<Record<string, number>>;
  readonly byTheme: Readonly<Record<string, number>>;
  readonly bySplit: Readonly<Record<string, number>>;
}

export function corpusStats(poems: Iterable<Poem>): CorpusStats {
  let count = 0;
  let lines = 0;
  let characters = 0;
  const seen = new Set<string>();
  const authors = new Set<string>();
  const bySource: Record<string, number> = {};
  const byForm: Record<string, { poems: number; flawless: number }> = {};
  const byTune: Record<string, number> = {};
  const byTheme: Record<string, number> = {};
  const bySplit: Record<string, number> = {};
  for (const poem of poems) {
    count++;
    authors.add(poem.author);
    for (const line of splitLines(poem.text)) {
      lines++;
      characters += characterCount(line);
      for (const character of line) seen.add(character);
    }
    const { form, tune, theme, split, isFlawless } = poem.labels;
    add(bySource, poem.source);
    add(bySplit, split);
    if (tune !== null) add(byTune, tune);
    if (theme !== null) add(byTheme, theme);
    const formCount = byForm[form ?? 'none'] ?? { poems: 0, flawless: 0 };
    byForm[form ?? 'none'] = { poems: formCount.poems + 1, flawless: formCount.flawless + (isFlawless ? 1 : 0) };
  }
  return {
    poems: count,
    lines,
    characters,
    distinctCharacters: seen.size,
    authors: authors.size,
    bySource,
    byForm,
    byTune,
    byTheme,
    bySplit,
  };
}

function add(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}
