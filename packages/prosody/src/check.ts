// `check`: one text to one verdict. Recognises the form or takes the one that is asked for.

import type { Book } from './book-types.ts';
import { loadBook } from './books.ts';
import { type CiOptions, checkCi } from './ci/check-ci.ts';
import { ProsodyError } from './errors.ts';
import { describeIssue, type FindingContext, nameGroup, scoreIssues } from './findings.ts';
import { findForm, formOfShape, type RegulatedForm, type Scheme, shapeOfForm } from './forms.ts';
import type { Language } from './messages.ts';
import { countBrokenPlaces, hasMoreThanSlips, isFreeVerse, recogniseOldStyle } from './old-style.ts';
import { scoreCouplets } from './parallelism/parallelism.ts';
import { listPolyphones } from './polyphones.ts';
import {
  countMostFaults,
  findUnknown,
  judgeBrokenWaist,
  judgeFavourably,
  judgeRegulated,
  type RegulatedJudgement,
  type RegulatedText,
  readRegulated,
} from './regulated.ts';
import { ISSUES, type Issue } from './rules/issue.ts';
import { judgeRhyme } from './rules/rhyme.ts';
import { judgeShape, judgeUnknownShape } from './rules/shape.ts';
import { type LineScan, readLine, scanLine } from './scan.ts';
import { detectScript, type Script } from './scripts.ts';
import {
  findSixForm,
  judgeSix,
  keepsSixPattern,
  readSixLine,
  type SixForm,
  type SixJudgement,
  sixFormOfShape,
  sixLineCount,
} from './six.ts';
import { hasTable } from './table-store.ts';
import { type PoemText, splitText } from './text.ts';
import type { BookName, RhymeFound, Verdict } from './verdict.ts';

/** A poem to check, as a line of `check`'s JSON input. Its own form, tune and book go before the options'. */
export interface CheckInput {
  readonly id?: string;
  readonly text: string;
  readonly title?: string;
  /** 五绝 七绝 五律 七律 五排 七排 六绝 六律, their full names, 词, or 古; recognised from the text when absent. */
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

/** Share of hard slots that a poem of ten lines or more may break and still be called 排律 rather than 古体. */
const EXTENDED_FAULT_SHARE = 0.15;
/** Hard slots in a line: second, fourth, (sixth,) last. */
const hardSlots = (lineLength: 5 | 7): number => (lineLength === 5 ? 3 : 4);

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
  if (form !== undefined && FREE_FORMS.includes(form.trim())) return describeFree(request, '古');
  if (form !== undefined) {
    const six = findSixForm(form);
    if (six) return checkAsSix(request, six);
    const regulated = findForm(form);
    if (!regulated) {
      throw new ProsodyError(
        'PROSODY_UNKNOWN_FORM',
        `check: expected a form of 五绝 七绝 五律 七律 五排 七排 六绝 六律 古 词, got ${form}`,
      );
    }
    return checkAs(request, regulated);
  }
  return (
    recognise(request) ??
    recogniseSix(request) ??
    recogniseCi(poem, options) ??
    recogniseUndivided(request) ??
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
  };
}

/** By its title or first line; old-style poems have tune names for titles too, so the length must be a variant's. */
function recogniseCi(poem: CheckInput, options: CheckOptions): Verdict | null {
  if (!hasTable('tunes') || !hasTable('cilin')) return null;
  const verdict = checkCi(poem.text, ciOptions(poem, options));
  return verdict?.strict.length ? verdict : null;
}

interface ShiRequest {
  readonly id: string | undefined;
  readonly text: PoemText;
  readonly script: Script;
  readonly book: Book;
  readonly language: Language;
  readonly parallelism: boolean;
  readonly polyphones: boolean;
}

