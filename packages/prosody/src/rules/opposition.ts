// 失对 and 失粘: the lines of a couplet are opposite, the couplets joined, at the second (fourth, sixth) character. A slot
// fault there gets the more telling name; where the fault of one line sets it against its neighbour, the neighbour
// gets a remark on the whole line, so that every place is reported once.

import { type LineType, slotMask } from '../forms.ts';
import { type Issue, LEVEL, OBLIQUE } from './issue.ts';

interface Lines {
  /** Every listed reading: one that only some books confirm serves where the slot asks for it. */
  readonly masks: readonly (ArrayLike<number> | null)[];
  readonly types: readonly LineType[];
  readonly lineLength: 5 | 7;
}

/** Renames slot faults and appends whole-line remarks. `issues` are those of the tone rules, all lines. */
export function nameOppositions(lines: Lines, issues: readonly Issue[]): readonly Issue[] {
  if (!issues.some((issue) => issue.kind === 'slot')) return issues;
  const named = issues.map((issue) => nameSlotFault(lines, issue));
  const namedLines = new Set<number>();
  const faultPlaces = new Set<number>();
  for (const issue of named) {
    if (issue.kind === 'shidui' || issue.kind === 'shinian') namedLines.add(issue.line);
    if (isFaultOfOrder(issue)) faultPlaces.add(issue.line * lines.lineLength + issue.position);
  }
  for (let line = 1; line < lines.masks.length; line++) {
    const kind = line % 2 === 1 ? 'shidui' : 'shinian';
    if (namedLines.has(line)) continue;
    // The joints of seven-character lines move together with the second character.
    const positions = kind === 'shinian' ? [1] : lines.lineLength === 7 ? [1, 3] : [1];
    const position = positions.find((each) => isAtOdds(lines, line, each));
    if (position === undefined) continue;
    // Only a fault of the line before sets this one against it.
    if (!faultPlaces.has((line - 1) * lines.lineLength + position)) continue;
    named.push({
      kind: kind === 'shidui' ? 'shidui-line' : 'shinian-line',
      line,
      position: -1,
      other: { line: line - 1, position },
    });
  }
  return named;
}

function isFaultOfOrder(issue: Issue): boolean {
  return issue.kind === 'slot' || issue.kind === 'shidui' || issue.kind === 'shinian';
}

/** Same tone where the couplet should be opposite, or opposite where couplets should join. */
function isAtOdds(lines: Lines, line: number, position: number): boolean {
  const here = toneInSlot(lines, line, position);
  const before = toneInSlot(lines, line - 1, position);
  if (here === null || before === null) return false;
  return line % 2 === 1 ? here === before : here !== before;
}

/** The tone a character is read with: its slot's where that fits, else the only one it has. */
function toneInSlot(lines: Lines, line: number, position: number): number | null {
  const mask = lines.masks[line]?.[position];
  if (mask === undefined) return null;
  if (mask === LEVEL || mask === OBLIQUE) return mask;
  return slotMask(lines.types[line]!, lines.lineLength)[position]!;
}

function nameSlotFault(lines: Lines, issue: Issue): Issue {
  const { line, position } = issue;
  if (issue.kind !== 'slot' || line === 0 || position % 2 === 0 || position === lines.lineLength - 1) return issue;
  const isSecondLine = line % 2 === 1;
  if (!isSecondLine && position !== 1) return issue;
  if (!isAtOdds(lines, line, position)) return issue;
  return { ...issue, kind: isSecondLine ? 'shidui' : 'shinian', other: { line: line - 1, position } };
}
