/** What a ci does as its tune wants and a learner should know: 平仄转换, 叶韵, 领字. None of it is a fault. */
import { simplifyCharacter } from '../scripts.ts';
import type { CiIssue, SetText } from './set-text.ts';
import type { RhymePlace, VariantShape } from './variant-shape.ts';

/** Characters that lead what follows them (一字逗), all oblique: verbs of seeing and thinking, adverbs of time and degree. */
const LEADING = new Set(
  '看望对正渐任况又更算想念怅叹似奈但甚便纵且早已怕问将料尽应莫那恨记待向爱喜笑把倚听想见是有自过',
);
/** A line of 1 + 4 before one of four, or one of 1 + 7: where leading characters stand. */
const LED_LENGTHS = { withNext: 5, next: 4, alone: 8 } as const;
const LEVEL = 1;
const OBLIQUE = 2;

interface PlacedRhyme extends RhymePlace {
  readonly line: number;
  readonly position: number;
}

/**
 * Remarks on a ci whose every character has a slot and whose every slot has a character; none on others.
 *
 * @param off slots whose rhyme is off its group
 */
export function findCiRemarks(
  shape: VariantShape,
  set: SetText,
  slotOf: Int32Array,
  off: ReadonlySet<number>,
): CiIssue[] {
  const count = set.flat.chars.length;
  if (count === 0 || count !== shape.slots.length || slotOf.some((slot, index) => slot !== index)) return [];
  const kept = shape.rhymes.filter(({ slot, tones }) => !off.has(slot) && (set.flat.masks[slot]! & tones) !== 0);
  const rhymes = kept.map((rhyme): PlacedRhyme => ({ ...rhyme, ...set.places[rhyme.slot]! }));
  return [...findTurn(rhymes), ...findYe(rhymes), ...findLeading(shape, set)];
}

/** 平仄转换: the rhyme goes over from one tone to the other (菩萨蛮, 虞美人), said once, where it first does. */
function findTurn(rhymes: readonly PlacedRhyme[]): CiIssue[] {
  const runs: { set: number; tone: number; lines: number[] }[] = [];
  let turn: PlacedRhyme | undefined;
  for (const rhyme of rhymes) {
    // A rhyme that may be either shows nothing.
    if (rhyme.isYe || (rhyme.tones !== LEVEL && rhyme.tones !== OBLIQUE)) continue;
    const last = runs.at(-1);
    if (last?.tone === rhyme.tones && last.set === rhyme.set) last.lines.push(rhyme.line);
    else {
      if (last !== undefined && last.tone !== rhyme.tones) turn ??= rhyme;
      runs.push({ set: rhyme.set, tone: rhyme.tones, lines: [rhyme.line] });
    }
  }
  if (turn === undefined) return [];
  const { line, position, tones } = turn;
  return [{ kind: 'turn', line, position, wanted: tones, rhymes: runs }];
}

/** 叶: rhymes of the other tone inside one set (西江月), said once. */
function findYe(rhymes: readonly PlacedRhyme[]): CiIssue[] {
  const answering = rhymes.filter(({ isYe }) => isYe);
  const [first] = answering;
  if (first === undefined) return [];
  const lines = answering.filter(({ tones }) => tones === first.tones).map(({ line }) => line);
  return [
    {
      kind: 'ye',
      line: first.line,
      position: first.position,
      wanted: first.tones,
      rhymes: [{ tone: first.tones, lines }],
    },
  ];
}

/** 领字: known characters only, in an oblique slot, where the lines have the lengths that leading characters make. */
function findLeading(shape: VariantShape, set: SetText): CiIssue[] {
  // Where a line of the book begins, and how long it is up to its first pause: a pause inside is a division of its own.
  const lengths = new Map<number, number>();
  let end = 0;
  for (const { slots } of shape.variant.lines) {
    lengths.set(end, slots.length);
    end += slots.length;
  }
  let start = 0;
  return set.lines.flatMap(({ chars }, line): CiIssue[] => {
    const slot = start;
    start += chars.length;
    const next = set.lines[line + 1]?.chars.length;
    const isLed =
      chars.length === LED_LENGTHS.alone || (chars.length === LED_LENGTHS.withNext && next === LED_LENGTHS.next);
    if (!isLed || shape.slots[slot] !== OBLIQUE || lengths.get(slot) !== chars.length) return [];
    if ((set.flat.masks[slot]! & OBLIQUE) === 0 || !LEADING.has(simplifyCharacter(chars[0]!))) return [];
    return [{ kind: 'lead', line, position: 0 }];
  });
}
