/** 对联 for the machine: the upper line is given, the lower one is written. */
import type { Book } from '../book-types.ts';
import { facingSlots } from '../couplet/couplet.ts';
import { splitText } from '../text.ts';
import { usualTone } from '../tone-usage.ts';
import { PlanError } from './errors.ts';
import type { Layout, RhymeSlot, SlotCell, Unit } from './layout.ts';
import type { CoupletPlan, FixedCharacter } from './plan.ts';
import { regulatedLines } from './regulated-layout.ts';

/** A layout and the characters of the upper line in it. */
export interface CoupletLayout {
  readonly layout: Layout;
  readonly fixed: readonly FixedCharacter[];
}

/** More clauses than any couplet is written in would only fill the memory. */
const MOST_CHARACTERS = 200;

/**
 * As the couplets of regulated verse are, for an upper line of five or seven characters that may be one of theirs; and by
 * the rule of all couplets. The first that can be kept is taken.
 */
export function coupletLayouts(plan: CoupletPlan, book: Book): CoupletLayout[] {
  const clauses = splitText(plan.upper).lines.map(({ chars }) => chars);
  const count = clauses.reduce((sum, chars) => sum + chars.length, 0);
  if (count === 0 || count > MOST_CHARACTERS) {
    throw new PlanError('PLAN_INVALID', {
      en: `compilePlan: expected an upper line of 1 to ${MOST_CHARACTERS} characters, got ${count}`,
      zh: `上联应有 1 到 ${MOST_CHARACTERS} 字，现有 ${count} 字`,
    });
  }
  const given = (isExempt: boolean): FixedCharacter[] =>
    clauses.flatMap((chars, line) =>
      chars.map((character, position) => ({ line: line + 1, position: position + 1, character, isExempt })),
    );
  const open = { layout: openLayout(clauses, book), fixed: given(true) };
  const [{ length }] = clauses as [readonly string[]];
  if (clauses.length > 1 || (length !== 5 && length !== 7)) return [open];
  return [{ layout: regulatedLines({ firstLineRhymes: false }, length, 2), fixed: given(false) }, open];
}

function openLayout(clauses: readonly (readonly string[])[], book: Book): Layout {
  const slots: SlotCell[] = [];
  const cells: (number | string)[] = [];
  const units: Unit[] = [];
  const rhymes: (RhymeSlot | null)[] = [];
  const addLine = (length: number, boxes: readonly (readonly number[])[], mark: string): void => {
    const unit = units.length;
    for (let offset = 0; offset < length; offset++) {
      cells.push(slots.length);
      slots.push({ line: unit + 1, position: offset + 1, unit, offset });
      rhymes.push(null);
    }
    units.push({ boxes: boxes.map((box) => Uint8Array.from(box)) });
    cells.push(mark);
  };
  for (const chars of clauses) addLine(chars.length, [chars.map(() => 3)], '，');
  let lastTone = 3;
  for (const [i, chars] of clauses.entries()) {
    const { slots: tones, lonely } = facingSlots(chars.map((char) => toneOf(char, book)));
    const boxes = lonely === null ? [tones] : lonely.map((place) => tones.map((tone, at) => (at === place ? 1 : tone)));
    addLine(chars.length, boxes, i === clauses.length - 1 ? '。' : '，');
    lastTone = tones.at(-1)!;
  }
  if (lastTone === 1) rhymes[rhymes.length - 1] = { set: 0, tones: 1, mayBorrow: false, mayRepeat: false };
  const pattern = { name: lastTone === 1 ? '下联平收' : '下联仄收', units, rhymes, setCount: 1 };
  return { cells, slots, patterns: [pattern], lineCount: units.length };
}

/** A character of both tones is read as verse mostly has it. */
function toneOf(char: string, book: Book): number {
  const mask = book.toneMask(char);
  return mask === 1 || mask === 2 ? mask : usualTone(char, 'traditional');
}