/** By shape; a long poem must also follow the pattern, for 古体 of such length are commoner than 排律. */
function recognise(request: ShiRequest): Verdict | null {
  const { lines } = request.text;
  const lineLength = lines[0]?.chars.length ?? 0;
  const form = formOfShape(lines.length, lineLength);
  if (!form || (lineLength !== 5 && lineLength !== 7)) return null;
  for (const line of lines) if (line.chars.length !== lineLength) return null;
  const given = readRegulated(request.text, lineLength, request.book, request.script);
  if (lines.length > 8) {
    const isRegulated = countMostFaults(given) <= EXTENDED_FAULT_SHARE * hardSlots(lineLength) * lines.length;
    if (!isRegulated || given.evidence.tone === '仄') return null;
    return describe(request, form, judgeFavourably(given, judgeRegulated(given)), []);
  }
  const judgement = judgeRegulated(given);
  if (countBrokenPlaces(judgement.issues) === 0) return describe(request, form, judgement, []);
  const mostFaults = countMostFaults(given);
  const favourable = judgeFavourably(given, judgement);
  if (!hasMoreThanSlips(judgement, mostFaults)) return describe(request, form, favourable, []);
  const waist = given.evidence.tone === '平' ? judgeBrokenWaist(given, judgement.scheme, judgement.hardFaults) : null;
  if (waist !== null) {
    const joints = waist.joints.map((line): Issue => ({ kind: 'zheyao', line, position: -1 }));
    return describe(request, form, waist.judgement, joints);
  }
  const oldStyle = recogniseOldStyle(lines, judgement, { evidence: given.evidence, mostFaults }, request.script);
  if (oldStyle === 'level' || oldStyle === 'oblique') {
    return describeOldStyle(request, form, given, judgement, oldStyle);
  }
  // Too few faults to tell old style from a learner's slips: the faults are named, and so is the other reading.
  const kind = form.endsWith('绝') ? 'gujue-possible' : 'guti-possible';
  return describe(request, form, favourable, oldStyle === 'possible' ? [{ kind, line: 0, position: -1 }] : []);
}

/** A text without a single pause: divided into lines of five or seven where those make rhymed verse. */
function recogniseUndivided(request: ShiRequest): Verdict | null {
  const [line, ...rest] = request.text.lines;
  if (line === undefined || rest.length > 0) return null;
  const found = ([5, 7] as const).flatMap((lineLength) => {
    const count = line.chars.length / lineLength;
    if (!Number.isInteger(count) || formOfShape(count, lineLength) === null) return [];
    const lines = Array.from({ length: count }, (_, index) => {
      const chars = line.chars.slice(index * lineLength, (index + 1) * lineLength);
      return { chars, text: chars.join(''), mark: index % 2 === 0 ? '，' : '。', pauses: [] };
    });
    const verdict = recognise({ ...request, text: { lines } });
    return verdict?.rhyme?.offLines.length === 0 ? [verdict] : [];
  });
  return found.find(({ lenient }) => lenient.all) ?? found[0] ?? null;
}

/** 六言: four or eight lines of six that keep the pattern but for a slip; others are old style. */
function recogniseSix(request: ShiRequest): Verdict | null {
  const form = sixFormOfShape(request.text.lines);
  if (form === null) return null;
  const given = readRegulated(request.text, 6, request.book, request.script);
  const judgement = judgeSix(given);
  return keepsSixPattern(form, judgement, given) ? describeSix(request, form, judgement, []) : null;
}

function checkAsSix(request: ShiRequest, form: SixForm): Verdict {
  const { lines } = request.text;
  if (lines.length === 0) return describeWithoutPattern(request, form, [{ kind: 'empty-text', line: 0, position: -1 }]);
  const judgement = judgeSix(readRegulated(request.text, 6, request.book, request.script));
  return describeSix(request, form, judgement, judgeShape(lines, 6, sixLineCount(form)));
}

