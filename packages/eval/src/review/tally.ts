/** What the votes of a blind review say once the key is laid beside them. */
import { bootstrap, type Mean } from '../intervals.ts';
import { cohenKappa } from '../reference/classification.ts';
import { CRITERIA, type Criterion, type ReviewKey, type Vote } from './review.ts';

export interface Agreement {
  readonly readers: readonly [string, string];
  /** Items both judged. */
  readonly n: number;
  /** Cohen's κ of the preferences (a, b, tie); null when chance alone explains all, as with one answer throughout. */
  readonly kappa: number | null;
  readonly ci: readonly [number, number] | null;
  /** Quadratic κ of all criteria's scores together; null without scores. */
  readonly scoreKappa: number | null;
}

export interface Tally {
  readonly a: string;
  readonly b: string;
  readonly seed: number;
  readonly readers: readonly string[];
  readonly votes: number;
  readonly items: number;
  /** Share of votes for a, ties half; the interval is by bootstrap over items, so that readers of one item hang together. */
  readonly winRate: Mean;
  readonly wins: { readonly a: number; readonly b: number; readonly tie: number };
  /** Mean score of each model, and of a less b, 1–5; absent for criteria nobody scored. */
  readonly criteria: Readonly<
    Partial<Record<Criterion, { readonly a: Mean; readonly b: Mean; readonly difference: Mean }>>
  >;
  /** Share of votes for the left side: far from a half, readers looked at the side. */
  readonly leftShare: Mean;
  readonly agreement: readonly Agreement[];
}

type Winner = 'a' | 'b' | 'tie';
const WINNERS: readonly Winner[] = ['a', 'b', 'tie'];
const BOOTSTRAP_SEED = 1;

interface Judged {
  readonly vote: Vote;
  readonly winner: Winner;
  readonly isLeftA: boolean;
}

/**
 * Of several votes of one reader on one item the last counts.
 *
 * @throws RangeError when a vote's item is not in the key, or there is no vote
 */
export function tallyVotes(votes: readonly Vote[], key: ReviewKey): Tally {
  const judged = [...new Map(votes.map((vote) => [`${vote.reader}\n${vote.id}`, vote])).values()].map(
    (vote): Judged => {
      const item = key.items[vote.id];
      if (item === undefined) throw new RangeError(`tallyVotes: expected items of the key, got ${vote.id}`);
      const isLeftA = item.a === 'left';
      const winner = vote.preference === 'tie' ? 'tie' : (vote.preference === 'left') === isLeftA ? 'a' : 'b';
      return { vote, winner, isLeftA };
    },
  );
  if (judged.length === 0) throw new RangeError('tallyVotes: expected votes, got none');
  const groups = groupById(judged);
  const readers = [...new Set(judged.map(({ vote }) => vote.reader))].sort();
  const mean = (figureOf: (entry: Judged) => number | null): Mean | null => {
    const values = groups
      .map((group) => group.map(figureOf).filter((value) => value !== null))
      .filter((group) => group.length > 0);
    if (values.length === 0) return null;
    const average = (sample: readonly (readonly number[])[]): number => {
      const flat = sample.flat();
      return flat.reduce((sum, value) => sum + value, 0) / flat.length;
    };
    return { ...bootstrap(values, average, BOOTSTRAP_SEED), n: values.flat().length };
  };
  const count = (winner: Winner): number => judged.filter((entry) => entry.winner === winner).length;
  return {
    a: key.a,
    b: key.b,
    seed: BOOTSTRAP_SEED,
    readers,
    votes: judged.length,
    items: groups.length,
    winRate: mean(({ winner }) => (winner === 'a' ? 1 : winner === 'b' ? 0 : 0.5))!,
    wins: { a: count('a'), b: count('b'), tie: count('tie') },
    criteria: Object.fromEntries(
      CRITERIA.flatMap((criterion) => {
        const scoreOf = ({ vote, isLeftA }: Judged, model: 'a' | 'b'): number | null =>
          vote.scores[criterion]?.[(model === 'a') === isLeftA ? 'left' : 'right'] ?? null;
        const difference = mean((entry) => {
          const [a, b] = [scoreOf(entry, 'a'), scoreOf(entry, 'b')];
          return a === null || b === null ? null : a - b;
        });
        if (difference === null) return [];
        return [[criterion, { a: mean((e) => scoreOf(e, 'a'))!, b: mean((e) => scoreOf(e, 'b'))!, difference }]];
      }),
    ),
    leftShare: mean(({ vote }) => (vote.preference === 'left' ? 1 : vote.preference === 'right' ? 0 : 0.5))!,
    agreement: readers.flatMap((first, i) =>
      readers.slice(i + 1).flatMap((second) => agreementOf(judged, first, second) ?? []),
    ),
  };
}

