import { loadBook } from '../books.ts';
import { createVerdict } from '../lazy-verdict.ts';
import type { Language } from '../messages.ts';
import { detectScript } from '../scripts.ts';
import { splitText } from '../text.ts';
import type { BookName, Verdict } from '../verdict.ts';
import { describeCiIssue, listCiPolyphones, readCiLines, scoreCi } from './ci-findings.ts';
import { findCiRemarks } from './ci-remarks.ts';
import { judgeCi } from './judge-ci.ts';
import { describeCiRhyme, judgeCiRhyme } from './judge-ci-rhyme.ts';
import { setText } from './set-text.ts';
import type { Tune } from './tune.ts';
import { findTune } from './tunes.ts';
import { shapeOf } from './variant-shape.ts';

export interface CiOptions {
  readonly id?: string;
  /** Name or alias of the tune; without it the title, then a first line of its own, must name it. */
  readonly tune?: string;
  /** Only this variant, e.g. `钦定词谱 1`; otherwise the one that fits best. */
  readonly variant?: string;
  readonly title?: string;
  /** Default 词林正韵; 平水韵 and 廣韻 divide the rhymes of ci and are read as 词林正韵. */
  readonly book?: BookName;
  /** Language of the messages; Chinese by default. */
  readonly lang?: Language;
  /** Also list the characters with both tones (多音), how each is read and why. */
  readonly polyphones?: boolean;
}

const BOOKS_OF_SHI: readonly BookName[] = ['pingshui', 'guangyun'];

/**
 * The verdict on a ci; null when neither the options nor the text name a tune.
 *
 * `length` asks for a variant's length and four fifths of its line breaks, `rhyme` for one group of the book in each of
 * its rhymes (one line off is 拗可), `meter` for its fixed tones.
 */
export function checkCi(text: string, options: CiOptions = {}): Verdict | null {
  const named = findNamedTune(text, options);
  if (named === null) return null;
  const { tune, body } = named;
  const lang = options.lang ?? 'zh';
  const script = detectScript(body);
  const book = loadBook(
    options.book === undefined || BOOKS_OF_SHI.includes(options.book) ? 'cilin' : options.book,
    script,
  );
  const set = setText(splitText(body).lines, book);
  const variants = tune.variants.filter(({ label }) => options.variant === undefined || label === options.variant);
  const { variant, slotOf, issues } = judgeCi(tune, variants.length > 0 ? variants : tune.variants, set, book, script);
  const shape = shapeOf(variant);
  const rhyme = judgeCiRhyme(shape, set, slotOf, book);
  const off = new Set(rhyme.sets.flatMap((found) => found.off.map(({ slot }) => slot)));
  const all = [...issues, ...rhyme.issues, ...findCiRemarks(shape, set, slotOf, off)].sort(
    (a, b) => a.line - b.line || a.position - b.position,
  );
  const isTraditional = script === 'traditional';
  const name = isTraditional ? tune.traditional : tune.name;
  return createVerdict({
    id: options.id,
    form: '词',
    start: null,
    firstLineRhymes: null,
    tune: tune.name,
    variant: variant.label,
    book: book.name,
    rhyme: describeCiRhyme(rhyme.sets, rhyme.lines, rhyme.offLines, book, script),
    readLines: () => readCiLines(set, slotOf, shape, script),
    describe: () =>
      all.map((issue) => describeCiIssue(issue, set, book, script, { tune: name, variant: variant.label }, lang)),
    ...scoreCi(all, rhyme),
    ...(options.polyphones ? { polyphones: listCiPolyphones(set, slotOf, shape, book, script) } : {}),
  });
}

function findNamedTune(text: string, options: CiOptions): { tune: Tune; body: string } | null {
  const trimmed = text.trim();
  const lineEnd = trimmed.indexOf('\n');
  const heading = lineEnd < 0 ? undefined : findTune(trimmed.slice(0, lineEnd));
  const rest = (): string => trimmed.slice(lineEnd + 1);
  if (options.tune !== undefined) {
    const tune = findTune(options.tune);
    if (tune === undefined) return null;
    return { tune, body: heading?.id === tune.id ? rest() : text };
  }
  const titled = options.title === undefined ? undefined : findTune(options.title);
  if (titled !== undefined) return { tune: titled, body: heading?.id === titled.id ? rest() : text };
  return heading === undefined ? null : { tune: heading, body: rest() };
}
