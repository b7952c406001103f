// `check`: one text to one verdict. Recognises the form or takes the one that is asked for.

import { type Book, loadBook } from './books.ts';
import { type CiOptions, checkCi } from './ci/check-ci.ts';
import { ProsodyError } from './errors.ts';
import { describeIssue, type FindingContext, nameGroup, scoreIssues } from './findings.ts';
import { findForm, formOfShape, type RegulatedForm, shapeOfForm } from './forms.ts';
import type { Language } from './messages.ts';
import { scoreCouplets } from './parallelism/parallelism.ts';
import { findUnknown, judgeRegulated, type RegulatedJudgement } from './regulated.ts';
import type { Issue } from './rules/issue.ts';
import { judgeShape, judgeUnknownShape } from './rules/shape.ts';
import { readLine, scanLine } from './scan.ts';
import { detectScript, type Script } from './scripts.ts';
import { type PoemText, splitText } from './text.ts';
import type { BookName, RhymeFound, Verdict } from './verdict.ts';

/** A poem to check, as a line of `check`'s JSON input. Its own form, tune and book go before the options'. */
export interface CheckInput {
  readonly id?: string;
  readonly text: string;
  readonly title?: string;
  /** 五绝 七绝 五律 七律 五排 七排, their full names, 词, or 古; recognised from the text when absent. */
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
}

const BOOKS: readonly BookName[] = ['pingshui', 'cilin', 'xinyun', 'tongyun'];
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
  };

  if (form?.trim() === '词' || form?.trim() === '詞') return describeFree(request, '词');
  if (form !== undefined && FREE_FORMS.includes(form.trim())) return describeFree(request, '古');
  if (form !== undefined) {
    const regulated = findForm(form);
    if (!regulated) {
      throw new ProsodyError(
        'PROSODY_UNKNOWN_FORM',
        `check: expected a form of 五绝 七绝 五律 七律 五排 七排 古 词, got ${form}`,
      );
    }
    return checkAs(request, regulated);
  }
  return recognise(request) ?? recogniseCi(poem, options) ?? describeUnrecognised(request);
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
}

/** By shape; a long poem must also follow the pattern, for 古体 of such length are commoner than 排律. */
function recognise(request: ShiRequest): Verdict | null {
  const { lines } = request.text;
  const lineLength = lines[0]?.chars.length ?? 0;
  const form = formOfShape(lines.length, lineLength);
  if (!form || (lineLength !== 5 && lineLength !== 7)) return null;
  for (const line of lines) if (line.chars.length !== lineLength) return null;
  const judgement = judgeRegulated(request.text, lineLength, request.book, request.script);
  if (lines.length > 8) {
    const isRegulated = judgement.hardFaults <= EXTENDED_FAULT_SHARE * hardSlots(lineLength) * lines.length;
    if (!isRegulated || judgement.evidence.tone !== '平') return null;
  }
  return describe(request, form, judgement, []);
}

/** As the form that was asked for, whatever the shape: what has the right length is judged, the rest is named. */
function checkAs(request: ShiRequest, form: RegulatedForm): Verdict {
  const { lineLength, lineCount } = shapeOfForm(form);
  const shapeIssues = judgeShape(request.text.lines, lineLength, lineCount);
  if (request.text.lines.length === 0) {
    return describeWithoutPattern(request, form, [{ kind: 'empty-text', line: 0, position: -1 }]);
  }
  return describe(request, form, judgeRegulated(request.text, lineLength, request.book, request.script), shapeIssues);
}

function describe(
  request: ShiRequest,
  form: RegulatedForm,
  judgement: RegulatedJudgement,
  shapeIssues: readonly Issue[],
): Verdict {
  const { text, script, book, language } = request;
  const { scheme, scans } = judgement;
  const context: FindingContext = { text, book, script, language, form };
  const issues = shapeIssues.length === 0 ? judgement.issues : [...shapeIssues, ...judgement.issues];
  const [strict, lenient] = scoreIssues(issues, (issue) => {
    const isRhymingLine = issue.line % 2 === 1 || (issue.line === 0 && scheme.firstLineRhymes);
    return isRhymingLine && issue.position === text.lines[issue.line]!.chars.length - 1;
  });
  // A line too many or too few leaves rhymes out, a line of wrong length has no pattern: neither can then be right.
  const isLineCountWrong = shapeIssues.some((issue) => issue.kind === 'line-count');
  const unmet = shapeIssues.length === 0 ? {} : { ...(isLineCountWrong ? { rhyme: false } : {}), meter: false };
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
  };
}

function describeRhyme(request: ShiRequest, { evidence, rhyme }: RegulatedJudgement): RhymeFound | null {
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

// ── texts without a pattern ────────────────────────────────────────────────────────────────────────────────────────

/** 古体: no pattern to keep; unknown characters are still named. */
function describeFree(request: ShiRequest, form: string): Verdict {
  return describeWithoutPattern(request, form, []);
}

function describeUnrecognised(request: ShiRequest): Verdict {
  return describeWithoutPattern(request, null, judgeUnknownShape(request.text.lines));
}

function describeWithoutPattern(request: ShiRequest, form: string | null, shapeIssues: readonly Issue[]): Verdict {
  const { text, script, book, language } = request;
  const scans = text.lines.map((line) => scanLine(line, book, script));
  const issues = [...shapeIssues, ...findUnknown(scans)];
  const [strict, lenient] = scoreIssues(issues, () => false);
  const isVerse = shapeIssues.length === 0;
  const context: FindingContext = { text, book, script, language, form: form ?? '' };
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
  };
}
