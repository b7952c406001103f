/**
 * Which sequences of a batch are laid out as what they begin with alike, once, and the ways they go on from there. A row
 * depends on the rows before it alone, so numbers and gradients are those of sequences packed apart.
 */

/** Tokens of the sequences, one after another: those of s are `tokens[starts[s]]` … `tokens[starts[s + 1] − 1]`. */
export interface TokenRuns {
  readonly tokens: Int32Array;
  /** [S + 1] */
  readonly starts: Int32Array;
}

/** Sequences that begin alike. */
export interface SharedBeginning {
  /** Ascending. */
  readonly members: readonly number[];
  /** Tokens they share: 0 for one alone. */
  readonly length: number;
}

/**
 * Every sequence in one group, groups in the order of their first members. Among the sequences in order of their tokens
 * those that begin alike are neighbours, and the groups are the runs of neighbours that save the most rows in all:
 * (members − 1) · length each.
 */
export function sharedBeginnings(runs: TokenRuns): SharedBeginning[] {
  const S = runs.starts.length - 1;
  const order = Array.from({ length: S }, (_, s) => s).sort((a, b) => compareTokens(runs, a, b) || a - b);
  const common = order.map((s, place) => (place === 0 ? 0 : commonLength(runs, order[place - 1]!, s)));

  // saved[end]: most rows saved among the first `end` in order; its last group begins at from[end].
  const saved = new Float64Array(S + 1);
  const from = new Int32Array(S + 1);
  for (let end = 1; end <= S; end++) {
    saved[end] = saved[end - 1]!;
    from[end] = end - 1;
    let length = Infinity;
    for (let start = end - 2; start >= 0; start--) {
      length = Math.min(length, common[start + 1]!);
      if (length === 0) break;
      const rows = saved[start]! + (end - start - 1) * length;
      if (rows > saved[end]!) {
        saved[end] = rows;
        from[end] = start;
      }
    }
  }

  const groups: SharedBeginning[] = [];
  for (let end = S; end > 0; end = from[end]!) {
    const start = from[end]!;
    const length = end - start === 1 ? 0 : Math.min(...common.slice(start + 1, end));
    groups.push({ members: order.slice(start, end).sort((a, b) => a - b), length });
  }
  return groups.sort((a, b) => a.members[0]! - b.members[0]!);
}

function lengthOf({ starts }: TokenRuns, s: number): number {
  return starts[s + 1]! - starts[s]!;
}

function commonLength(runs: TokenRuns, a: number, b: number): number {
  const { tokens, starts } = runs;
  const most = Math.min(lengthOf(runs, a), lengthOf(runs, b));
  let length = 0;
  while (length < most && tokens[starts[a]! + length] === tokens[starts[b]! + length]) length++;
  return length;
}

/** Lexicographic; one that ends where the other goes on comes first. */
function compareTokens(runs: TokenRuns, a: number, b: number): number {
  const { tokens, starts } = runs;
  const length = commonLength(runs, a, b);
  const isEnd = length === lengthOf(runs, a) || length === lengthOf(runs, b);
  return isEnd ? lengthOf(runs, a) - lengthOf(runs, b) : tokens[starts[a]! + length]! - tokens[starts[b]! + length]!;
}
