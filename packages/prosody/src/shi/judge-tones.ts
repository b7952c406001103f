// The tone rules of a regulated poem, couplet by couplet, by one scheme.

import { type LineType, type Scheme, slotBits, slotMask } from '../forms.ts';
import { judgeCouplet } from '../rules/couplet.ts';
import { ISSUES, type Issue, type IssueKind, type LineInPattern } from '../rules/issue.ts';
import type { LineScan } from '../scan.ts';

/**
 * Couplet by couplet, first with the confirmed readings; where those leave something wanting, with every reading that a
 * book lists, and what only such a reading fits is noted as 多音.
 */
export function judgeTones(scheme: Scheme, scans: readonly LineScan[], lineLength: 5 | 7): Issue[] {
  const issues: Issue[] = [];
  const ofLength = (line: number): LineScan | null => {
    const scan = scans[line];
    return scan !== undefined && scan.known.length === lineLength ? scan : null;
  };
  for (let line = 0; line < scans.length; line += 2) {
    const upper = ofLength(line);
    const lower = ofLength(line + 1);
    const isContested = (upper?.isContested ?? false) || (lower?.isContested ?? false);
    // Most couplets keep their pattern as it is: no rule has anything to say of them.
    if (!isContested && fitsPlainly(scheme, upper, line) && fitsPlainly(scheme, lower, line + 1)) continue;
    const confirmed = judgePair(scheme, upper, lower, line, 'confirmed');
    const isNarrower = isNarrow(upper) || isNarrow(lower);
    if (!isContested && (!isNarrower || penalty(confirmed) === 0)) {
      issues.push(...(isNarrower ? confirmed.filter((issue) => !hasPlainReading(issue, scans)) : confirmed));
      continue;
    }
    const listed = judgePair(scheme, upper, lower, line, 'masks');
    if (!isContested && penalty(listed) >= penalty(confirmed)) {
      issues.push(...confirmed);
      continue;
    }
    issues.push(...listed);
    if (upper !== null) noteUnconfirmed(scheme.types[line]!, upper, lineLength, line, issues);
    if (lower !== null) noteUnconfirmed(scheme.types[line + 1]!, lower, lineLength, line + 1, issues);
  }
  return issues;
}

const isNarrow = (scan: LineScan | null): boolean => scan !== null && scan.confirmed !== scan.masks;

/** Whether every slot that the pattern fixes can be filled by a confirmed reading; true of a line that is not there. */
function fitsPlainly(scheme: Scheme, scan: LineScan | null, line: number): boolean {
  if (scan === null) return true;
  const { level, oblique } = slotBits(scheme.types[line]!, scan.known.length as 5 | 7);
  return (level & ~scan.bits.level) === 0 && (oblique & ~scan.bits.oblique) === 0;
}

/** In hard slots (大拗, 特拗) the confirmed reading decides, as everywhere. */
const SOFT_RESCUES: ReadonlySet<IssueKind> = new Set(['guping-rescued', 'xiaoao-rescued']);

/** A rescue of what is no departure: the book lists another reading of the character, with which the line is plain. */
function hasPlainReading({ kind, line, position }: Issue, scans: readonly LineScan[]): boolean {
  const { masks, confirmed } = scans[line]!;
  return SOFT_RESCUES.has(kind) && masks[position] === 3 && confirmed[position] !== 3;
}

function judgePair(
  scheme: Scheme,
  upper: LineScan | null,
  lower: LineScan | null,
  first: number,
  view: 'confirmed' | 'masks',
): Issue[] {
  const issues: Issue[] = [];
  judgeCouplet(inPattern(scheme, upper, first, view), inPattern(scheme, lower, first + 1, view), issues);
  return issues;
}

function inPattern(
  scheme: Scheme,
  scan: LineScan | null,
  line: number,
  view: 'confirmed' | 'masks',
): LineInPattern | null {
  if (scan === null) return null;
  const { chars, script, masks } = scan;
  const core = chars.length === 5 ? 0 : 2;
  return { line, type: scheme.types[line]!, masks: scan[view], listed: masks, chars, script, core };
}

function noteUnconfirmed(type: LineType, scan: LineScan, lineLength: 5 | 7, line: number, issues: Issue[]): void {
  const slots = slotMask(type, lineLength);
  for (let position = 0; position < lineLength; position++) {
    const slot = slots[position]!;
    if (slot === 3 || (scan.confirmed[position]! & slot) !== 0 || (scan.masks[position]! & slot) === 0) continue;
    if (issues.some((issue) => issue.line === line && issue.position === position)) continue;
    issues.push({ kind: 'unconfirmed-reading', line, position, wanted: slot });
  }
}

/** 疵 weigh more than any number of 拗可 that a couplet can hold. */
export function penalty(issues: readonly Issue[]): number {
  let sum = 0;
  for (const issue of issues) {
    const { grade } = ISSUES[issue.kind];
    if (grade === '疵') sum += 100;
    else if (grade === '拗可') sum += 1;
  }
  return sum;
}
