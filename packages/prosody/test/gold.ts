// Records of an earlier analysis of regulated poems, and how a verdict is held against one.
//
// Its conventions, read off the data: a hard fault is a second, fourth, sixth or last character that the pattern does
// not allow, excused or not (特拗 and rescued 大拗 count); the scheme has the fewest of them. Where the last character of the first line may
// have both tones, they have the line unrhymed even if it rhymes (彩雲間 before 還 and 山): there the verdict differs on
// purpose, and only there. Rhyme groups that are equally common are all named, with `/`.

import type { Verdict } from '../src/verdict.ts';

export interface GoldRow {
  readonly id: string;
  readonly form: string;
  readonly start: string;
  readonly firstLine: string;
  readonly groups: readonly string[];
  readonly offRhymes: number;
  readonly faults: string;
  readonly text: string | undefined;
}

export function parseGold(table: string): GoldRow[] {
  const [header, ...lines] = table.trimEnd().split('\n');
  const columns = header!.split('\t');
  return lines.map((line) => {
    const cells = line.split('\t');
    const cell = (name: string): string => cells[columns.indexOf(name)] ?? '';
    return {
      id: cell('id'),
      form: cell('form'),
      start: cell('start'),
      firstLine: cell('first_line'),
      groups: cell('rhyme_group').split('/'),
      offRhymes: Number(cell('off_rhymes')),
      faults: cell('hard_position_faults'),
      text: cell('text') || undefined,
    };
  });
}

const TONE_RULES: ReadonlySet<string> = new Set([
  'pingze',
  'shidui',
  'shinian',
  'guping',
  'sanpingwei',
  'sanzewei',
  'aoju',
  'tiao',
  'zhuangyun',
]);

/** Places of the findings of tone rules in hard slots, as the records write them: `1.4;3.6`. */
export function hardPlaces(verdict: Verdict): string {
  const length = [...verdict.lines[0]!.text].length;
  const isHard = (position: number): boolean => position % 2 === 0 || position === length;
  const places = new Set<string>();
  for (const { rule, line, position } of verdict.findings) {
    if (TONE_RULES.has(rule) && position !== undefined && isHard(position)) places.add(`${line}.${position}`);
  }
  return [...places].join(';');
}

export interface Agreement {
  readonly form: boolean;
  readonly start: boolean;
  readonly firstLine: boolean;
  /** Differs from the record only as the records' tie rule makes it: the line can rhyme, and does. */
  readonly firstLineExplained: boolean;
  readonly group: boolean;
  readonly offRhymes: boolean;
  readonly faults: boolean;
}

export function compare(verdict: Verdict, row: GoldRow): Agreement {
  const firstLine = (verdict.firstLineRhymes ? '首句入韵' : '首句不入韵') === row.firstLine;
  const joinsGroup = verdict.firstLineRhymes === true && verdict.rhyme?.lines[0] === 1;
  return {
    form: verdict.form === row.form,
    start: verdict.start === row.start,
    firstLine,
    firstLineExplained: firstLine || joinsGroup,
    group: verdict.rhyme !== null && row.groups.includes(verdict.rhyme.group),
    offRhymes: verdict.rhyme?.offLines.filter((line) => line % 2 === 0).length === row.offRhymes,
    faults: hardPlaces(verdict) === row.faults,
  };
}

/** How many verdicts agree, by aspect. */
export function countAgreement(agreements: readonly Agreement[]): Record<keyof Agreement, number> {
  const counts = { form: 0, start: 0, firstLine: 0, firstLineExplained: 0, group: 0, offRhymes: 0, faults: 0 };
  for (const agreement of agreements) {
    for (const key of Object.keys(counts) as (keyof Agreement)[]) if (agreement[key]) counts[key]++;
  }
  return counts;
}