function groupById(judged: readonly Judged[]): Judged[][] {
  const groups = new Map<string, Judged[]>();
  for (const entry of judged) groups.set(entry.vote.id, [...(groups.get(entry.vote.id) ?? []), entry]);
  return [...groups.values()];
}

function agreementOf(judged: readonly Judged[], first: string, second: string): Agreement | null {
  const of = (reader: string): Map<string, Judged> =>
    new Map(judged.filter(({ vote }) => vote.reader === reader).map((entry) => [entry.vote.id, entry]));
  const own = of(first);
  const other = of(second);
  const pairs = [...own].flatMap(([id, entry]) => {
    const match = other.get(id);
    return match === undefined ? [] : [[entry, match] as const];
  });
  if (pairs.length === 0) return null;
  const kappaOf = (sample: readonly (readonly [Judged, Judged])[]): number =>
    cohenKappa(
      sample.map(([entry]) => entry.winner),
      sample.map(([, entry]) => entry.winner),
      WINNERS,
    );
  const { mean: kappa, ci } = bootstrap(pairs, kappaOf, BOOTSTRAP_SEED);
  const isDefined = Number.isFinite(kappa) && ci.every(Number.isFinite);
  const scores = pairs.flatMap(([entry, match]) =>
    CRITERIA.flatMap((criterion) =>
      (['left', 'right'] as const).flatMap((side) => {
        const [x, y] = [entry.vote.scores[criterion]?.[side], match.vote.scores[criterion]?.[side]];
        return x === undefined || y === undefined ? [] : [[String(Math.round(x)), String(Math.round(y))] as const];
      }),
    ),
  );
  const scoreKappa =
    scores.length === 0
      ? Number.NaN
      : cohenKappa(
          scores.map(([x]) => x),
          scores.map(([, y]) => y),
          ['1', '2', '3', '4', '5'],
          'quadratic',
        );
  return {
    readers: [first, second],
    n: pairs.length,
    kappa: Number.isFinite(kappa) ? kappa : null,
    ci: isDefined ? ci : null,
    scoreKappa: Number.isFinite(scoreKappa) ? scoreKappa : null,
  };
}

/** A decided comparison: what the readers preferred. */
export interface VotedPair {
  readonly id: string;
  readonly prompt: string;
  readonly chosen: string;
  readonly rejected: string;
  /** Votes for the one preferred less votes for the other. */
  readonly margin: number;
  readonly votes: number;
}

/** Items on which one side has more votes, as pairs for preference training; ties teach nothing and are left out. */
export function pairsFromVotes(
  votes: readonly Vote[],
  items: readonly { readonly id: string; readonly left: string; readonly right: string }[],
  key: ReviewKey,
): VotedPair[] {
  const last = [...new Map(votes.map((vote) => [`${vote.reader}\n${vote.id}`, vote])).values()];
  return items.flatMap(({ id, left, right }): VotedPair[] => {
    const own = last.filter((vote) => vote.id === id);
    const lead = own.reduce(
      (sum, { preference }) => sum + Number(preference === 'left') - Number(preference === 'right'),
      0,
    );
    const item = key.items[id];
    if (lead === 0 || item === undefined) return [];
    const [chosen, rejected] = lead > 0 ? [left, right] : [right, left];
    return [{ id, prompt: item.prompt, chosen, rejected, margin: Math.abs(lead), votes: own.length }];
  });
}