function describeSix(
  request: ShiRequest,
  form: SixForm,
  judgement: SixJudgement,
  shapeIssues: readonly Issue[],
): Verdict {
  const { text, book, script, language } = request;
  const { start, firstLineRhymes, evidence, rhyme, slots } = judgement;
  const issues = [...shapeIssues, ...judgement.issues];
  const isRhyme = ({ line, position }: Issue): boolean =>
    (line % 2 === 1 || (line === 0 && firstLineRhymes)) && position === text.lines[line]!.chars.length - 1;
  const [strict, lenient] = scoreIssues(issues, isRhyme);
  const isLineCountWrong = shapeIssues.some(({ kind }) => kind === 'line-count');
  const unmet = shapeIssues.length === 0 ? {} : { ...(isLineCountWrong ? { rhyme: false } : {}), meter: false };
  const scans = text.lines.map((line) => scanLine(line, book, script));
  const context: FindingContext = { text, book, script, language, form };
  return {
    ...(request.id === undefined ? {} : { id: request.id }),
    form,
    start,
    firstLineRhymes,
    tune: null,
    variant: null,
    book: book.name,
    rhyme: describeRhyme(request, { evidence, rhyme }),
    lines: text.lines.map((line, index) => readSixLine(line, scans[index]!, script, slots[index]!)),
    findings: issues.map((issue) => describeIssue(issue, context)),
    strict: { ...strict, ...unmet },
    lenient: { ...lenient, ...unmet },
    ...(request.polyphones ? { polyphones: listPolyphones(text.lines, scans, null, new Set(), book, script) } : {}),
  };
}

/** As the form that was asked for, whatever the shape: what has the right length is judged, the rest is named. */
function checkAs(request: ShiRequest, form: RegulatedForm): Verdict {
  const { lineLength, lineCount } = shapeOfForm(form);
  const shapeIssues = judgeShape(request.text.lines, lineLength, lineCount);
  if (request.text.lines.length === 0) {
    return describeWithoutPattern(request, form, [{ kind: 'empty-text', line: 0, position: -1 }]);
  }
  const given = readRegulated(request.text, lineLength, request.book, request.script);
  const judgement = judgeFavourably(given, judgeRegulated(given));
  if (shapeIssues.length === 0 && lineCount !== null && hasMoreThanSlips(judgement)) {
    // Who asks for a form is told its faults; that they make a named exception together is said besides.
    const joint = judgeBrokenWaist(given, judgement.scheme, judgement.hardFaults)?.joints[0];
    if (joint !== undefined) {
      return describe(request, form, judgement, [{ kind: 'zheyao-named', line: joint, position: -1 }]);
    }
  }
  return describe(request, form, judgement, shapeIssues);
}

function describe(
  request: ShiRequest,
  form: RegulatedForm,
  judgement: RegulatedJudgement,
  wholeIssues: readonly Issue[],
): Verdict {
  const { text, script, book, language } = request;
  const { scheme, scans } = judgement;
  const context: FindingContext = { text, book, script, language, form };
  const issues = wholeIssues.length === 0 ? judgement.issues : [...wholeIssues, ...judgement.issues];
  const [strict, lenient] = scoreIssues(issues, isRhymePlace(text, scheme));
  // A line too many or too few leaves rhymes out, a line of wrong length has no pattern: neither can then be right.
  const isLineCountWrong = wholeIssues.some((issue) => issue.kind === 'line-count');
  const hasShape = wholeIssues.every((issue) => ISSUES[issue.kind].aspect !== 'length');
  const unmet = hasShape ? {} : { ...(isLineCountWrong ? { rhyme: false } : {}), meter: false };
  return {
    ...(request.id === undefined ? {} : { id: request.id }),
    form,
    start: scheme.start,
    firstLineRhymes: scheme.firstLineRhymes,
    tune: null,
    variant: null,
    book: book.name,
    rhyme: describeRhyme(request, judgement),
    lines: text.lines.map((line, index) =>
      readLine(line, scans[index]!, script, scheme.types[index]!, judgement.rescuing.has(index)),
    ),
    findings: issues.length === 0 ? [] : issues.map((issue) => describeIssue(issue, context)),
    strict: { ...strict, ...unmet },
    lenient: { ...lenient, ...unmet },
    ...(request.parallelism && !form.endsWith('绝')
      ? { parallelism: { couplets: scoreCouplets(text.lines.map((line) => line.chars)) } }
      : {}),
    ...(request.polyphones
      ? { polyphones: listPolyphones(text.lines, scans, scheme, judgement.rescuing, book, script) }
      : {}),
  };
}

function isRhymePlace(text: PoemText, scheme: Scheme): (issue: Issue) => boolean {
  return (issue) => {
    const isRhymingLine = issue.line % 2 === 1 || (issue.line === 0 && scheme.firstLineRhymes);
    return isRhymingLine && issue.position === text.lines[issue.line]!.chars.length - 1;
  };
}

