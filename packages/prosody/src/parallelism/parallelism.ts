/** 对仗: how parallel the lines of a couplet are, the pairs that carry it and the places that fail. */
import { simplifyCharacter } from '../scripts.ts';
import type { CoupletScore, FacingPair } from '../verdict.ts';
import { loadPairs, type PairScore } from './pair-table.ts';

/** A pair that poets set against each other three times as often as chance would. */
const CARRIES = 1.1;
/** One that they set half as often, or less. */
const FAILS = -0.7;
/** A character against itself is no parallel, however often it is seen there: 黄鹤 faces 黄鹤 in 黄鹤楼. */
const REPEATED = -1;
/** 叠字 against 叠字 (历历, 萋萋) are parallel as such. */
const DOUBLED = 1.5;

/** Two decimals; never the −0 that JSON does not know. */
const round = (value: number): number => Math.round(value * 100) / 100 + 0;

/**
 * Scores facing lines of one length.
 *
 * @param firstLine number of the upper line in the poem, from 1
 * @returns null when the lines are empty or differ in length
 */
export function scoreCouplet(
  upper: readonly string[],
  lower: readonly string[],
  firstLine: number,
  pairScore: PairScore = loadPairs().score,
): CoupletScore | null {
  if (upper.length === 0 || upper.length !== lower.length) return null;
  const pairs = upper.map((char, index): FacingPair => {
    const other = lower[index]!;
    const [a, b] = [simplifyCharacter(char), simplifyCharacter(other)];
    let score = pairScore(a, b);
    if (a === b) score = Math.min(REPEATED, score);
    else if (isDoubled(upper, index) && isDoubled(lower, index)) score = Math.max(DOUBLED, score);
    return { position: index + 1, chars: char + other, score: round(score) };
  });
  const mean = pairs.reduce((sum, pair) => sum + pair.score, 0) / pairs.length;
  return {
    lines: [firstLine, firstLine + 1],
    score: round(mean),
    carrying: pairs.filter((pair) => pair.score >= CARRIES).sort((a, b) => b.score - a.score),
    failing: pairs.filter((pair) => pair.score <= FAILS).sort((a, b) => a.score - b.score),
  };
}

/** Whether the character at a place is the first or the second of a doubled one. */
function isDoubled(line: readonly string[], index: number): boolean {
  return line[index] === line[index - 1] || line[index] === line[index + 1];
}

/** Every couplet of a poem whose lines have one length. */
export function scoreCouplets(lines: readonly (readonly string[])[]): CoupletScore[] {
  const couplets: CoupletScore[] = [];
  for (let line = 0; line + 1 < lines.length; line += 2) {
    const couplet = scoreCouplet(lines[line]!, lines[line + 1]!, line + 1);
    if (couplet) couplets.push(couplet);
  }
  return couplets;
}
