/** Sequences laid end to end in one batch; nothing is padded, and what they begin with alike can be packed once. */
import type { PackedBatch } from '@tuiqiao/lm';
import { TuneError } from './errors.ts';
import { type SharedBeginning, sharedBeginnings, type TokenRuns } from './shared-beginnings.ts';

/** One sequence of a packed batch. */
export interface Sequence {
  readonly promptIds: ArrayLike<number>;
  readonly completionIds: ArrayLike<number>;
}

export interface PackedSequences {
  readonly batch: PackedBatch;
  /** [S + 1] where the targets of each sequence begin among those of all. */
  readonly rowOffsets: Int32Array;
  /** Of the targets of all sequences, the loss row of the batch: some have one in common. Null: each has its own, in order. */
  readonly lossRowOf: Int32Array | null;
  /** [S] row of the last token of each sequence that is packed. */
  readonly lastRows: Int32Array;
}

export interface PackOptions {
  /**
   * Leaves out the last token of each sequence that carries loss: it is predicted, and predicts nothing, so no loss row
   * depends on its row. Default false.
   */
  readonly isOnlyForLoss?: boolean;
  /** What sequences begin with alike is packed once, see `sharedBeginnings`. Default false. */
  readonly sharesBeginnings?: boolean;
}

/**
 * Loss rows are the positions before each completion token; the first token of a sequence without a prompt has none.
 * @throws TuneError `tune-batching` for an empty sequence.
 */
export function packSequences(sequences: readonly Sequence[], options: PackOptions = {}): PackedSequences {
  const runs = packedTokens(sequences, options);
  const rowOffsets = new Int32Array(sequences.length + 1);
  for (const [s, sequence] of sequences.entries()) rowOffsets[s + 1] = rowOffsets[s]! + lossRowsOf(sequence);
  const groups = options.sharesBeginnings ? sharedBeginnings(runs) : [];
  const isShared = groups.some(({ length }) => length > 0);
  return isShared ? packGroups(sequences, runs, rowOffsets, groups) : packApart(sequences, runs, rowOffsets);
}

/** Values of the batch's loss rows as values of the targets of all sequences. */
export function gatherTargets({ lossRowOf }: PackedSequences, values: ArrayLike<number>): Float64Array {
  return lossRowOf === null ? Float64Array.from(values) : Float64Array.from(lossRowOf, (row) => values[row]!);
}

/** Gradients of all sequences' targets as gradients of the batch's loss rows: sums where rows are shared. */
export function sumTargets<Values extends Float32Array | Float64Array>(
  { batch, lossRowOf }: PackedSequences,
  gradient: Values,
): Values | Float64Array {
  if (lossRowOf === null) return gradient;
  const sums = new Float64Array(batch.lossRows.length);
  for (const [r, row] of lossRowOf.entries()) sums[row]! += gradient[r]!;
  return sums;
}

/** Completion tokens of a sequence that carry loss. */
export function lossRowCount(promptLength: number, completionLength: number): number {
  return promptLength === 0 ? Math.max(0, completionLength - 1) : completionLength;
}

function lossRowsOf({ promptIds, completionIds }: Sequence): number {
  return lossRowCount(promptIds.length, completionIds.length);
}

function lengthOf({ promptIds, completionIds }: Sequence): number {
  return promptIds.length + completionIds.length;
}

function tokenAt({ promptIds, completionIds }: Sequence, i: number): number {
  return i < promptIds.length ? promptIds[i]! : completionIds[i - promptIds.length]!;
}

/** The first token of a sequence that carries loss. */
function firstTarget({ promptIds }: Sequence): number {
  return Math.max(1, promptIds.length);
}

/** The tokens of each sequence that are packed. */
function packedTokens(sequences: readonly Sequence[], { isOnlyForLoss = false }: PackOptions): TokenRuns {
  const starts = new Int32Array(sequences.length + 1);
  for (const [s, sequence] of sequences.entries()) {
    const length = lengthOf(sequence);
    if (length === 0) {
      throw new TuneError(
        'tune-batching',
        `pack: expected at least one token in each sequence, got none in sequence ${s}`,
      );
    }
    starts[s + 1] = starts[s]! + (isOnlyForLoss && lossRowsOf(sequence) > 0 ? length - 1 : length);
  }
  const tokens = new Int32Array(starts[sequences.length]!);
  for (const [s, sequence] of sequences.entries()) {
    const start = starts[s]!;
    for (let i = 0; start + i < starts[s + 1]!; i++) tokens[start + i] = tokenAt(sequence, i);
  }
  return { tokens, starts };
}

