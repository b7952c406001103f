/**
 * `checkCi`: the verdict on a ci. Finds the tune, the variant that the text follows, and judges length, tones and rhyme
 * against it; a tone is a fault only where the book and Song practice agree.
 */
import type { Book } from '../book-types.ts';
import { loadBook } from '../books.ts';
import type { Language } from '../messages.ts';
import { detectScript, type Script } from '../scripts.ts';
import { suggestCharacters, withSuggestion } from '../suggest.ts';
import { type PoemLine, splitText } from '../text.ts';
import { toneByContext } from '../tone-context.ts';
import { usualTone } from '../tone-usage.ts';
import type { BookName, Finding, LineReading, RhymeFound, Score, ToneMark, Verdict } from '../verdict.ts';
import { alignLines, type LineStep, lineLengths } from './align-lines.ts';
import { chooseVariant, type FlatText, findPractice, SHARED_BREAKS_NEEDED } from './choose-variant.ts';
import { findRhymes, type RhymeSetFound } from './ci-rhyme.ts';
import { CI_ISSUES, type CiFacts, type CiIssueKind, wordCiIssue } from './ci-wording.ts';
import type { Tune, TunePractice, TuneVariant } from './tune.ts';
import { findTune } from './tunes.ts';
import { shapeOf, slotBits, type VariantShape } from './variant-shape.ts';

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
}

const BOOKS_OF_SHI: readonly BookName[] = ['pingshui', 'guangyun'];

/** Where the characters of a text stand, and which slot of the variant each fills. */
interface SetText {
  readonly lines: readonly PoemLine[];
  readonly flat: FlatText;
  /** Text position of each flat character. */
  readonly places: readonly { readonly line: number; readonly position: number }[];
  readonly known: Uint8Array;
}

interface CiIssue {
  readonly kind: CiIssueKind;
  /** From 0. */
  readonly line: number;
  /** -1: the whole line. */
  readonly position: number;
  readonly wanted?: number;
  readonly group?: number;
  readonly count?: number;
  readonly expected?: number;
}

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
  const { variant, slotOf, issues } = judge(tune, variants.length > 0 ? variants : tune.variants, set, book, script);
  const rhyme = judgeRhyme(shapeOf(variant), set, slotOf, book);
  const all = [...issues, ...rhyme.issues].sort((a, b) => a.line - b.line || a.position - b.position);
  const isTraditional = script === 'traditional';
  const name = isTraditional ? tune.traditional : tune.name;
  return {
    ...(options.id === undefined ? {} : { id: options.id }),
    form: '词',
    start: null,
    firstLineRhymes: null,
    tune: tune.name,
    variant: variant.label,
    book: book.name,
    rhyme: describeRhyme(rhyme.sets, rhyme.lines, rhyme.offLines, book, script),
    lines: readLines(set, slotOf, shapeOf(variant), script),
    findings: all.map((issue) => describeIssue(issue, set, book, script, { tune: name, variant: variant.label }, lang)),
    ...scores(all, rhyme),
  };
}

function findNamedTune(text: string, options: CiOptions): { tune: Tune; body: string } | null {
  const [first = '', ...rest] = text.trim().split('\n');
  const heading = rest.length > 0 ? findTune(first) : undefined;
  if (options.tune !== undefined) {
    const tune = findTune(options.tune);
    if (tune === undefined) return null;
    return { tune, body: heading?.id === tune.id ? rest.join('\n') : text };
  }
  const titled = options.title === undefined ? undefined : findTune(options.title);
  if (titled !== undefined) return { tune: titled, body: heading?.id === titled.id ? rest.join('\n') : text };
  return heading === undefined ? null : { tune: heading, body: rest.join('\n') };
}

