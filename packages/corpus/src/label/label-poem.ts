/** Labels of one poem by the checker: the seam between corpus and prosody. Theme, cluster and split are added elsewhere. */
import { check, findTune, loadBook, type Tune, type Verdict } from '@tuiqiao/prosody';
import { splitLines, uniformLength } from '../clean/lines.ts';
import type { PoemLabels } from '../poem.ts';

export type VerseLabels = Pick<
  PoemLabels,
  'form' | 'start' | 'firstLineRhymes' | 'rhyme' | 'tune' | 'faults' | 'isFlawless'
> & {
  /** Of ci: characters before each later stanza (see `breakStanzas`); not kept in the poem. */
  readonly stanzaEnds?: readonly number[];
};

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
  return tune === null ? labelShi(text) : labelCi(text, tune);
}

function labelShi(text: string): VerseLabels {
  const lines = splitLines(text);
  const length = uniformLength(lines);
  // Not worth a full check: no regulated form has such a shape.
  if (lines.length < 4) return { ...OLD_STYLE, form: null };
  if ((length !== 5 && length !== 7) || lines.length % 2 !== 0 || lines.length === 6) return OLD_STYLE;
  const verdict = check(text);
  if (verdict.form === null || verdict.rhyme === null || isOldStyle(verdict)) return OLD_STYLE;
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

/** Named as old style (古绝, 古体) or as regulated couplets that do not join (折腰体): one finding stands for many places. */
function isOldStyle({ form, findings }: Verdict): boolean {
  return form!.startsWith('古') || findings.some((finding) => finding.rule === 'zheyao');
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

/** A name stands for several tunes: most Song ci titled 浪淘沙 are the book's 浪淘沙令. Tried when the length does not fit. */
const TUNE_ENDINGS = ['令', '慢', '引', '近'];

function labelCi(text: string, tuneName: string): VerseLabels {
  const named = findTune(tuneName);
  if (!named) return { ...OLD_STYLE, form: '词' };
  let tune = named;
  let verdict = check({ text, tune: named.name });
  for (const ending of verdict.strict.length ? [] : TUNE_ENDINGS) {
    const other = findTune(named.name + ending);
    if (!other || other.id === named.id) continue;
    const otherVerdict = check({ text, tune: other.name });
    if (!otherVerdict.strict.length) continue;
    tune = other;
    verdict = otherVerdict;
    break;
  }
  return {
    form: '词',
    start: null,
    firstLineRhymes: null,
    rhyme: partOf(verdict),
    tune: tune.name,
    faults: verdict.findings.filter((finding) => finding.verdict === '疵').length,
    isFlawless: verdict.strict.all,
    ...(verdict.strict.length ? { stanzaEnds: stanzaEnds(tune, verdict.variant) } : {}),
  };
}

/** One 词林 part that every rhyme is in; null for tunes with several rhymes (菩萨蛮) and where a line is off. */
function partOf({ rhyme }: Verdict): string | null {
  return rhyme === null || rhyme.offLines.length > 0 || rhyme.group.includes('、') ? null : rhyme.group;
}

/** Characters before each stanza of the variant but the first. */
function stanzaEnds(tune: Tune, variantLabel: string | null): number[] {
  const variant = tune.variants.find(({ label }) => label === variantLabel);
  if (!variant) return [];
  const ends: number[] = [];
  let line = 0;
  let characters = 0;
  for (const count of variant.stanzas.slice(0, -1)) {
    for (const end = line + count; line < end; line++) characters += variant.lines[line]!.slots.length;
    ends.push(characters);
  }
  return ends;
}

/**
 * Breaks a ci into its stanzas: the collections have none. Only where the poem has a line end at the very character;
 * elsewhere poets let a sentence run on and no break is set.
 */
export function breakStanzas(text: string, ends: readonly number[]): string {
  if (ends.length === 0) return text;
  let out = '';
  let characters = 0;
  let next = 0;
  for (const character of text) {
    out += character;
    if (character === '\n') return text;
    if (character === '，' || character === '。') {
      while (next < ends.length && ends[next]! < characters) next++;
      if (ends[next] === characters) {
        out += '\n';
        next++;
      }
    } else if (character !== '、') characters++;
  }
  return out.trimEnd();
}
