/** How varied a set of poems is: distinct n-grams, and how much each poem repeats the others (self-BLEU). */

import { bootstrapMean, type Mean } from '../intervals.ts';

type Interval = readonly [number, number];

export interface Diversity {
  /** Poems looked at: shares of distinct n-grams fall with their number, so compare only equal numbers. */
  readonly n: number;
  /** Distinct characters over all characters. */
  readonly distinct1: number;
  /** Distinct character pairs (inside lines) over all pairs. */
  readonly distinct2: number;
  /** Mean BLEU-4 of each poem against the others of its set; 1 = all alike. */
  readonly selfBleu: number;
  /** 95 % intervals, by jackknife over groups of poems: resampling with replacement would count poems twice. */
  readonly ci: { readonly distinct1: Interval; readonly distinct2: Interval; readonly selfBleu: Interval };
}

const JACKKNIFE_GROUPS = 20;
const Z = 1.959963984540054;

/** Self-BLEU compares every poem with every other; larger sets are sampled at regular distances. */
const SELF_BLEU_POEMS = 200;
const BLEU_ORDER = 4;

function charactersOf(line: string): string[] {
  return [...line].filter((char) => /\p{Script=Han}/u.test(char));
}

function linesOf(text: string): string[][] {
  return text
    .split(/[，。、？！；\s]+/u)
    .map(charactersOf)
    .filter((line) => line.length > 0);
}

function grams(line: readonly string[], n: number): string[] {
  return line.slice(0, Math.max(0, line.length - n + 1)).map((_, i) => line.slice(i, i + n).join(''));
}

function distinct(poems: readonly string[][][], n: number): number {
  const seen = new Set<string>();
  let total = 0;
  for (const poem of poems) {
    for (const line of poem) {
      for (const gram of grams(line, n)) {
        seen.add(gram);
        total++;
      }
    }
  }
  return total === 0 ? 0 : seen.size / total;
}

function countGrams(poem: readonly string[][], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of poem) for (const gram of grams(line, n)) counts.set(gram, (counts.get(gram) ?? 0) + 1);
  return counts;
}

/**
 * BLEU-4 of each poem against all others, n-grams inside lines, clipped by the highest count in any other poem, with
 * add-one smoothing from order 2 on (Lin & Och 2004); no brevity penalty, since the forms fix the length.
 */
function selfBleuOf(poems: readonly string[][][]): Mean {
  const step = Math.max(1, Math.floor(poems.length / SELF_BLEU_POEMS));
  const sample = poems.filter((_, i) => i % step === 0).slice(0, SELF_BLEU_POEMS);
  if (sample.length < 2) return { mean: 0, n: sample.length, ci: [0, 0] };
  const logs = new Float64Array(sample.length);
  for (let n = 1; n <= BLEU_ORDER; n++) {
    const counts = sample.map((poem) => countGrams(poem, n));
    // Highest and second highest count of each gram, so that a poem is never compared with itself.
    const highest = new Map<string, { best: number; owner: number; second: number }>();
    counts.forEach((map, owner) => {
      for (const [gram, count] of map) {
        const known = highest.get(gram);
        if (known === undefined) highest.set(gram, { best: count, owner, second: 0 });
        else if (count > known.best) highest.set(gram, { best: count, owner, second: known.best });
        else if (count > known.second) known.second = count;
      }
    });
    counts.forEach((map, owner) => {
      let matched = 0;
      let total = 0;
      for (const [gram, count] of map) {
        const { best, owner: bestOwner, second } = highest.get(gram)!;
        matched += Math.min(count, bestOwner === owner ? second : best);
        total += count;
      }
      const smoothing = n === 1 ? 0 : 1;
      logs[owner] =
        logs[owner]! + Math.log((matched + smoothing) / (total + smoothing) || Number.MIN_VALUE) / BLEU_ORDER;
    });
  }
  return bootstrapMean([...logs].map(Math.exp));
}

/**
 * value ± 1.96 · √((g − 1)/g · Σ(θᵢ − θ̄)²) over g leave-one-group-out values (Quenouille 1956, Tukey 1958), every g-th
 * poem a group, so that all forms are in each.
 */
function jackknife(poems: readonly string[][][], statistic: (poems: readonly string[][][]) => number): Interval {
  const value = statistic(poems);
  const groups = Math.min(JACKKNIFE_GROUPS, poems.length);
  if (groups < 2) return [value, value];
  const values = Array.from({ length: groups }, (_, group) => statistic(poems.filter((_, i) => i % groups !== group)));
  const mean = values.reduce((sum, other) => sum + other, 0) / groups;
  const spread = Z * Math.sqrt(((groups - 1) / groups) * values.reduce((sum, other) => sum + (other - mean) ** 2, 0));
  return [Math.max(0, value - spread), Math.min(1, value + spread)];
}

/**
 * @param limit look at so many at most, evenly spread: sets of different size are compared at the size of the smallest
 */
export function diversityOf(texts: readonly string[], limit = Number.POSITIVE_INFINITY): Diversity {
  const taken = Math.min(limit, texts.length);
  const chosen = Array.from({ length: taken }, (_, i) => texts[Math.floor((i * texts.length) / taken)]!);
  const poems = chosen.map(linesOf);
  const self = selfBleuOf(poems);
  return {
    n: poems.length,
    distinct1: distinct(poems, 1),
    distinct2: distinct(poems, 2),
    selfBleu: self.mean,
    ci: {
      distinct1: jackknife(poems, (part) => distinct(part, 1)),
      distinct2: jackknife(poems, (part) => distinct(part, 2)),
      selfBleu: self.ci,
    },
  };
}
