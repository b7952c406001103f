// Which form of shi a text without a label is: regulated, broken-waisted, old style, of six characters, undivided.

import { formOfShape } from '../forms.ts';
import type { Issue } from '../rules/issue.ts';
import type { Verdict } from '../verdict.ts';
import { judgeBrokenWaist } from './broken-waist.ts';
import { describeOldStyle, describeRegulated, describeSix } from './describe.ts';
import { countBrokenPlaces, hasMoreThanSlips, recogniseOldStyle } from './old-style.ts';
import { countMostFaults, judgeFavourably, judgeRegulated, readRegulated } from './regulated.ts';
import type { ShiRequest } from './request.ts';
import { judgeSix, keepsSixPattern, sixFormOfShape } from './six.ts';

/** Share of hard slots that a poem of ten lines or more may break and still be called 排律 rather than 古体. */
const EXTENDED_FAULT_SHARE = 0.15;
/** Hard slots in a line: second, fourth, (sixth,) last. */
const hardSlots = (lineLength: 5 | 7): number => (lineLength === 5 ? 3 : 4);

/** By shape; a long poem must also follow the pattern, for 古体 of such length are commoner than 排律. */
export function recogniseShi(request: ShiRequest): Verdict | null {
  const { lines } = request.text;
  const lineLength = lines[0]?.chars.length ?? 0;
  const form = formOfShape(lines.length, lineLength);
  if (!form || (lineLength !== 5 && lineLength !== 7)) return null;
  for (const line of lines) if (line.chars.length !== lineLength) return null;
  const given = readRegulated(request.text, lineLength, request.book, request.script);
  if (lines.length > 8) {
    const isRegulated = countMostFaults(given) <= EXTENDED_FAULT_SHARE * hardSlots(lineLength) * lines.length;
    if (!isRegulated || given.evidence.tone === '仄') return null;
    return describeRegulated(request, form, judgeFavourably(given, judgeRegulated(given)), []);
  }
  const judgement = judgeRegulated(given);
  if (countBrokenPlaces(judgement.issues) === 0) return describeRegulated(request, form, judgement, []);
  const mostFaults = countMostFaults(given);
  const favourable = judgeFavourably(given, judgement);
  if (!hasMoreThanSlips(judgement, mostFaults)) return describeRegulated(request, form, favourable, []);
  const waist = given.evidence.tone === '平' ? judgeBrokenWaist(given, judgement.scheme, judgement.hardFaults) : null;
  if (waist !== null) {
    const joints = waist.joints.map((line): Issue => ({ kind: 'zheyao', line, position: -1 }));
    return describeRegulated(request, form, waist.judgement, joints);
  }
  const oldStyle = recogniseOldStyle(lines, judgement, { evidence: given.evidence, mostFaults }, request.script);
  if (oldStyle === 'level' || oldStyle === 'oblique') {
    return describeOldStyle(request, form, given, judgement, oldStyle);
  }
  // Too few faults to tell old style from a learner's slips: the faults are named, and so is the other reading.
  const kind = form.endsWith('绝') ? 'gujue-possible' : 'guti-possible';
  return describeRegulated(request, form, favourable, oldStyle === 'possible' ? [{ kind, line: 0, position: -1 }] : []);
}

/** A text without a single pause: divided into lines of five or seven where those make rhymed verse. */
export function recogniseUndivided(request: ShiRequest): Verdict | null {
  const [line, ...rest] = request.text.lines;
  if (line === undefined || rest.length > 0) return null;
  const found = ([5, 7] as const).flatMap((lineLength) => {
    const count = line.chars.length / lineLength;
    if (!Number.isInteger(count) || formOfShape(count, lineLength) === null) return [];
    const lines = Array.from({ length: count }, (_, index) => {
      const chars = line.chars.slice(index * lineLength, (index + 1) * lineLength);
      return { chars, text: chars.join(''), mark: index % 2 === 0 ? '，' : '。', pauses: [] };
    });
    const verdict = recogniseShi({ ...request, text: { lines } });
    return verdict?.rhyme?.offLines.length === 0 ? [verdict] : [];
  });
  return found.find(({ lenient }) => lenient.all) ?? found[0] ?? null;
}

/** 六言: four or eight lines of six that keep the pattern but for a slip; others are old style. */
export function recogniseSix(request: ShiRequest): Verdict | null {
  const form = sixFormOfShape(request.text.lines);
  if (form === null) return null;
  const given = readRegulated(request.text, 6, request.book, request.script);
  const judgement = judgeSix(given);
  return keepsSixPattern(form, judgement, given) ? describeSix(request, form, judgement, []) : null;
}
