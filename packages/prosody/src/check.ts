// `check`: one text to one verdict. Recognises the form or takes the one that is asked for.

import { loadBook } from './books.ts';
import { type CiOptions, checkCi } from './ci/check-ci.ts';
import { divideAs, recogniseTune } from './ci/recognise-tune.ts';
import { checkCouplet } from './couplet/check-couplet.ts';
import { isCoupletName } from './couplet/couplet.ts';
import { ProsodyError } from './errors.ts';
import { findForm } from './forms.ts';
import type { Language } from './messages.ts';
import { separatePoems } from './poems/separate.ts';
import { detectScript } from './scripts.ts';
import { checkAs, checkAsSix } from './shi/check-as.ts';
import { describeFree, describeUnrecognised } from './shi/describe.ts';
import { recogniseShi, recogniseSix, recogniseUndivided } from './shi/recognise.ts';
import type { ShiRequest } from './shi/request.ts';
import { findSixForm } from './shi/six.ts';
import { hasTable } from './table-store.ts';
import { type PoemText, splitText } from './text.ts';
import type { BookName, Verdict } from './verdict.ts';

/** A poem to check, as a line of `check`'s JSON input. Its own form, tune and book go before the options'. */
export interface CheckInput {
  readonly id?: string;
  readonly text: string;
  readonly title?: string;
  /** 五绝 七绝 五律 七律 五排 七排 六绝 六律, their full names, 词, 联 (two lines alone), or 古; recognised from the text when absent. */
  readonly form?: string;
  /** Name of a ci tune. */
  readonly tune?: string;
  readonly book?: BookName;
}

export interface CheckOptions {
  readonly book?: BookName;
  readonly form?: string;
  readonly tune?: string;
  /** Language of the messages; Chinese by default. */
  readonly lang?: Language;
  /** Also score the couplets of 律诗 and 排律 for 对仗. */
  readonly parallelism?: boolean;
  /** Also list the characters with both tones (多音), how each is read and why. */
  readonly polyphones?: boolean;
}

const BOOKS: readonly BookName[] = ['pingshui', 'cilin', 'xinyun', 'tongyun', 'guangyun'];
const FREE_FORMS: readonly string[] = ['古', '古体', '古體', '古诗', '古詩', '古风', '古風'];

/**
 * The verdict on one poem. Any text has one: a text that is no verse gets `form: null` and says so.
 *
 * @throws ProsodyError PROSODY_UNKNOWN_FORM, PROSODY_UNKNOWN_BOOK when asked for what there is not;
 *   PROSODY_TEXT_TOO_LONG beyond the bound of `splitText`.
 */
export function check(input: string | CheckInput, options: CheckOptions = {}): Verdict {
  const poem: CheckInput = typeof input === 'string' ? { text: input } : input;
  const form = poem.form ?? options.form;
  const bookName = poem.book ?? options.book;
  if (bookName !== undefined && !BOOKS.includes(bookName)) {
    throw new ProsodyError('PROSODY_UNKNOWN_BOOK', `check: expected a book of ${BOOKS.join(', ')}, got ${bookName}`);
  }
  const tune = poem.tune ?? options.tune;
  if (tune !== undefined || form?.trim() === '词' || form?.trim() === '詞') {
    const verdict = checkCi(poem.text, ciOptions(poem, options));
    if (verdict !== null) return verdict;
    if (tune !== undefined) {
      throw new ProsodyError('PROSODY_UNKNOWN_FORM', `check: expected the name of a ci tune, got ${tune}`);
    }
  }
  const text = splitText(poem.text);
  const script = detectScript(poem.text);
  const book = loadBook(bookName ?? 'pingshui', script);
  const request: ShiRequest = {
    id: poem.id,
    text,
    script,
    book,
    language: options.lang ?? 'zh',
    parallelism: options.parallelism ?? false,
    polyphones: options.polyphones ?? false,
  };

  if (form?.trim() === '词' || form?.trim() === '詞') return describeFree(request, '词');
  if (form !== undefined && isCoupletName(form)) return checkCouplet(request);
  if (form !== undefined && FREE_FORMS.includes(form.trim())) return describeFree(request, '古');
  if (form !== undefined) {
    const six = findSixForm(form);
    if (six) return checkAsSix(request, six);
    const regulated = findForm(form);
    if (!regulated) {
      throw new ProsodyError(
        'PROSODY_UNKNOWN_FORM',
        `check: expected a form of 五绝 七绝 五律 七律 五排 七排 六绝 六律 联 古 词, got ${form}`,
      );
    }
    const verdict = checkAs(request, regulated);
    return verdict.strict.length ? verdict : (checkUnderHeading(poem, options) ?? verdict);
  }
  return (
    recogniseShi(request) ??
    recogniseSix(request) ??
    recogniseCi(poem, options) ??
    recogniseUndivided(request) ??
    recogniseCiByShape(text, poem, options) ??
    checkUnderHeading(poem, options) ??
    describeUnrecognised(request)
  );
}

function ciOptions(poem: CheckInput, options: CheckOptions): CiOptions {
  const tune = poem.tune ?? options.tune;
  const book = poem.book ?? options.book;
  return {
    ...(poem.id === undefined ? {} : { id: poem.id }),
    ...(poem.title === undefined ? {} : { title: poem.title }),
    ...(tune === undefined ? {} : { tune }),
    ...(book === undefined ? {} : { book }),
    ...(options.lang === undefined ? {} : { lang: options.lang }),
    ...(options.polyphones === undefined ? {} : { polyphones: options.polyphones }),
  };
}

/** By its title or first line; old-style poems have tune names for titles too, so the length must be a variant's. */
function recogniseCi(poem: CheckInput, options: CheckOptions): Verdict | null {
  if (!hasTable('tunes') || !hasTable('cilin')) return null;
  const verdict = checkCi(poem.text, ciOptions(poem, options));
  return verdict?.strict.length ? verdict : null;
}

/** By line breaks, tones and rhymes; a text without a pause is divided as the variant is. */
function recogniseCiByShape({ lines }: PoemText, poem: CheckInput, options: CheckOptions): Verdict | null {
  if (!hasTable('tunes') || !hasTable('cilin')) return null;
  const found = recogniseTune(lines);
  if (found === undefined) return null;
  const { tune, variant } = found;
  const text = lines.length === 1 ? divideAs(variant, lines[0]!.chars) : poem.text;
  return checkCi(text, { ...ciOptions(poem, options), tune: tune.name });
}

/** What parts a heading from the verse below, beside or behind it. */
const MAY_HAVE_HEADING = /[\s\u0085《]/u;

/** A single poem that stands under its title and author, without them; null where the text has no such heading. */
function checkUnderHeading(poem: CheckInput, options: CheckOptions): Verdict | null {
  const trimmed = poem.text.trim();
  if (!MAY_HAVE_HEADING.test(trimmed)) return null;
  const [only, ...others] = separatePoems(poem.text);
  if (only === undefined || others.length > 0 || only.text === trimmed) return null;
  const title = poem.title ?? only.title;
  const verdict = check({ ...poem, text: only.text, ...(title === undefined ? {} : { title }) }, options);
  return verdict.strict.length ? verdict : null;
}
