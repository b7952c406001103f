// Judgements of shi as verdicts.

import { describeIssue, type FindingContext, nameGroup, scoreIssues } from '../findings.ts';
import type { RegulatedForm, Scheme } from '../forms.ts';
import { createVerdict } from '../lazy-verdict.ts';
import { scoreCouplets } from '../parallelism/parallelism.ts';
import { listPolyphones } from '../polyphones.ts';
import { ISSUES, type Issue } from '../rules/issue.ts';
import { judgeRhyme } from '../rules/rhyme.ts';
import { judgeUnknownShape } from '../rules/shape.ts';
import { type LineScan, readLine, scanLine } from '../scan.ts';
import type { PoemText } from '../text.ts';
import type { RhymeFound, Verdict } from '../verdict.ts';
import { countBrokenPlaces, isFreeVerse } from './old-style.ts';
import { findUnknown, type RegulatedJudgement, type RegulatedText } from './regulated.ts';
import type { ShiRequest } from './request.ts';
import { readSixLine, type SixForm, type SixJudgement } from './six.ts';

export function describeSix(
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
  return createVerdict({
    id: request.id,
    form,
    start,
    firstLineRhymes,
    tune: null,
    variant: null,
    book: book.name,
    rhyme: describeRhyme(request, { evidence, rhyme }),
    readLines: () => text.lines.map((line, index) => readSixLine(line, scans[index]!, script, slots[index]!)),
    describe: () => issues.map((issue) => describeIssue(issue, context)),
    strict: { ...strict, ...unmet },
    lenient: { ...lenient, ...unmet },
    ...(request.polyphones ? { polyphones: listPolyphones(text.lines, scans, null, new Set(), book, script) } : {}),
  });
}

/** The verdict on a regulated poem, with what concerns the whole of it first. */
export function describeRegulated(
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
  const unmet = hasShape ? null : { ...(isLineCountWrong ? { rhyme: false } : {}), meter: false };
  return createVerdict({
    id: request.id,
    form,
    start: scheme.start,
    firstLineRhymes: scheme.firstLineRhymes,
    tune: null,
    variant: null,
    book: book.name,
    rhyme: describeRhyme(request, judgement),
    readLines: () =>
      text.lines.map((line, index) =>
        readLine(line, scans[index]!, script, scheme.types[index]!, judgement.rescuing.has(index)),
      ),
    describe: () => issues.map((issue) => describeIssue(issue, context)),
    strict: unmet === null ? strict : { ...strict, ...unmet },
    lenient: unmet === null ? lenient : { ...lenient, ...unmet },
    ...(request.parallelism && !form.endsWith('绝')
      ? { parallelism: { couplets: scoreCouplets(text.lines.map((line) => line.chars)) } }
      : {}),
    ...(request.polyphones
      ? { polyphones: listPolyphones(text.lines, scans, scheme, judgement.rescuing, book, script) }
      : {}),
  });
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

/**
 * 古绝 and 古体 that have the shape of regulated verse: one remark instead of a fault at every place. The strict score is
 * that of the regulated form.
 */
export function describeOldStyle(
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
  const ends = text.lines.map((line) => line.chars.length - 1);
  const rhyme = judgeRhyme(given.ends, evidence, evidence.firstLine === 'same-group', book, ends, script);
  const strict = scoreIssues(judgement.issues, isRhymePlace(text, scheme))[0];
  return describeWithoutPattern(request, isJueju ? '古绝' : '古体', [issue], {
    shape,
    scans,
    rhyme: describeRhyme(request, { evidence, rhyme }),
    strict,
  });
}

/** 古体: no pattern to keep; unknown characters are still named. */
export function describeFree(request: ShiRequest, form: string): Verdict {
  return describeWithoutPattern(request, form, []);
}

export function describeUnrecognised(request: ShiRequest): Verdict {
  const issues = judgeUnknownShape(request.text.lines);
  const [issue] = issues;
  if (issue?.kind !== 'no-form' || !isFreeVerse(request.text.lines, request.script)) {
    return describeWithoutPattern(request, null, issues);
  }
  const nothing = { length: false, rhyme: false, meter: false, all: false };
  return describeWithoutPattern(request, '古体', [{ ...issue, kind: 'guti-free' }], { strict: nothing });
}

interface WithoutPattern extends Partial<Pick<Verdict, 'rhyme' | 'strict'>> {
  /** The form that sentences speak of, where it is not the poem's own. */
  readonly shape?: string;
  readonly scans?: readonly LineScan[];
}

export function describeWithoutPattern(
  request: ShiRequest,
  form: string | null,
  wholeIssues: readonly Issue[],
  {
    shape = form ?? '',
    scans = request.text.lines.map((line) => scanLine(line, request.book, request.script)),
    ...known
  }: WithoutPattern = {},
): Verdict {
  const { text, script, book, language } = request;
  const issues = [...wholeIssues, ...findUnknown(scans)];
  const [strict, lenient] = scoreIssues(issues, () => false);
  const isVerse = wholeIssues.every((issue) => ISSUES[issue.kind].aspect !== 'length');
  const context: FindingContext = { text, book, script, language, form: shape };
  const nothing = { rhyme: false, meter: false, all: false };
  return createVerdict({
    id: request.id,
    form,
    start: null,
    firstLineRhymes: null,
    tune: null,
    variant: null,
    book: book.name,
    rhyme: null,
    readLines: () => text.lines.map((line, index) => readLine(line, scans[index]!, script, null, false)),
    describe: () => issues.map((issue) => describeIssue(issue, context)),
    strict: isVerse ? strict : { ...strict, ...nothing },
    lenient: isVerse ? lenient : { ...lenient, ...nothing },
    ...(request.polyphones ? { polyphones: listPolyphones(text.lines, scans, null, new Set(), book, script) } : {}),
    ...known,
  });
}