function packApart(sequences: readonly Sequence[], { tokens, starts }: TokenRuns, rowOffsets: Int32Array) {
  const positions = new Int32Array(tokens.length);
  const lossRows = new Int32Array(rowOffsets[sequences.length]!);
  const targets = new Int32Array(lossRows.length);
  for (const [s, sequence] of sequences.entries()) {
    const start = starts[s]!;
    for (let row = start; row < starts[s + 1]!; row++) positions[row] = row - start;
    const first = firstTarget(sequence);
    for (let r = rowOffsets[s]!; r < rowOffsets[s + 1]!; r++) {
      const token = first + r - rowOffsets[s]!;
      lossRows[r] = start + token - 1;
      targets[r] = tokenAt(sequence, token);
    }
  }
  const batch = { ids: tokens, positions, segments: starts, lossRows, targets };
  const lastRows = starts.subarray(1).map((end) => end - 1);
  return { batch, rowOffsets, lossRowOf: null, lastRows };
}

/** Every group as a segment of what its sequences share, and one for what each of them goes on with, unless that is nothing. */
function packGroups(
  sequences: readonly Sequence[],
  { tokens, starts }: TokenRuns,
  rowOffsets: Int32Array,
  groups: readonly SharedBeginning[],
): PackedSequences {
  const ids: number[] = [];
  const positions: number[] = [];
  const segments = [0];
  const prefixes: number[] = [];
  const lossRows: number[] = [];
  const targets: number[] = [];
  const lossRowOf = new Int32Array(rowOffsets[sequences.length]!);
  const lastRows = new Int32Array(sequences.length);

  /** Packs tokens [from, to) of sequence s; the row its token 0 has or would have. */
  const packSegment = (s: number, from: number, to: number, prefix: number): number => {
    const firstRow = ids.length - from;
    for (let i = from; i < to; i++) {
      ids.push(tokens[starts[s]! + i]!);
      positions.push(i);
    }
    segments.push(ids.length);
    prefixes.push(prefix);
    return firstRow;
  };
  const addLossRow = (row: number, target: number): number => {
    targets.push(target);
    return lossRows.push(row) - 1;
  };

  for (const { members, length: shared } of groups) {
    // A target within the beginning is the same for all that learn it: from the shortest prompt on it has one loss row.
    const firstShared = members.reduce((least, s) => Math.min(least, firstTarget(sequences[s]!)), Infinity);
    const prefix = shared > 0 ? prefixes.length : -1;
    const start = shared > 0 ? packSegment(members[0]!, 0, shared, -1) : ids.length;
    const sharedRows = lossRows.length;
    for (let token = firstShared; token < shared; token++) {
      addLossRow(start + token - 1, tokens[starts[members[0]!]! + token]!);
    }
    for (const s of members) {
      const sequence = sequences[s]!;
      const length = starts[s + 1]! - starts[s]!;
      const own = length > shared ? packSegment(s, shared, length, prefix) : start;
      lastRows[s] = own + length - 1;
      const first = firstTarget(sequence);
      for (let r = rowOffsets[s]!; r < rowOffsets[s + 1]!; r++) {
        const token = first + r - rowOffsets[s]!;
        const row = (token - 1 < shared ? start : own) + token - 1;
        lossRowOf[r] = token < shared ? sharedRows + token - firstShared : addLossRow(row, tokenAt(sequence, token));
      }
    }
  }
  return {
    batch: {
      ids: Int32Array.from(ids),
      positions: Int32Array.from(positions),
      segments: Int32Array.from(segments),
      prefixes: Int32Array.from(prefixes),
      lossRows: Int32Array.from(lossRows),
      targets: Int32Array.from(targets),
    },
    rowOffsets,
    lossRowOf,
    lastRows,
  };
}
