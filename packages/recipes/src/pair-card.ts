/** The data card of a preference run: what its pairs are, by rule, form and length, and what was left out. */
import type { PreferencePair } from '@tuiqiao/tune';
import { describeExcluded, type ExcludedPairs } from './pair-hygiene.ts';
import type { ManifestData } from './run-manifest.ts';

export const PAIR_CARD_FILES = { markdown: 'data-card.md', json: 'data-card.json' } as const;

export interface PairCard {
  /** Where pairs come from, as the run's notes have it. */
  readonly origin: string;
  readonly data: readonly ManifestData[];
  readonly training: number;
  readonly validation: number;
  readonly truncated: number;
  /** Pairs that teach each rule, commonest first; a pair may teach several. */
  readonly rules: Readonly<Record<string, number>>;
  /** Tokens, the end token included. */
  readonly tokens: { readonly chosen: LengthFacts; readonly rejected: LengthFacts };
  /** Which answer is the longer one: a model can learn length where these lean to one side. */
  readonly longer: { readonly chosen: number; readonly rejected: number; readonly neither: number };
  /** Of pairs that have one. */
  readonly margins: { readonly n: number; readonly mean: number } | null;
  readonly excluded: ExcludedPairs;
  /** Poems of validation and test that texts were compared with. */
  readonly heldOutPoems: number;
  readonly seed: number;
}

export interface LengthFacts {
  readonly mean: number;
  readonly min: number;
  readonly max: number;
}

export function describePairs(facts: {
  readonly training: readonly PreferencePair[];
  readonly validation: readonly PreferencePair[];
  readonly excluded: ExcludedPairs;
  readonly heldOutPoems: number;
  readonly origin: string;
  readonly data: readonly ManifestData[];
  readonly seed: number;
}): PairCard {
  const all = [...facts.training, ...facts.validation];
  const rules = new Map<string, number>();
  for (const { tags = [] } of all) for (const tag of tags) rules.set(tag, (rules.get(tag) ?? 0) + 1);
  const longer = { chosen: 0, rejected: 0, neither: 0 };
  for (const { chosenIds, rejectedIds } of all) {
    const side =
      chosenIds.length === rejectedIds.length
        ? 'neither'
        : chosenIds.length > rejectedIds.length
          ? 'chosen'
          : 'rejected';
    longer[side]++;
  }
  const margins = all.flatMap(({ margin }) => (margin === undefined ? [] : [margin]));
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const lengths = (side: 'chosenIds' | 'rejectedIds'): LengthFacts => {
    const tokens = all.map((pair) => pair[side].length);
    return {
      mean: mean(tokens),
      min: tokens.reduce((least, each) => Math.min(least, each), tokens[0] ?? 0),
      max: tokens.reduce((most, each) => Math.max(most, each), 0),
    };
  };
  return {
    origin: facts.origin,
    data: facts.data,
    training: facts.training.length,
    validation: facts.validation.length,
    truncated: all.filter(({ isTruncated }) => isTruncated === true).length,
    rules: Object.fromEntries([...rules].sort((a, b) => b[1] - a[1])),
    tokens: { chosen: lengths('chosenIds'), rejected: lengths('rejectedIds') },
    longer,
    margins: margins.length === 0 ? null : { n: margins.length, mean: mean(margins) },
    excluded: facts.excluded,
    heldOutPoems: facts.heldOutPoems,
    seed: facts.seed,
  };
}

export function formatPairCard(card: PairCard): string {
  const { tokens, longer } = card;
  const left = describeExcluded(card.excluded);
  const length = (name: string, { mean, min, max }: LengthFacts): string =>
    `| ${name} | ${mean.toFixed(1)} | ${min} | ${max} |`;
  return [
    '# Preference pairs',
    '',
    card.origin,
    '',
    `- ${card.training} pairs to learn from, ${card.validation} held out for validation; seed ${card.seed}`,
    ...card.data.map(({ name, sha256, samples }) => `- data: ${name}, ${samples} samples, sha256 ${sha256}`),
    `- cut off at the length limit: ${card.truncated}`,
    ...(card.margins === null
      ? []
      : [`- with a margin: ${card.margins.n}, ${card.margins.mean.toFixed(3)} on average`]),
    `- left out: ${left.length === 0 ? 'nothing' : left.join('; ')} (compared with ${card.heldOutPoems} poems of validation and test)`,
    '',
    '## Length in tokens',
    '',
    '| answer | mean | shortest | longest |',
    '|---|---|---|---|',
    length('chosen', tokens.chosen),
    length('rejected', tokens.rejected),
    '',
    `The chosen answer is the longer one in ${longer.chosen} pairs, the rejected one in ${longer.rejected}, neither in ${longer.neither}.`,
    '',
    ...(Object.keys(card.rules).length === 0
      ? []
      : [
          '## Rules that rejected answers break',
          '',
          '| rule | pairs |',
          '|---|---|',
          ...Object.entries(card.rules).map(([rule, count]) => `| ${rule} | ${count} |`),
          '',
        ]),
  ].join('\n');
}
