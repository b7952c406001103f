/**
 * Sequences laid end to end in one batch; nothing is padded. Neighbours with the same prompt – a pair, a group – can be
 * laid out as what they have in common, once, and the ways they go on from there.
 */
import type { PackedBatch } from '@tuiqiao/lm';
import { TuneError } from './errors.ts';

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
  /** What neighbours with the same prompt have in common from their beginning on is packed once. Default false. */
  readonly sharesPrompts?: boolean;
}

/** Neighbours that begin alike. */
interface Group {
  readonly first: number;
  readonly end: number;
  /** Rows they share: 0 for one alone. */
  readonly shared: number;
}

/**
 * Loss rows are the positions before each completion token; the first token of a sequence without a prompt has none.
 * @throws TuneError `tune-batching` for an empty sequence.
 */
export function packSequences(sequences: readonly Sequence[], options: PackOptions = {}): PackedSequences {
  const lengths = Int32Array.from(sequences, (sequence, s) => packedLength(sequence, s, options));
  const groups = options.sharesPrompts ? sharingGroups(sequences, lengths) : null;
  if (groups?.some(({ shared }) => shared > 0)) return packGroups(sequences, lengths, groups);
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const rows = sequences.reduce((sum, sequence) => sum + lossRowsOf(sequence), 0);
  const ids = new Int32Array(tokens);
  const positions = new Int32Array(tokens);
  const segments = new Int32Array(sequences.length + 1);
  const rowOffsets = new Int32Array(sequences.length + 1);
  const lossRows = new Int32Array(rows);
  const targets = new Int32Array(rows);
  let at = 0;
  let row = 0;
  for (const [s, sequence] of sequences.entries()) {
    const length = lengths[s]!;
    for (let i = 0; i < length; i++) {
      ids[at + i] = tokenAt(sequence, i);
      positions[at + i] = i;
    }
    const end = sequence.promptIds.length + sequence.completionIds.length;
    for (let token = firstTarget(sequence); token < end; token++) {
      lossRows[row] = at + token - 1;
      targets[row] = tokenAt(sequence, token);
      row++;
    }
    at += length;
    segments[s + 1] = at;
    rowOffsets[s + 1] = row;
  }
  const lastRows = segments.subarray(1).map((end) => end - 1);
  return { batch: { ids, positions, segments, lossRows, targets }, rowOffsets, lossRowOf: null, lastRows };
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

/** Tokens of a sequence that are packed. */
function packedLength(sequence: Sequence, s: number, { isOnlyForLoss = false }: PackOptions): number {
  const length = sequence.promptIds.length + sequence.completionIds.length;
  if (length === 0) {
    throw new TuneError(
      'tune-batching',
      `pack: expected at least one token in each sequence, got none in sequence ${s}`,
    );
  }
  return isOnlyForLoss && lossRowsOf(sequence) > 0 ? length - 1 : length;
}

function tokenAt({ promptIds, completionIds }: Sequence, i: number): number {
  return i < promptIds.length ? promptIds[i]! : completionIds[i - promptIds.length]!;
}

/** The first token of a sequence that carries loss. */
function firstTarget({ promptIds }: Sequence): number {
  return Math.max(1, promptIds.length);
}

function sharingGroups(sequences: readonly Sequence[], lengths: Int32Array): Group[] {
  const groups: Group[] = [];
  for (let first = 0; first < sequences.length; ) {
    const { promptIds } = sequences[first]!;
    let end = first + 1;
    while (promptIds.length > 0 && end < sequences.length && isEqual(promptIds, sequences[end]!.promptIds)) end++;
    groups.push({ first, end, shared: end - first > 1 ? commonLength(sequences, lengths, first, end) : 0 });
    first = end;
  }
  return groups;
}

function isEqual(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Packed tokens from the beginning on that sequences with the same prompt have in common. */
function commonLength(sequences: readonly Sequence[], lengths: Int32Array, first: number, end: number): number {
  let common = lengths[first]!;
  for (let s = first + 1; s < end; s++) {
    common = Math.min(common, lengths[s]!);
    for (let i = sequences[s]!.promptIds.length; i < common; i++) {
      if (tokenAt(sequences[s]!, i) !== tokenAt(sequences[first]!, i)) common = i;
    }
  }
  return common;
}

/** Every group as a segment of what its sequences share, and one for what each of them goes on with, unless that is nothing. */
function packGroups(sequences: readonly Sequence[], lengths: Int32Array, groups: readonly Group[]): PackedSequences {
  const ids: number[] = [];
  const positions: number[] = [];
  const segments = [0];
  const prefixes: number[] = [];
  const lossRows: number[] = [];
  const targets: number[] = [];
  const lossRowOf: number[] = [];
  const rowOffsets = [0];
  const lastRows: number[] = [];

  /** Packs tokens [from, to) of a sequence. */
  const packSegment = (sequence: Sequence, from: number, to: number, prefix: number): void => {
    for (let i = from; i < to; i++) {
      ids.push(tokenAt(sequence, i));
      positions.push(i);
    }
    segments.push(ids.length);
    prefixes.push(prefix);
  };

  for (const { first, end, shared } of groups) {
    const start = ids.length;
    const prefix = shared > 0 ? prefixes.length : -1;
    const sharedRow = lossRows.length;
    if (shared > 0) {
      packSegment(sequences[first]!, 0, shared, -1);
      for (let token = firstTarget(sequences[first]!); token < shared; token++) {
        lossRows.push(start + token - 1);
        targets.push(tokenAt(sequences[first]!, token));
      }
    }
    const sharedTargets = lossRows.length - sharedRow;
    for (let s = first; s < end; s++) {
      const sequence = sequences[s]!;
      const ownStart = ids.length;
      for (let r = 0; r < sharedTargets; r++) lossRowOf.push(sharedRow + r);
      const length = sequence.promptIds.length + sequence.completionIds.length;
      for (let token = Math.max(firstTarget(sequence), shared); token < length; token++) {
        lossRowOf.push(lossRows.length);
        lossRows.push(token - 1 < shared ? start + token - 1 : ownStart + token - 1 - shared);
        targets.push(tokenAt(sequence, token));
      }
      if (lengths[s]! > shared) packSegment(sequence, shared, lengths[s]!, prefix);
      rowOffsets.push(lossRowOf.length);
      lastRows.push(lengths[s]! > shared ? ids.length - 1 : start + shared - 1);
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
    rowOffsets: Int32Array.from(rowOffsets),
    lossRowOf: Int32Array.from(lossRowOf),
    lastRows: Int32Array.from(lastRows),
  };
}
