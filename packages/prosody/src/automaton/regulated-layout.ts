/**
 * Regulated verse for the machine: the four line types, the couplets with their legal rescues (拗救), and the patterns
 * of a form. Exactly what the strict verdict lets through; what is only tolerated (三仄尾, 小拗 unrescued) is not here.
 */
import { PlanError } from './errors.ts';
import { type Layout, type Pattern, type RhymeSlot, type SlotCell, toneBitsOf, type Unit } from './layout.ts';
import type { RegulatedPlan } from './plan.ts';
import { CONFIRMED_LEVEL, CONFIRMED_OBLIQUE } from './tone-sets.ts';

/** A 仄仄平平仄 · B 平平仄仄平 · C 平平平仄仄 · D 仄仄仄平平, in five characters. */
type LineType = 'A' | 'B' | 'C' | 'D';

/** Each couplet's boxes in five characters, first line / second line. */
const COUPLETS: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  // 孤平拗救 仄平平仄平 is 中平平仄平 with the plain line's 平平平仄平 in it.
  BD: [
    ['平平中仄平', '中仄仄平平'],
    ['中平平仄平', '中仄仄平平'],
  ],
  DB: [
    ['中仄仄平平', '平平中仄平'],
    ['中仄仄平平', '中平平仄平'],
  ],
  // 特拗 平平仄平仄; a polyphone is no 平 there by a reading that poets hardly use (常 in toneBitsOf).
  CD: [
    ['中平平仄仄', '中仄仄平平'],
    ['平平仄常仄', '中仄仄平平'],
  ],
  // 小拗 (third character 仄) and 大拗 (fourth 仄) are rescued by 平 in the third place of the second line.
  AB: [
    ['中仄平平仄', '平平中仄平'],
    ['中仄中中仄', '中平平仄平'],
  ],
};

const DEFAULT_EXTENDED_LINES = 12;

/** What a plan says of the patterns. */
type Openness = Pick<RegulatedPlan, 'start' | 'firstLineRhymes' | 'neighbourFirstLine'>;

/** Shape of a form: characters a line and lines. */
export function regulatedShape(plan: RegulatedPlan): { characters: 5 | 7; lines: number } {
  const characters = plan.form.startsWith('五') ? 5 : 7;
  const kind = plan.form.slice(1);
  if (kind !== '排') return { characters, lines: kind === '绝' ? 4 : 8 };
  const lines = plan.lineCount ?? DEFAULT_EXTENDED_LINES;
  if (!Number.isInteger(lines) || lines < 10 || lines % 2 !== 0 || lines > 400) {
    throw new PlanError('PLAN_INVALID', {
      en: `compilePlan: expected an even lineCount from 10 to 400 for ${plan.form}, got ${lines}`,
      zh: `${plan.form}的句数须为 10 到 400 的偶数，现为 ${lines}`,
    });
  }
  return { characters, lines };
}

/** The cells and all patterns that the plan leaves open (up to four). */
export function regulatedLayout(plan: RegulatedPlan): Layout {
  const { characters, lines } = regulatedShape(plan);
  return regulatedLines(plan, characters, lines);
}

/** The same for any even number of lines: two of them are a couplet that stands alone. */
export function regulatedLines(plan: Openness, characters: 5 | 7, lines: number): Layout {
  const slots: SlotCell[] = [];
  const cells: (number | string)[] = [];
  for (let line = 1; line <= lines; line++) {
    for (let position = 1; position <= characters; position++) {
      cells.push(slots.length);
      const isSecond = line % 2 === 0;
      slots.push({ line, position, unit: (line - 1) >> 1, offset: position - 1 + (isSecond ? characters : 0) });
    }
    cells.push(line % 2 === 0 ? '。' : '，');
  }
  const starts = plan.start === undefined ? (['平起', '仄起'] as const) : [plan.start];
  const rhymings = plan.firstLineRhymes === undefined ? [false, true] : [plan.firstLineRhymes];
  const patterns = starts.flatMap((start) =>
    rhymings.map((firstLineRhymes) => regulatedPattern(plan, characters, lines, start, firstLineRhymes)),
  );
  return { cells, slots, patterns, lineCount: lines };
}

function regulatedPattern(
  plan: Openness,
  characters: 5 | 7,
  lines: number,
  start: '平起' | '仄起',
  firstLineRhymes: boolean,
): Pattern {
  const types = lineTypes(characters, lines, start, firstLineRhymes);
  const units: Unit[] = [];
  const rhymes: (RhymeSlot | null)[] = [];
  for (let line = 0; line < lines; line++) {
    const isRhyme = types[line] === 'B' || types[line] === 'D';
    for (let position = 1; position < characters; position++) rhymes.push(null);
    const mayBorrow = line === 0 && plan.neighbourFirstLine === true;
    rhymes.push(isRhyme ? { set: 0, tones: 1, mayBorrow, mayRepeat: false } : null);
    if (line % 2 === 1) units.push(coupletUnit(types[line - 1]! + types[line]!, characters));
    if (line === 1) confirmFirstEnd(units[0]!, characters, firstLineRhymes);
  }
  return {
    name: `${start}${firstLineRhymes ? '首句入韵' : '首句不入韵'}`,
    units,
    rhymes,
    setCount: 1,
    ...(firstLineRhymes ? {} : { echoSlot: characters - 1 }),
  };
}

/** The first line's end tells the patterns apart, so its tone must be beyond doubt. */
function confirmFirstEnd(unit: Unit, characters: 5 | 7, firstLineRhymes: boolean): void {
  for (const box of unit.boxes) box[characters - 1] = firstLineRhymes ? CONFIRMED_LEVEL : CONFIRMED_OBLIQUE;
}

/** The types alternate by 对 and 粘; the second character (平起/仄起) and the first line's rhyme decide the first. */
function lineTypes(characters: 5 | 7, lines: number, start: '平起' | '仄起', firstLineRhymes: boolean): LineType[] {
  // A seven-character line is a five-character one behind two characters of the opposite tone.
  const isCoreLevel = (start === '平起') === (characters === 5);
  const cycle: readonly LineType[] = isCoreLevel ? ['C', 'D', 'A', 'B'] : ['A', 'B', 'C', 'D'];
  const types = Array.from({ length: lines }, (_, line) => cycle[line % 4]!);
  if (firstLineRhymes) types[0] = isCoreLevel ? 'B' : 'D';
  return types;
}

function coupletUnit(types: string, characters: 5 | 7): Unit {
  const boxes = COUPLETS[types]!;
  const extend = (core: string) => (characters === 5 ? core : `中${core[1] === '平' ? '仄' : '平'}${core}`);
  return { boxes: boxes.map(([first, second]) => toneBitsOf(extend(first) + extend(second))) };
}
