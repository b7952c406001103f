// Which scheme (平起/仄起, first line rhyming or not) a text fits best.

import { type LineType, listSchemes, type Scheme, slotBits } from '../forms.ts';
import type { Issue } from '../rules/issue.ts';
import type { RhymeEvidence } from '../rules/rhyme.ts';
import type { LineScan, ToneBits } from '../scan.ts';
import { judgeTones, penalty } from './judge-tones.ts';

/** The cost of taking a first line to rhyme that does not even borrow. */
const NEVER_RHYMES = 200;
/** A couplet holds one excused hard fault; a scheme with many more is another poem's. */
const MORE_EXCUSED_FAULTS = 4;

/** A scheme, how many hard slots the text breaks by it, and what the tone rules say. */
export interface SchemeChoice {
  readonly scheme: Scheme;
  readonly hardFaults: number;
  readonly toneIssues: Issue[];
}

/**
 * The scheme with the fewest hard faults. Where two are equal the last character of the first line has both tones (or
 * is unknown): the tone issues decide, then whether that line rhymes, then the plainer form (first line unrhymed).
 *
 * Hard faults count what is excused (特拗, a rescued 大拗) and pass over readings that not every book confirms; so where
 * the scheme that has the fewest leaves something to be desired, one that leaves nothing goes before it.
 */
export function chooseScheme(scans: readonly LineScan[], lineLength: 5 | 7, evidence: RhymeEvidence): SchemeChoice {
  const schemes = listSchemes(scans.length, lineLength);
  const faults = schemes.map((scheme) => countHardFaults(scheme, scans, lineLength));
  const fewest = Math.min(...faults);
  let best: SchemeChoice | undefined;
  let bestCost = 0;
  for (let index = 0; index < schemes.length; index++) {
    if (faults[index] !== fewest) continue;
    const scheme = schemes[index]!;
    const toneIssues = judgeTones(scheme, scans, lineLength);
    const cost = 2 * penalty(toneIssues) + firstLineCost(scheme, evidence);
    if (best && cost >= bestCost) continue;
    best = { scheme, hardFaults: fewest, toneIssues };
    bestCost = cost;
  }
  if (penalty(best!.toneIssues) === 0) return best!;
  let flawless: SchemeChoice | undefined;
  let flawlessCost = NEVER_RHYMES;
  for (let index = 0; index < schemes.length; index++) {
    const scheme = schemes[index]!;
    if (faults[index] === fewest || faults[index]! > fewest + MORE_EXCUSED_FAULTS) continue;
    const cost = firstLineCost(scheme, evidence);
    if (cost >= flawlessCost) continue;
    const toneIssues = judgeTones(scheme, scans, lineLength);
    if (penalty(toneIssues) > 0) continue;
    flawless = { scheme, hardFaults: fewest, toneIssues };
    flawlessCost = cost;
  }
  return flawless ?? best!;
}

/** A first line that joins the rhyme group is taken to rhyme; one that does not even borrow is not. */
function firstLineCost(scheme: Scheme, { firstLine }: RhymeEvidence): number {
  if (scheme.firstLineRhymes) return firstLine === 'same-group' ? 0 : firstLine === 'neighbour' ? 1 : NEVER_RHYMES;
  return firstLine === 'same-group' ? 1 : 0;
}

/** Second, fourth, sixth and last characters that do not fit, by confirmed readings. */
export function countHardFaults(scheme: Scheme, scans: readonly LineScan[], lineLength: 5 | 7): number {
  let faults = 0;
  for (let line = 0; line < scans.length; line++) {
    const { known, bits } = scans[line]!;
    if (known.length === lineLength) faults += countMisfits(scheme.types[line]!, bits, lineLength);
  }
  return faults;
}

/** Hard slots of a line type that a line cannot fill. */
export function countMisfits(type: LineType, { level, oblique }: ToneBits, lineLength: 5 | 7): number {
  const slots = slotBits(type, lineLength);
  let misfits = slots.hard & ((slots.level & ~level) | (slots.oblique & ~oblique));
  let count = 0;
  for (; misfits !== 0; misfits &= misfits - 1) count++;
  return count;
}
