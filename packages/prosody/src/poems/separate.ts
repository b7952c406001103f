/**
 * `separatePoems`: a text as people have it (titles and authors above the verse or behind it, stanzas apart or not, with
 * punctuation or one line of verse a line) to single poems. Headings are told by their marks, by having no pause where
 * the verse has some, and by their length where nothing has any.
 */
import { findTune } from '../ci/tunes.ts';
import { hasTable } from '../table-store.ts';
import { splitText } from '../text.ts';
import {
  type Heading,
  isAttribution,
  isMarkedHeading,
  isSeriesNumber,
  LONGEST_HEADING,
  readHeading,
  withoutNumber,
} from './heading.ts';

/** One poem of a text, with what its heading tells. */
export interface SeparatedPoem extends Heading {
  /** The verse, a line feed between the lines of the source. */
  readonly text: string;
  /** 词序 and the like: prose between the title of a ci and its verse. */
  readonly preface?: string;
  /** Line of the source where the poem, its heading included, begins; from 1. */
  readonly line: number;
}

interface SourceLine {
  readonly text: string;
  readonly number: number;
}

const HAS_PAUSE = /[，。！？；、,.!?;]/u;
const ENDS_SENTENCE = /[。！？.!?][”’』」"']?$/u;
const STANZA_MARK = /^[（(【]?(?:[上下中前后後][阕闋片]|换头|過片|过片)[）)】]?[：:]?$/u;
const LOWER_STANZA = /^[（(【]?[下中后後][阕闋片]/u;
const RULE = /^[-=*_~—○◎●·.]{3,}$/u;
/** Title, a second line of it, and the author. */
const MOST_HEADING_LINES = 3;
/** A line of verse is of these lengths where a poem has no punctuation. */
const LINE_LENGTHS = new Set([5, 6, 7]);
const FEWEST_LINES = 4;
/** No ci is as long, notes included; no preface has as many lines. */
const LONGEST_POEM = 20_000;
const MOST_PREFACE_LINES = 40;

const hasPauseIn = (line: string): boolean => HAS_PAUSE.test(withoutNumber(line));

/** Characters of verse; of what is longer than any poem nobody asks. */
const countOf = (line: string): number =>
  line.length > LONGEST_POEM
    ? Number.POSITIVE_INFINITY
    : splitText(line).lines.reduce((count, { chars }) => count + chars.length, 0);

/** Every poem of a text, in order. Blank lines and rules (———) part poems, but for the stanzas of one ci. */
export function separatePoems(text: string): SeparatedPoem[] {
  const poems: SeparatedPoem[] = [];
  let block: SourceLine[] = [];
  const close = (): void => {
    for (const poem of separateBlock(block)) {
      const joined = poems.length === 0 ? null : joinStanzas(poems.at(-1)!, poem);
      if (joined === null) poems.push(poem);
      else poems[poems.length - 1] = joined;
    }
    block = [];
  };
  for (const [index, raw] of text.split(/\r\n|[\n\r\u2028\u2029\u0085]/u).entries()) {
    const line = raw.replace(/^\uFEFF/u, '').trim();
    if (line === '' || RULE.test(line)) close();
    else block.push({ text: line, number: index + 1 });
  }
  close();
  return poems;
}

/**
 * The two as one poem where the second is the next stanza of a ci: it has no heading, and the first, named by its tune,
 * has the length of no variant while both together have; or it is marked 下阕. Else null.
 */
export function joinStanzas(first: SeparatedPoem, next: SeparatedPoem): SeparatedPoem | null {
  if (next.title !== undefined) return null;
  const isMarked = LOWER_STANZA.test(next.text);
  const text = `${first.text}\n${next.text}`;
  if (!isMarked && !(isTuneLength(first.title, text) && !isTuneLength(first.title, first.text))) return null;
  const body = text
    .split('\n')
    .filter((line) => !STANZA_MARK.test(line))
    .join('\n');
  return { ...first, ...(next.author === undefined ? {} : { author: next.author }), text: body };
}

function isTuneLength(title: string | undefined, text: string): boolean {
  if (title === undefined || !hasTable('tunes')) return false;
  const count = countOf(text);
  return findTune(title)?.variants.some(({ characterCount }) => characterCount === count) ?? false;
}

function separateBlock(given: readonly SourceLine[]): SeparatedPoem[] {
  const lines = given.flatMap(liftInlineHeading);
  if (lines.length === 0) return [];
  const isHeading = lines.some(({ text }) => hasPauseIn(text) && !isMarkedHeading(text))
    ? findPunctuatedHeadings(lines)
    : findBareHeadings(lines);
  const poems: SeparatedPoem[] = [];
  let index = 0;
  while (index < lines.length) {
    const start = index;
    while (index < lines.length && isHeading[index]) index++;
    const heading = lines.slice(start, index).map(({ text }) => text);
    const bodyStart = index;
    while (index < lines.length && !isHeading[index]) index++;
    const body = lines.slice(bodyStart, index).map(({ text }) => text);
    const below = body.length > 1 && isAttribution(body.at(-1)!) ? [body.pop()!] : [];
    if (body.length === 0) continue;
    const poem = assemble(heading, body, below, lines[start]!.number, poems.at(-1));
    // Marks of stanzas alone are no poem.
    if (poem.text !== '') poems.push(poem);
  }
  return poems;
}

function assemble(
  heading: readonly string[],
  body: readonly string[],
  below: readonly string[],
  line: number,
  before: SeparatedPoem | undefined,
): SeparatedPoem {
  const series = heading.filter(isSeriesNumber);
  const own = readHeading([...heading.filter((each) => !isSeriesNumber(each)), ...below]);
  // 其二 alone: the title is that of the poem before.
  const inherited = series.length > 0 && own.title === undefined && before !== undefined ? before : undefined;
  const base = own.title ?? inherited?.title?.replace(/\s*其[^\s]+$/u, '');
  const title = [base, ...series.map((each) => each.replace(/[（()）]/gu, ''))].filter(Boolean).join(' ');
  const author = own.author ?? inherited?.author;
  // A mark of the lower stanza stays at the beginning, for the poem before to be joined with.
  const lines = body.filter((each, index) => !STANZA_MARK.test(each) || (index === 0 && LOWER_STANZA.test(each)));
  const { preface, verse } = splitPreface(base, lines);
  return {
    ...(title === '' ? {} : { title }),
    ...(author === undefined ? {} : { author }),
    ...(preface === '' ? {} : { preface }),
    text: verse.join('\n'),
    line,
  };
}

/** Prose before a ci: lines that must go for the rest to have the length of a variant. */
function splitPreface(
  title: string | undefined,
  body: readonly string[],
): { preface: string; verse: readonly string[] } {
  if (body.length > 1 && !isTuneLength(title, body.join('\n'))) {
    for (let from = 1; from < body.length && from <= MOST_PREFACE_LINES; from++) {
      if (!isTuneLength(title, body.slice(from).join('\n'))) continue;
      return { preface: body.slice(0, from).join('\n'), verse: body.slice(from) };
    }
  }
  return { preface: '', verse: body };
}

/** 《静夜思》李白：床前…, 静夜思 李白 床前…: a heading in the line of its verse becomes a line of its own. */
function liftInlineHeading(line: SourceLine): SourceLine[] {
  if (line.text.length > LONGEST_POEM) return [line];
  const bracketed = /^([^，。！？；《》]{0,12}《[^《》]{1,60}》[^，。！？；\s：:]{0,8})(?:[\s：:]+)(\S.*)$/u.exec(
    line.text,
  );
  if (bracketed !== null && HAS_PAUSE.test(bracketed[2]!)) {
    return [
      { ...line, text: bracketed[1]! },
      { ...line, text: bracketed[2]! },
    ];
  }
  const words = line.text.split(/\s+/u);
  const first = words.findIndex((word) => HAS_PAUSE.test(word));
  if (first < 1 || first > 2) return [line];
  const verse = words.slice(first).join(' ');
  const { lines } = splitText(verse);
  const length = lines[0]?.chars.length ?? 0;
  const head = words.slice(0, first);
  const isUniform = lines.length >= FEWEST_LINES && lines.every(({ chars }) => chars.length === length);
  const isVerse = isUniform ? head.every((word) => countOf(word) !== length) : isTuneLength(head[0], verse);
  return isVerse
    ? [
        { ...line, text: head.join(' ') },
        { ...line, text: verse },
      ]
    : [line];
}

/** Lines without a pause, above others that all have one, or after a full stop and of another length than the verse. */
function findPunctuatedHeadings(lines: readonly SourceLine[]): boolean[] {
  const hasPause = lines.map(({ text }) => hasPauseIn(text));
  const isHeading = lines.map(({ text }) => text.length <= LONGEST_HEADING && isMarkedHeading(text));
  let top = 0;
  const mayStand = (index: number): boolean =>
    index < lines.length - 1 &&
    (isHeading[index]! || !hasPause[index]!) &&
    lines[index]!.text.length <= LONGEST_HEADING;
  while (top < MOST_HEADING_LINES && mayStand(top) && !STANZA_MARK.test(lines[top]!.text)) top++;
  const isVerseBelow = lines.every(
    ({ text }, index) =>
      index < top || hasPause[index]! || isHeading[index]! || isAttribution(text) || STANZA_MARK.test(text),
  );
  if (isVerseBelow) for (let index = 0; index < top; index++) isHeading[index] = true;
  const verseLength = (index: number): number => splitText(lines[index]!.text).lines[0]?.chars.length ?? 0;
  for (let index = 0; index < lines.length - 1; index++) {
    const { text } = lines[index]!;
    if (hasPause[index] || isHeading[index] || text.length > LONGEST_HEADING) continue;
    if (STANZA_MARK.test(text) || isAttribution(text)) continue;
    const before = lines[index - 1]?.text;
    const isAfterEnd =
      before === undefined || isHeading[index - 1]! || ENDS_SENTENCE.test(before) || isAttribution(before);
    const below = hasPause.slice(index + 1, index + 1 + MOST_HEADING_LINES).indexOf(true);
    const next = index + 1 + below;
    if (!isAfterEnd || below < 0) continue;
    isHeading[index] = countOf(text) !== verseLength(next);
  }
  return isHeading;
}

/** Where no line has a pause: runs of an even number of lines of one length are verse, up to three others above one its heading. */
function findBareHeadings(lines: readonly SourceLine[]): boolean[] {
  const none = lines.map(() => false);
  const marked = lines.map(({ text }) => text.length <= LONGEST_HEADING && isMarkedHeading(text));
  const counts = lines.map(({ text }) => countOf(text));
  const isHeading = [...none];
  let index = 0;
  while (index < lines.length) {
    let start = index;
    while (start < lines.length && (marked[start]! || !startsRun(counts, marked, start))) start++;
    const isTooLong = lines.slice(index, start).some(({ text }) => text.length > LONGEST_HEADING);
    if (start === lines.length || start - index > MOST_HEADING_LINES || isTooLong) return firstAsTune(lines, marked);
    for (let head = index; head < start; head++) isHeading[head] = true;
    index = start;
    while (index < lines.length && !marked[index] && counts[index] === counts[start]) index++;
    if ((index - start) % 2 === 1) {
      // One line too many is a title of the very length of the verse, but only at the top.
      if (start > 0 && isHeading[start - 1]) return none;
      isHeading[start] = true;
    }
  }
  return isHeading;
}

function startsRun(counts: readonly number[], marked: readonly boolean[], start: number): boolean {
  const length = counts[start]!;
  if (!LINE_LENGTHS.has(length)) return false;
  let end = start;
  while (end < counts.length && counts[end] === length && !marked[end]) end++;
  return end - start >= FEWEST_LINES;
}

/** Of unequal lines without punctuation only a ci makes sense: its tune above, then perhaps its author. */
function firstAsTune(lines: readonly SourceLine[], marked: readonly boolean[]): boolean[] {
  for (let top = 1; top <= MOST_HEADING_LINES && top < lines.length; top++) {
    if (lines[top - 1]!.text.length > LONGEST_HEADING) break;
    const title = readHeading([lines[0]!.text]).title;
    const body = lines.slice(top).filter(({ text }) => !STANZA_MARK.test(text));
    if (isTuneLength(title, body.map(({ text }) => text).join('\n'))) return lines.map((_, index) => index < top);
  }
  return [...marked];
}