function setText(lines: readonly PoemLine[], book: Book): SetText {
  const places: { line: number; position: number }[] = [];
  const chars: string[] = [];
  for (const [index, line] of lines.entries()) {
    for (let position = 0; position < line.chars.length; position++) {
      places.push({ line: index, position });
      chars.push(line.chars[position]!);
    }
  }
  const known = new Uint8Array(chars.length);
  for (let index = 0; index < chars.length; index++) known[index] = book.toneMask(chars[index]!);
  const breaks: number[] = [];
  for (const line of lines) breaks.push((breaks.at(-1) ?? 0) + line.chars.length);
  return { lines, places, known, flat: { chars, breaks, masks: known.map((mask) => mask || 3) } };
}

/** The variant, the slot of every character (−1: none), and what is wrong with length and tones. */
interface Judgement {
  readonly variant: TuneVariant;
  readonly slotOf: Int32Array;
  readonly issues: readonly CiIssue[];
}

function judge(tune: Tune, variants: readonly TuneVariant[], set: SetText, book: Book, script: Script): Judgement {
  const count = set.flat.chars.length;
  const unknown = set.places.flatMap((place, index): CiIssue[] =>
    set.known[index] === 0 ? [{ kind: 'unknown', ...place }] : [],
  );
  if (count === 0) {
    const issues: CiIssue[] = [{ kind: 'empty', line: 0, position: -1 }];
    return { variant: variants[0]!, slotOf: new Int32Array(0), issues };
  }
  const fit = chooseVariant(variants, set.flat, book);
  if (fit === undefined) return judgeWrongLength(variants, set, unknown);
  const slotOf = Int32Array.from({ length: count }, (_, slot) => slot);
  const division: CiIssue[] = fit.shared < SHARED_BREAKS_NEEDED ? [{ kind: 'division', line: 0, position: -1 }] : [];
  const tones = judgeTones(fit.shape, slotOf, set, findPractice(tune, set.flat), book, script);
  return { variant: fit.shape.variant, slotOf, issues: [...division, ...unknown, ...tones] };
}

/** No variant has this length: the nearest one, by lines; tones are judged where a line has its length. */
function judgeWrongLength(variants: readonly TuneVariant[], set: SetText, unknown: readonly CiIssue[]): Judgement {
  const textLengths = set.lines.map((line) => line.chars.length);
  let best: { variant: TuneVariant; lengths: number[]; cost: number; steps: LineStep[] } | undefined;
  for (const variant of variants) {
    const lengths = lineLengths(variant);
    const alignment = alignLines(textLengths, lengths);
    if (best === undefined || alignment.cost < best.cost) best = { variant, lengths, ...alignment };
  }
  const { variant, lengths, steps } = best!;
  const issues: CiIssue[] = [...unknown];
  const slotOf = new Int32Array(set.flat.chars.length).fill(-1);
  const slotBefore = startsOf(lengths);
  const charBefore = startsOf(textLengths);
  let lastLine = 0;
  for (const step of steps) {
    if (step.kind === 'missing') {
      issues.push({ kind: 'line-missing', line: lastLine, position: -1, expected: lengths[step.variantLine]! });
      continue;
    }
    lastLine = step.textLine;
    if (step.kind === 'extra') {
      issues.push({ kind: 'line-extra', line: step.textLine, position: -1 });
      continue;
    }
    const count = textLengths[step.textLine]!;
    const expected = lengths[step.variantLine]!;
    const char = charBefore[step.textLine]!;
    const slot = slotBefore[step.variantLine]!;
    if (count === expected) for (let offset = 0; offset < count; offset++) slotOf[char + offset] = slot + offset;
    else {
      // The rhyme at least stands where it must.
      slotOf[char + count - 1] = slot + expected - 1;
      issues.push({ kind: 'line-length', line: step.textLine, position: -1, count, expected });
    }
  }
  const shape = shapeOf(variant);
  for (let index = 0; index < slotOf.length; index++) {
    const bits = slotOf[index]! < 0 ? 3 : shape.slots[slotOf[index]!]!;
    if ((bits & set.flat.masks[index]!) === 0) issues.push({ kind: 'tone', ...set.places[index]!, wanted: bits });
  }
  return { variant, slotOf, issues };
}

