/** A ci tune for the machine: one variant, its slots as the book has them, its rhymes with 换韵 and 叶. */

import type { Tune, TuneVariant } from '../ci/tune.ts';
import { findTune } from '../ci/tunes.ts';
import { PlanError } from './errors.ts';
import { type Layout, type RhymeSlot, type SlotCell, type ToneBits, toneBitsOf, type Unit } from './layout.ts';
import type { CiPlan } from './plan.ts';

const MARKS = { 韵: '。', 句: '，', 读: '、' } as const;

/** Lines up to this many characters may repeat the rhyme before them (叠句: 如梦令 知否，知否; 忆秦娥 秦楼月). */
const REFRAIN_CHARACTERS = 4;

/** The tune and variant that a plan names. */
export function planVariant(plan: CiPlan): { tune: Tune; variant: TuneVariant } {
  const tune = findTune(plan.tune);
  if (tune === undefined) {
    throw new PlanError('PLAN_UNKNOWN_TUNE', {
      en: `compilePlan: expected the name of a ci tune, got ${plan.tune}`,
      zh: `词谱中没有词牌“${plan.tune}”`,
    });
  }
  const commonest = tune.variants.reduce((best, variant) => (variant.corpusCount > best.corpusCount ? variant : best));
  const variant = plan.variant === undefined ? commonest : tune.variants.find(({ label }) => label === plan.variant);
  if (variant === undefined) {
    const labels = tune.variants.map(({ label }) => label).join('，');
    throw new PlanError('PLAN_UNKNOWN_VARIANT', {
      en: `compilePlan: expected a variant of ${tune.name} (${labels}), got ${plan.variant}`,
      zh: `${tune.name}没有“${plan.variant}”一体，有的是：${labels}`,
    });
  }
  return { tune, variant };
}

/** The cells and the single pattern of a variant. */
export function ciLayout(plan: CiPlan): Layout {
  const { tune, variant } = planVariant(plan);
  const slots: SlotCell[] = [];
  const cells: (number | string)[] = [];
  const units: Unit[] = [];
  const rhymes: (RhymeSlot | null)[] = [];
  const stanzaEnds = new Set<number>();
  for (let stanza = 0, lines = 0; stanza < variant.stanzas.length - 1; stanza++) {
    lines += variant.stanzas[stanza]!;
    stanzaEnds.add(lines);
  }
  const sets = [...new Set(variant.lines.filter((line) => line.end === '韵').map((line) => line.rhymeSet))];
  for (const [index, line] of variant.lines.entries()) {
    const bits = toneBitsOf(line.slots);
    for (let position = 1; position <= bits.length; position++) {
      cells.push(slots.length);
      slots.push({ line: index + 1, position, unit: index, offset: position - 1 });
      rhymes.push(null);
    }
    cells.push(MARKS[line.end]);
    if (stanzaEnds.has(index + 1)) cells.push('\n');
    units.push({ boxes: [bits] });
    if (line.end === '韵') {
      rhymes[rhymes.length - 1] = {
        set: sets.indexOf(line.rhymeSet),
        tones: bits.at(-1) as ToneBits,
        mayBorrow: false,
        mayRepeat: line.slots.length <= REFRAIN_CHARACTERS,
      };
    }
  }
  const pattern = { name: `${tune.name} ${variant.label}`, units, rhymes, setCount: Math.max(1, sets.length) };
  return { cells, slots, patterns: [pattern], lineCount: variant.lines.length };
}
