import { type LineType, listSchemes, type Scheme, type Start } from '../forms.ts';
import { ISSUES } from '../rules/issue.ts';
import { judgeTones } from './judge-tones.ts';
import { judgeAs, type RegulatedJudgement, type RegulatedText } from './regulated.ts';

/** A poem whose couplets are right, each by itself, and do not join. */
export interface BrokenWaist {
  /** By the couplets' own patterns. */
  readonly judgement: RegulatedJudgement;
  /** Lines (from 0) that do not join the couplet before. */
  readonly joints: readonly number[];
}

/** 折腰体: every couplet is right by a pattern of its own, and only the joints between couplets (粘) break; else null. */
export function judgeBrokenWaist(given: RegulatedText, scheme: Scheme, hardFaults: number): BrokenWaist | null {
  const { scans, lineLength } = given;
  const types: LineType[] = [];
  const joints: number[] = [];
  const starts: Start[] = [];
  for (let line = 0; line < scans.length; line += 2) {
    const pair = scans.slice(line, line + 2);
    const patterns = listSchemes(2, lineLength).filter(
      (pattern) =>
        pattern.firstLineRhymes === (line === 0 && scheme.firstLineRhymes) &&
        judgeTones(pattern, pair, lineLength).every((issue) => ISSUES[issue.kind].grade !== '疵'),
    );
    // Couplets that join begin by turns level and oblique.
    const before = starts.at(-1);
    const pattern = patterns.find(({ start }) => start !== before) ?? patterns[0];
    if (pattern === undefined) return null;
    if (pattern.start === before) joints.push(line);
    starts.push(pattern.start);
    types.push(...pattern.types);
  }
  if (joints.length === 0) return null;
  const own: Scheme = { start: starts[0]!, firstLineRhymes: scheme.firstLineRhymes, types };
  const judgement = judgeAs({ scheme: own, hardFaults, toneIssues: judgeTones(own, scans, lineLength) }, given);
  return { judgement, joints };
}