function describeRhyme(
  request: ShiRequest,
  { evidence, rhyme }: Pick<RegulatedJudgement, 'evidence' | 'rhyme'>,
): RhymeFound | null {
  const { book, script } = request;
  if (evidence.group === null) return null;
  const level = book.group(evidence.group)!.level;
  return {
    group: nameGroup(book, evidence.group, script),
    level: level === '平仄' ? evidence.tone : level,
    lines: rhyme.lines.map((line) => line + 1),
    offLines: rhyme.offLines.map((line) => line + 1),
  };
}

// ── old style ──────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * 古绝 and 古体 that have the shape of regulated verse: one remark instead of a fault at every place. The strict score is
 * that of the regulated form.
 */
function describeOldStyle(
  request: ShiRequest,
  shape: RegulatedForm,
  given: RegulatedText,
  judgement: RegulatedJudgement,
  rhymeTone: 'level' | 'oblique',
): Verdict {
  const { text, script, book } = request;
  const { scans, scheme } = judgement;
  const { evidence } = given;
  const isJueju = shape.endsWith('绝');
  const issue: Issue = {
    kind: rhymeTone === 'level' ? (isJueju ? 'gujue' : 'guti') : isJueju ? 'gujue-oblique' : 'guti-oblique',
    line: 0,
    position: -1,
    count: countBrokenPlaces(judgement.issues),
    ...(evidence.group === null ? {} : { group: evidence.group }),
  };
  const old = describeWithoutPattern(request, isJueju ? '古绝' : '古体', [issue], shape, scans);
  const ends = text.lines.map((line) => line.chars.length - 1);
  const rhyme = judgeRhyme(given.ends, evidence, evidence.firstLine === 'same-group', book, ends, script);
  const strict = scoreIssues(judgement.issues, isRhymePlace(text, scheme))[0];
  return { ...old, rhyme: describeRhyme(request, { evidence, rhyme }), strict };
}

// ── texts without a pattern ────────────────────────────────────────────────────────────────────────────────────────

/** 古体: no pattern to keep; unknown characters are still named. */
function describeFree(request: ShiRequest, form: string): Verdict {
  return describeWithoutPattern(request, form, []);
}

function describeUnrecognised(request: ShiRequest): Verdict {
  const issues = judgeUnknownShape(request.text.lines);
  const [issue] = issues;
  if (issue?.kind !== 'no-form' || !isFreeVerse(request.text.lines, request.script)) {
    return describeWithoutPattern(request, null, issues);
  }
  const nothing = { length: false, rhyme: false, meter: false, all: false };
  return { ...describeWithoutPattern(request, '古体', [{ ...issue, kind: 'guti-free' }]), strict: nothing };
}

/** @param shape the form that sentences speak of, where it is not the poem's own */
function describeWithoutPattern(
  request: ShiRequest,
  form: string | null,
  wholeIssues: readonly Issue[],
  shape = form ?? '',
  scans: readonly LineScan[] = request.text.lines.map((line) => scanLine(line, request.book, request.script)),
): Verdict {
  const { text, script, book, language } = request;
  const issues = [...wholeIssues, ...findUnknown(scans)];
  const [strict, lenient] = scoreIssues(issues, () => false);
  const isVerse = wholeIssues.every((issue) => ISSUES[issue.kind].aspect !== 'length');
  const context: FindingContext = { text, book, script, language, form: shape };
  const nothing = { rhyme: false, meter: false, all: false };
  return {
    ...(request.id === undefined ? {} : { id: request.id }),
    form,
    start: null,
    firstLineRhymes: null,
    tune: null,
    variant: null,
    book: book.name,
    rhyme: null,
    lines: text.lines.map((line, index) => readLine(line, scans[index]!, script, null, false)),
    findings: issues.map((issue) => describeIssue(issue, context)),
    strict: isVerse ? strict : { ...strict, ...nothing },
    lenient: isVerse ? lenient : { ...lenient, ...nothing },
    ...(request.polyphones ? { polyphones: listPolyphones(text.lines, scans, null, new Set(), book, script) } : {}),
  };
}
