/** Labels of one poem by the checker: the seam between corpus and prosody. Theme, cluster and split are added elsewhere. */
import { check, findTune, loadBook, type Verdict } from '@tuiqiao/prosody';
import { splitLines, uniformLength } from '../clean/lines.ts';
import type { PoemLabels } from '../poem.ts';

export type VerseLabels = Pick<
  PoemLabels,
  'form' | 'start' | 'firstLineRhymes' | 'rhyme' | 'tune' | 'faults' | 'isFlawless'
>;

/** What a labelling worker is sent. */
export interface LabelRequest {
  readonly text: string;
  /** The source's name of the tune; null for shi. */
  readonly tune: string | null;
}

const OLD_STYLE: VerseLabels = {
  form: '古',
  start: null,
  firstLineRhymes: null,
  rhyme: null,
  tune: null,
  faults: null,
  isFlawless: false,
};

/** More faults than this and four lines are old-style verse that happens to have the length. */
const MAX_FAULTS_JUEJU = 1;
const MAX_FAULTS_LONGER = 2;

export function labelPoem({ text, tune }: LabelRequest): VerseLabels {
  return tune === null ? labelShi(text) : labelCi(tune);
}

function labelShi(text: string): VerseLabels {
  const lines = splitLines(text);
  const length = uniformLength(lines);
  // Not worth a full check: no regulated form has such a shape.
  if ((length !== 5 && length !== 7) || lines.length < 4 || lines.length % 2 !== 0 || lines.length === 6)
    return OLD_STYLE;
  const verdict = check(text);
  if (verdict.form === null || verdict.rhyme === null) return OLD_STYLE;
  const faults = countFaults(verdict);
  if (faults > (lines.length === 4 ? MAX_FAULTS_JUEJU : MAX_FAULTS_LONGER)) return OLD_STYLE;
  return {
    form: verdict.form,
    start: verdict.start,
    firstLineRhymes: verdict.firstLineRhymes,
    rhyme: verdict.rhyme.offLines.length === 0 ? traditionalGroup(verdict.rhyme.group) : null,
    tune: null,
    faults,
    isFlawless: verdict.strict.all,
  };
}

/**
 * Broken places: characters with a 疵 of the tone rules, and lines off the rhyme. A remark on a whole line (失对 of the line
 * that was right) is the other side of a fault that is counted already.
 */
export function countFaults(verdict: Verdict): number {
  const places = new Set<number>();
  for (const finding of verdict.findings)
    if (finding.verdict === '疵' && finding.position !== undefined) places.add(finding.line * 1024 + finding.position);
  return places.size;
}

/** The checker names a group in the script of the poem; labels are traditional. */
function traditionalGroup(name: string): string | null {
  return loadBook('pingshui').findGroup(name)?.name ?? null;
}

function labelCi(tuneName: string): VerseLabels {
  return { ...OLD_STYLE, form: '词', tune: findTune(tuneName)?.name ?? null };
}
