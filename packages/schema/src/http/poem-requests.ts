/** Requests and replies of our own endpoints: `/v1/poems` and `/v1/check`. */
import * as z from 'zod';
import { OptionError } from '../errors.ts';
import { BOOKS, VERSE_WORDS } from '../options/verse.ts';
import { parseOptions } from '../parse-options.ts';
import { isPlainMap, type PlainMap } from '../resolve-names.ts';
import type { PoemOptions } from '../stages.ts';

/** Poems judged in one request. */
const MAX_POEMS_CHECKED = 1000;

const lang = z.enum(['zh', 'en']).optional();

/** `POST /v1/poems`: beside these fields the words of `write`, in snake_case. */
export const poemsRequest = z.looseObject({
  /** Absent: the base model. */
  model: z.string().min(1).optional(),
  /** Server-sent events: `line` and `poem` as they are written, then `[DONE]`. */
  stream: z.boolean().optional(),
  /** Of the findings in each poem's verdict; absent: Chinese. */
  lang,
});

const poemToCheck = z.strictObject({
  id: z.string().optional(),
  text: z.string().min(1),
  title: z.string().optional(),
  form: z.string().optional(),
  tune: z.string().optional(),
  book: z.preprocess((value) => VERSE_WORDS[String(value)] ?? value, z.enum(BOOKS)).optional(),
});

/** `POST /v1/check` of one poem. */
export const checkRequest = poemToCheck.extend({ lang });
/** The same of several, under `poems`. */
export const checkManyRequest = z.strictObject({ poems: z.array(poemToCheck).min(1).max(MAX_POEMS_CHECKED), lang });

export type PoemToCheck = z.output<typeof poemToCheck>;

/** Of several poems; of one poem the reply is its verdict alone, as `check --json` prints it. */
export interface CheckReply<Verdict> {
  readonly verdicts: readonly Verdict[];
}

export interface PoemsReply<Poem> {
  readonly model: string;
  readonly poems: readonly Poem[];
  /** Poems that no attempt brought into their form. */
  readonly given_up: number;
}

/**
 * The words of a poem from the wire: `first_line` and `firstLine`, `best_of`, whatever `write` knows.
 * @throws OptionError with one sentence
 */
export function parsePoemWords(words: unknown): { options: PoemOptions; warnings: readonly string[] } {
  if (!isPlainMap(words)) throw new OptionError('recipe-not-a-map', 'poem: expected a map such as {"form": "七绝"}');
  const camel: PlainMap = {};
  for (const [key, value] of Object.entries(words)) {
    if (value === null) continue;
    camel[key.replace(/_([a-z])/gu, (_, letter: string) => letter.toUpperCase())] = value;
  }
  return parseOptions('poem', camel);
}
