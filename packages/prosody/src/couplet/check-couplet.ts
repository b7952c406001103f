// A couplet (对联) as a verdict. Of five or seven characters whose lines are those of regulated verse it is judged as its
// couplets are, with 拗救; any other by the rule of all couplets: opposite in every second place and at the ends.

import { describeIssue, type FindingContext, scoreIssues } from '../findings.ts';
import { createVerdict } from '../lazy-verdict.ts';
import { scoreCouplet } from '../parallelism/parallelism.ts';
import { listPolyphones } from '../polyphones.ts';
import { ISSUES, type Issue, OBLIQUE } from '../rules/issue.ts';
import { findRepetitions } from '../rules/repetition.ts';
import { type LineScan, readLine, scanLine } from '../scan.ts';
import { describeWithoutPattern } from '../shi/describe.ts';
import { findUnknown, judgeFavourably, judgeRegulated, readRegulated } from '../shi/regulated.ts';
import type { ShiRequest } from '../shi/request.ts';
import { usualTone } from '../tone-usage.ts';
import type { Verdict } from '../verdict.ts';
import { COUPLET_FORM, facingSlots, halveCouplet } from './couplet.ts';

export function checkCouplet(request: ShiRequest): Verdict {
  const { text, book, script, language, parallelism, polyphones } = request;
  const { lines } = text;
  if (lines.length === 0)
    return describeWithoutPattern(request, COUPLET_FORM, [{ kind: 'empty-text', line: 0, position: -1 }]);
  const [upper, lower] = halveCouplet(lines);
  const shape: Issue[] = [];
  if (lines.length % 2 === 1)
    shape.push({ kind: 'line-count', line: 0, position: -1, count: lines.length, expected: 2 * lower.length || 2 });
  for (const [i, { chars }] of lower.entries()) {
    const expected = upper[i]!.chars.length;
    if (chars.length === expected) continue;
    shape.push({ kind: 'line-length', line: upper.length + i, position: -1, count: chars.length, expected });
  }
  const scans = lines.map((line) => scanLine(line, book, script));
  const regulated = shape.length === 0 ? judgeAsRegulated(request) : null;
  const issues = regulated?.issues ?? [
    ...shape,
    ...lower.flatMap((_, i) =>
      scans[upper.length + i]!.known.length === scans[i]!.known.length
        ? judgeFacing(request, scans, i, upper.length + i)
        : [],
    ),
    ...findUnknown(scans),
    ...findRepetitions(lines, [], script),
  ];
  const [strict, lenient] = scoreIssues(issues, () => false);
  const unmet = shape.length === 0 ? {} : { rhyme: false, meter: false, all: false };
  const context: FindingContext = { text, book, script, language, form: COUPLET_FORM };
  const score = scoreCouplet(flat(upper), flat(lower), 1);
  return createVerdict({
    id: request.id,
    form: COUPLET_FORM,
    start: regulated?.scheme.start ?? null,
    firstLineRhymes: null,
    tune: null,
    variant: null,
    book: book.name,
    rhyme: null,
    readLines: () =>
      lines.map((line, i) =>
        readLine(line, scans[i]!, script, regulated?.scheme.types[i] ?? null, regulated?.rescuing.has(i) ?? false),
      ),
    describe: () => issues.map((issue) => describeIssue(issue, context)),
    strict: { ...strict, ...unmet },
    lenient: { ...lenient, ...unmet },
    ...(parallelism ? { parallelism: { couplets: score === null ? [] : [score] } } : {}),
    ...(polyphones ? { polyphones: listPolyphones(lines, scans, null, new Set(), book, script) } : {}),
  });
}

const flat = (clauses: readonly { readonly chars: readonly string[] }[]): string[] =>
  clauses.flatMap(({ chars }) => [...chars]);

/** The judgement by the patterns of regulated verse, when the couplet keeps one of them; null when it does not. */
function judgeAsRegulated({ text, book, script }: ShiRequest) {
  const length = text.lines[0]!.chars.length;
  if (text.lines.length !== 2 || (length !== 5 && length !== 7)) return null;
  const given = readRegulated(text, length, book, script);
  const judgement = judgeFavourably(given, judgeRegulated(given));
  return judgement.issues.every(({ kind }) => ISSUES[kind].grade !== '疵' && ISSUES[kind].grade !== '拗可')
    ? judgement
    : null;
}

function judgeFacing({ text, script }: ShiRequest, scans: readonly LineScan[], above: number, below: number): Issue[] {
  const { masks } = scans[below]!;
  const chars = text.lines[above]!.chars;
  const read = scans[above]!.masks.map((mask, i) => (mask === 3 ? usualTone(chars[i]!, script) : mask));
  const { slots, lonely } = facingSlots(read);
  const listed = scans[above]!.masks;
  const last = slots.length - 1;
  const issues: Issue[] = [];
  for (const [position, wanted] of slots.entries()) {
    if (wanted === 3 || (masks[position]! & wanted) !== 0) continue;
    const isFacing = position % 2 === 1 || position === last;
    // A character of both tones above stands opposite to either.
    if (isFacing && listed[position] === 3) continue;
    const found = { line: below, position, wanted: wanted as 1 | 2 };
    if (isFacing) issues.push({ kind: 'shidui', ...found, other: { line: above, position } });
    else if ([last - 2, last - 1, last].every((place) => (masks[place]! & wanted) === 0)) {
      issues.push({ kind: wanted === OBLIQUE ? 'sanpingwei' : 'sanzewei', ...found });
    }
  }
  if (lonely !== null && issues.length === 0 && lonely.every((position) => masks[position] === OBLIQUE)) {
    const [position] = lonely;
    issues.push({ kind: 'guping', line: below, position, wanted: 1, other: { line: below, position: position + 1 } });
  }
  return issues;
}
