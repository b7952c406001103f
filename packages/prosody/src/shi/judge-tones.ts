// The tone rules of a regulated poem, couplet by couplet, by one scheme.

import { type LineType, type Scheme, slotMask } from '../forms.ts';
import { judgeCouplet } from '../rules/couplet.ts';
import { ISSUES, type Issue, type IssueKind, type LineInPattern } from '../rules/issue.ts';
import type { LineScan } from '../scan.ts';

/**
 * Couplet by couplet, first with the confirmed readings; where those leave something wanting, with every reading that a
 * book lists, and what only such a reading fits is noted as 多音.
 */
export function judgeTones(scheme: Scheme, scans: readonly LineScan[], lineLength: 5 | 7): Issue[] {
  const issues: Issue[] = [];
  for (let line = 0; line < scans.length; line += 2) {
    const pair = [line, line + 1].filter((each) => each < scans.length && scans[each]!.known.length === lineLength);
    const isNarrower = pair.some((each) => scans[each]!.confirmed !== scans[each]!.masks);
    const isContested = pair.some((each) => scans[each]!.isContested);
    const confirmed = judgePair(scheme, scans, lineLength, line, 'confirmed');
    if (!isContested && (!isNarrower || penalty(confirmed) === 0)) {
      issues.push(...(isNarrower ? confirmed.filter((issue) => !hasPlainReading(issue, scans)) : confirmed));
      continue;
    }
    const listed = judgePair(scheme, scans, lineLength, line, 'masks');
    if (!isContested && penalty(listed) >= penalty(confirmed)) {
      issues.push(...confirmed);
      continue;
    }
    issues.push(...listed);
    for (const each of pair) noteUnconfirmed(scheme.types[each]!, scans[each]!, lineLength, each, issues);
  }
  return issues;
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
  scans: readonly LineScan[],
  lineLength: 5 | 7,
  first: number,
  view: 'confirmed' | 'masks',
): Issue[] {
  const core = lineLength === 5 ? 0 : 2;
  const inPattern = (line: number): LineInPattern | null => {
    const masks = scans[line]?.[view];
    if (!masks || masks.length !== lineLength) return null;
    return { line, type: scheme.types[line]!, masks, core, likelyMask: scans[line]!.likelyMask };
  };
  const issues: Issue[] = [];
  judgeCouplet(inPattern(first), inPattern(first + 1), issues);
  return issues;
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