function startsOf(lengths: readonly number[]): number[] {
  let sum = 0;
  return lengths.map((length) => {
    sum += length;
    return sum - length;
  });
}

function judgeTones(
  shape: VariantShape,
  slotOf: Int32Array,
  set: SetText,
  practice: TunePractice | undefined,
  book: Book,
  script: Script,
): CiIssue[] {
  // A few tones are in one transcription of 词林正韵 only; 平水韵 confirms the others.
  const confirming = book.name === 'cilin' ? loadBook('pingshui', script) : book;
  const issues: CiIssue[] = [];
  for (const [index, slot] of slotOf.entries()) {
    const wanted = shape.slots[slot]!;
    if (wanted === 3) continue;
    const place = set.places[index]!;
    if ((wanted & set.flat.masks[index]!) === 0) {
      const isAgreed = practice === undefined || slotBits(practice.slots[slot]!) === wanted;
      issues.push({ kind: isAgreed ? 'tone' : 'tone-practice', ...place, wanted });
    } else if (set.known[index] === 3) {
      const other = confirming.toneMask(set.flat.chars[index]!);
      if (other !== 0 && (other & wanted) === 0) issues.push({ kind: 'tone-reading', ...place, wanted });
    }
  }
  return issues;
}

// ── rhyme ──────────────────────────────────────────────────────────────────────────────────────────────────────────

interface RhymeJudged {
  readonly sets: readonly RhymeSetFound[];
  /** Lines from 0. */
  readonly lines: readonly number[];
  readonly offLines: readonly number[];
  /** Whether a rhyme character is in no book, which leaves the rhyme open. */
  readonly hasUnknown: boolean;
  readonly issues: readonly CiIssue[];
}

function judgeRhyme(shape: VariantShape, set: SetText, slotOf: Int32Array, book: Book): RhymeJudged {
  const indexOf = new Map<number, number>();
  for (const [index, slot] of slotOf.entries()) if (slot >= 0) indexOf.set(slot, index);
  const charAt = (slot: number) => {
    const index = indexOf.get(slot);
    return index === undefined ? undefined : set.flat.chars[index];
  };
  const sets = findRhymes(shape.rhymes, charAt, book);
  const off = sets.flatMap((found) => found.off.map((place) => ({ ...place, group: found.group! })));
  const lineOf = (slot: number) => set.places[indexOf.get(slot)!]!.line;
  const offSlots = new Set(off.map((place) => place.slot));
  const kept = shape.rhymes.filter(({ slot }) => indexOf.has(slot) && !offSlots.has(slot));
  return {
    sets,
    lines: [...new Set(kept.map(({ slot }) => lineOf(slot)))],
    offLines: [...new Set(off.map(({ slot }) => lineOf(slot)))],
    hasUnknown: kept.some(({ slot }) => set.known[indexOf.get(slot)!] === 0),
    issues: off.map(({ slot, tones, group }) => ({
      kind: off.length === 1 ? 'rhyme-one' : 'rhyme',
      ...set.places[indexOf.get(slot)!]!,
      wanted: tones,
      group,
    })),
  };
}

function describeRhyme(
  sets: readonly RhymeSetFound[],
  lines: readonly number[],
  offLines: readonly number[],
  book: Book,
  script: Script,
): RhymeFound | null {
  const found = sets.filter((set) => set.group !== null);
  if (found.length === 0) return null;
  const level = ({ group, tones }: RhymeSetFound) => {
    const own = book.group(group!)!.level;
    return own === '平仄' ? ['', '平', '仄', '平仄'][tones]! : own;
  };
  return {
    group: [...new Set(found.map(({ group }) => groupName(group!, book, script)))].join('、'),
    level: [...new Set(found.map(level))].join('、'),
    lines: lines.map((line) => line + 1),
    offLines: offLines.map((line) => line + 1),
  };
}

