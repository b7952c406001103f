/**
 * The vocabulary of the base model: control tokens, then characters by frequency, to a fixed size. Built from the
 * training split only, so that nothing of the held-out clusters shows in it.
 */
import {
  controlToken,
  controlTokens,
  END_TOKEN,
  PAD_TOKEN,
  POEM_TOKEN,
  type Poem,
  TITLE_TOKEN,
  UNKNOWN_TOKEN,
} from '@tuiqiao/corpus';
import { loadBook } from '@tuiqiao/prosody';

export interface VocabularyOptions {
  /** Entries in all, control tokens included. */
  readonly size: number;
  /** Authors with a token of their own: the most prolific. */
  readonly authors: number;
  /** Tunes with a token of their own: the commonest. */
  readonly tunes: number;
}

export interface PoetVocabulary {
  /** Control tokens in id order, from 0. */
  readonly specials: readonly string[];
  /** Characters in id order, following the specials. */
  readonly characters: readonly string[];
}

const FORMS = ['五绝', '七绝', '五律', '七律', '五排', '七排', '古', '词'];
/** Keys by descending count; ties by code point, so that the order never depends on the input order. */
function ranked(counts: ReadonlyMap<string, number>): string[] {
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([key]) => key);
}

function count(counts: Map<string, number>, key: string | null): void {
  if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1);
}

export function buildVocabulary(poems: Iterable<Poem>, options: VocabularyOptions): PoetVocabulary {
  const authors = new Map<string, number>();
  const tunes = new Map<string, number>();
  const themes = new Map<string, number>();
  const eras = new Map<string, number>();
  const characters = new Map<string, number>();
  for (const poem of poems) {
    count(authors, poem.author);
    count(tunes, poem.labels.tune);
    count(themes, poem.labels.theme);
    count(eras, poem.dynasty);
    for (const char of poem.text) count(characters, char);
    for (const char of poem.title) count(characters, char);
  }
  // Anonymous poems have no style to name.
  for (const anonymous of ['無名氏', '不詳', '佚名', '']) authors.delete(anonymous);
  const rhymes = loadBook('pingshui')
    .groups.filter((group) => group.tone === '平')
    .map((group) => controlToken('rhyme', group.name));
  const parts = loadBook('cilin').groups.map((group) => controlToken('rhyme', group.name));
  const specials = [
    PAD_TOKEN,
    UNKNOWN_TOKEN,
    END_TOKEN,
    POEM_TOKEN,
    TITLE_TOKEN,
    ...FORMS.map((form) => controlToken('form', form)),
    ...rhymes,
    ...parts,
    ...(['平起', '仄起'] as const).flatMap((start) => controlTokens({ start })),
    ...[true, false].flatMap((firstLineRhymes) => controlTokens({ firstLineRhymes })),
    ...ranked(eras).map((era) => controlToken('era', era)),
    ...ranked(themes).map((theme) => controlToken('theme', theme)),
    ...ranked(tunes)
      .slice(0, options.tunes)
      .map((tune) => controlToken('tune', tune)),
    ...ranked(authors)
      .slice(0, options.authors)
      .map((author) => controlToken('author', author)),
  ];
  return { specials, characters: ranked(characters).slice(0, options.size - specials.length) };
}
