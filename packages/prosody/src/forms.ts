// The regulated forms (近体诗): four line types, and how they follow one another in 绝句, 律诗 and 排律.

/**
 * 仄仄脚 A 中仄平平仄 · 平平脚 B 平平中仄平 · 平平仄仄脚 C 中平平仄仄 · 仄仄平平脚 D 中仄仄平平; B and D rhyme.
 * Seven characters are the five with two before them, of the opposite tone.
 */
export type LineType = 'A' | 'B' | 'C' | 'D';
export type Start = '平起' | '仄起';

/** Slot values as in tone masks: 1 = 平, 2 = 仄, 3 = 中 (either). */
export type SlotMask = readonly (1 | 2 | 3)[];

const FIVE: Readonly<Record<LineType, SlotMask>> = {
  A: [3, 2, 1, 1, 2],
  B: [1, 1, 3, 2, 1],
  C: [3, 1, 1, 2, 2],
  D: [3, 2, 2, 1, 1],
};

// Of the seven-character B and C only the first slot is free before the five: 中仄平平中仄平, 中仄中平平仄仄.
const SEVEN: Readonly<Record<LineType, SlotMask>> = {
  A: [3, 1, ...FIVE.A],
  B: [3, 2, ...FIVE.B],
  C: [3, 2, ...FIVE.C],
  D: [3, 1, ...FIVE.D],
};

/** One way to set a regulated poem: which line type each line has. */
export interface Scheme {
  readonly start: Start;
  readonly firstLineRhymes: boolean;
  /** One per line. */
  readonly types: readonly LineType[];
}

export type RegulatedForm = '五绝' | '七绝' | '五律' | '七律' | '五排' | '七排';

/** The slots of a line type of five or seven characters. */
export function slotMask(type: LineType, lineLength: 5 | 7): SlotMask {
  return lineLength === 5 ? FIVE[type] : SEVEN[type];
}

/** Places of a pattern as bits, bit 0 the first: those that want 平, those that want 仄. */
export interface PatternBits {
  readonly level: number;
  readonly oblique: number;
  /** Second, fourth, sixth and last. */
  readonly hard: number;
}

function toBits(slots: SlotMask): PatternBits {
  let level = 0;
  let oblique = 0;
  let hard = 1 << (slots.length - 1);
  for (const [position, slot] of slots.entries()) {
    if (slot === 1) level |= 1 << position;
    if (slot === 2) oblique |= 1 << position;
    if (position % 2 === 1) hard |= 1 << position;
  }
  return { level, oblique, hard };
}

const bitsOfAll = (slots: Readonly<Record<LineType, SlotMask>>): Readonly<Record<LineType, PatternBits>> => ({
  A: toBits(slots.A),
  B: toBits(slots.B),
  C: toBits(slots.C),
  D: toBits(slots.D),
});
const FIVE_BITS = bitsOfAll(FIVE);
const SEVEN_BITS = bitsOfAll(SEVEN);

/** {@link slotMask} as bits. */
export function slotBits(type: LineType, lineLength: 5 | 7): PatternBits {
  return lineLength === 5 ? FIVE_BITS[type] : SEVEN_BITS[type];
}

/** The form of a shape, or null: 4 or 8 lines, or an even number from 10 up, of 5 or 7 characters. */
export function formOfShape(lineCount: number, lineLength: number): RegulatedForm | null {
  if (lineLength !== 5 && lineLength !== 7) return null;
  const isFive = lineLength === 5;
  if (lineCount === 4) return isFive ? '五绝' : '七绝';
  if (lineCount === 8) return isFive ? '五律' : '七律';
  if (lineCount >= 10 && lineCount % 2 === 0) return isFive ? '五排' : '七排';
  return null;
}

/** Characters a line and lines (排律: null, any even number from 10 up) of a form. */
export function shapeOfForm(form: RegulatedForm): { readonly lineLength: 5 | 7; readonly lineCount: 4 | 8 | null } {
  const lineLength = form.startsWith('五') ? 5 : 7;
  return { lineLength, lineCount: form.endsWith('绝') ? 4 : form.endsWith('律') ? 8 : null };
}

const NAMES: Readonly<Record<string, RegulatedForm>> = {
  五绝: '五绝',
  五言绝句: '五绝',
  七绝: '七绝',
  七言绝句: '七绝',
  五律: '五律',
  五言律诗: '五律',
  七律: '七律',
  七言律诗: '七律',
  五排: '五排',
  五言排律: '五排',
  七排: '七排',
  七言排律: '七排',
};

/** A form by any of its names, in either script (五绝, 五絕, 五言絕句), or undefined. */
export function findForm(name: string): RegulatedForm | undefined {
  return NAMES[name.trim().replaceAll('絕', '绝').replaceAll('詩', '诗')];
}

const MOST_LINES_KEPT = 100;
const schemeCache = new Map<number, readonly Scheme[]>();

/**
 * The four schemes (平起/仄起 × first line rhymes or not) of a poem of so many lines: the 16 forms of 绝句 and 律诗, and
 * 排律 by the same succession. Lines follow A B C D A …; a first line that rhymes is D for A and B for C.
 */
export function listSchemes(lineCount: number, lineLength: 5 | 7): readonly Scheme[] {
  const key = lineCount * 8 + lineLength;
  let schemes = schemeCache.get(key);
  if (!schemes) {
    schemes = (['平起', '仄起'] as const).flatMap((start) =>
      [false, true].map((firstLineRhymes) => createScheme(lineCount, lineLength, start, firstLineRhymes)),
    );
    // 排律 may have any length; those of usual length are worth keeping.
    if (lineCount <= MOST_LINES_KEPT) schemeCache.set(key, schemes);
  }
  return schemes;
}

function createScheme(lineCount: number, lineLength: 5 | 7, start: Start, firstLineRhymes: boolean): Scheme {
  // 五言 平起 begins with C (中平平仄仄), 七言 平起 with A (中平中仄平平仄): the second character decides.
  const first = (lineLength === 5) === (start === '平起') ? 2 : 0;
  const cycle: readonly LineType[] = ['A', 'B', 'C', 'D'];
  const types = Array.from({ length: lineCount }, (_, line) => cycle[(first + line) % 4]!);
  if (firstLineRhymes && lineCount > 0) types[0] = first === 0 ? 'D' : 'B';
  return { start, firstLineRhymes, types };
}