function groupName(id: number, book: Book, script: Script): string {
  const group = book.group(id)!;
  return script === 'traditional' ? group.name : group.simplified;
}

// ── the verdict ────────────────────────────────────────────────────────────────────────────────────────────────────

const MARKS: readonly ToneMark[] = ['？', '平', '仄', '多'];

function readLines(set: SetText, slotOf: Int32Array, shape: VariantShape, script: Script): LineReading[] {
  let index = 0;
  return set.lines.map((line) => {
    const readings: ToneMark[] = [];
    let tones = '';
    for (const [position, char] of line.chars.entries()) {
      const mask = set.known[index]!;
      const slot = slotOf[index] ?? -1;
      const wanted = slot < 0 ? 3 : shape.slots[slot]!;
      readings.push(MARKS[mask]!);
      const free = (): 1 | 2 =>
        toneByContext(char, line.chars[position - 1], line.chars[position + 1], script) ?? usualTone(char, script);
      tones += MARKS[mask === 3 ? (wanted === 3 ? free() : wanted) : mask]!;
      index++;
    }
    return { text: line.text, tones, readings };
  });
}

function describeIssue(
  issue: CiIssue,
  set: SetText,
  book: Book,
  script: Script,
  names: Pick<CiFacts, 'tune' | 'variant'>,
  lang: Language,
): Finding {
  const { rule, grade, name } = CI_ISSUES[issue.kind];
  const char = issue.position < 0 ? undefined : set.lines[issue.line]?.chars[issue.position];
  const facts: CiFacts = {
    ...names,
    line: issue.line + 1,
    position: issue.position + 1,
    char: char ?? '',
    wanted: issue.wanted === 1 ? '平' : '仄',
    group: issue.group === undefined ? '' : groupName(issue.group, book, script),
    count: issue.count ?? 0,
    expected: issue.expected ?? 0,
    words: '',
  };
  const { message, suggestion } = wordCiIssue(issue.kind, facts, lang);
  const finding: Finding = {
    rule,
    name,
    line: issue.line + 1,
    ...(issue.position < 0 ? {} : { position: issue.position + 1 }),
    ...(char === undefined ? {} : { char }),
    verdict: grade,
    message,
    ...(suggestion === undefined ? {} : { suggestion }),
  };
  const { wanted, group } = issue;
  if (char === undefined || suggestion === undefined || (wanted !== 1 && wanted !== 2)) return finding;
  return withSuggestion(finding, () => {
    const fitting = { tone: wanted, ...(group === undefined ? {} : { group }) } as const;
    const words = suggestCharacters(char, fitting, book, script, new Set(set.flat.chars));
    return wordCiIssue(issue.kind, { ...facts, words: words.join(lang === 'en' ? ', ' : '、') }, lang).suggestion;
  });
}

function scores(issues: readonly CiIssue[], rhyme: RhymeJudged): Pick<Verdict, 'strict' | 'lenient'> {
  const strict = { length: true, rhyme: true, meter: true };
  const lenient = { length: true, rhyme: true, meter: true };
  for (const { kind } of issues) {
    const { grade, aspect } = CI_ISSUES[kind];
    if (grade === '疵') lenient[aspect] = false;
    if (grade === '疵' || grade === '拗可') strict[aspect] = false;
  }
  // A line too many, too few or of another length has no tones to keep, and without a rhyme word there is no rhyme.
  if (!strict.length) {
    strict.meter = false;
    lenient.meter = false;
  }
  if (rhyme.hasUnknown) strict.rhyme = false;
  if (rhyme.sets.every((set) => set.group === null)) {
    strict.rhyme = false;
    lenient.rhyme = false;
  }
  const close = (score: Omit<Score, 'all'>): Score => ({ ...score, all: score.length && score.rhyme && score.meter });
  return { strict: close(strict), lenient: close(lenient) };
}
