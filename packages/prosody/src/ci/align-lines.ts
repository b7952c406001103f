/** Lines of a text of the wrong length set against the lines of a variant, so that the line at fault can be named. */
import type { TuneVariant } from './tune.ts';

export type LineStep =
  /** Text line and variant line (from 0; 读 joined) face each other; their lengths may differ. */
  | { readonly kind: 'pair'; readonly textLine: number; readonly variantLine: number }
  | { readonly kind: 'extra'; readonly textLine: number }
  | { readonly kind: 'missing'; readonly variantLine: number };

/** A lost or added line costs more than any lost characters inside a line. */
const UNPAIRED_COST = 3;
const UNEQUAL_COST = 1;
const CHARACTER_COST = 0.5;

/** Lengths of the lines of a variant, pauses (读) joined. */
export function lineLengths(variant: TuneVariant): number[] {
  const lengths: number[] = [];
  let open = 0;
  for (const line of variant.lines) {
    open += line.slots.length;
    if (line.end === '读') continue;
    lengths.push(open);
    open = 0;
  }
  if (open > 0) lengths.push(open);
  return lengths;
}

/** The cheapest way to set the lines against each other (edit distance over line lengths). */
export function alignLines(text: readonly number[], variant: readonly number[]): { cost: number; steps: LineStep[] } {
  const columns = variant.length + 1;
  const costs = new Float64Array((text.length + 1) * columns);
  for (let t = 0; t <= text.length; t++) {
    for (let v = 0; v <= variant.length; v++) {
      if (t === 0 || v === 0) costs[t * columns + v] = (t + v) * UNPAIRED_COST;
      else {
        costs[t * columns + v] = Math.min(
          costs[(t - 1) * columns + v - 1]! + pairCost(text[t - 1]!, variant[v - 1]!),
          costs[(t - 1) * columns + v]! + UNPAIRED_COST,
          costs[t * columns + v - 1]! + UNPAIRED_COST,
        );
      }
    }
  }
  const steps: LineStep[] = [];
  let t = text.length;
  let v = variant.length;
  while (t > 0 || v > 0) {
    const cost = costs[t * columns + v]!;
    if (t > 0 && v > 0 && cost === costs[(t - 1) * columns + v - 1]! + pairCost(text[t - 1]!, variant[v - 1]!)) {
      steps.push({ kind: 'pair', textLine: --t, variantLine: --v });
    } else if (t > 0 && cost === costs[(t - 1) * columns + v]! + UNPAIRED_COST) {
      steps.push({ kind: 'extra', textLine: --t });
    } else steps.push({ kind: 'missing', variantLine: --v });
  }
  return { cost: costs.at(-1)!, steps: steps.reverse() };
}

const pairCost = (a: number, b: number): number => (a === b ? 0 : UNEQUAL_COST + CHARACTER_COST * Math.abs(a - b));
