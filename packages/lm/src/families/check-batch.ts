/** Checks at the door: kernels trust their input. */
import type { ModelConfig } from '../config.ts';
import { LmError } from '../errors.ts';
import type { PackedBatch, PackedTokens } from '../language-model.ts';

/** @throws LmError `batch-invalid` */
export function checkTokens(config: ModelConfig, batch: PackedTokens): void {
  const { ids, positions, segments, prefixes } = batch;
  const N = ids.length;
  if (N === 0) throw invalid('at least one token', '0');
  if (positions.length !== N) throw invalid(`${N} positions`, `${positions.length}`);
  if (segments.length < 2 || segments[0] !== 0 || segments[segments.length - 1] !== N) {
    throw invalid(`segment offsets from 0 to ${N}`, `${segments[0]} to ${segments[segments.length - 1]}`);
  }
  for (let s = 1; s < segments.length; s++) {
    if (segments[s]! <= segments[s - 1]!)
      throw invalid('ascending segment offsets', `${segments[s - 1]}, ${segments[s]}`);
  }
  if (prefixes !== undefined) checkPrefixes(prefixes, segments.length - 1);
  checkIds(config, ids);
  checkPositions(config, positions);
}

/** A segment that goes on from another follows it, or one that goes on from the same. */
function checkPrefixes(prefixes: Int32Array, S: number): void {
  if (prefixes.length !== S) throw invalid(`${S} prefixes`, `${prefixes.length}`);
  for (const [s, prefix] of prefixes.entries()) {
    if (prefix !== -1 && !(prefix === s - 1 && prefixes[prefix] === -1) && !(s > 0 && prefix === prefixes[s - 1])) {
      throw invalid(`segment ${s} to go on from the one it follows`, `${prefix}`);
    }
  }
}

/** @throws LmError `batch-invalid` for virtual tokens before sequences that share their beginning */
export function checkNoPrefixes({ prefixes }: PackedTokens): void {
  if (prefixes?.some((prefix) => prefix !== -1)) {
    throw invalid('sequences packed each by itself under a soft prompt', 'a shared beginning');
  }
}

/** @throws LmError `batch-invalid` */
export function checkPositions(config: ModelConfig, positions: Int32Array): void {
  for (const position of positions) {
    if (position < 0 || position >= config.maxPositions) {
      throw invalid(`positions below ${config.maxPositions} (max_position_embeddings)`, `${position}`);
    }
  }
}

/** @throws LmError `batch-invalid` */
export function checkIds(config: ModelConfig, ids: Int32Array): void {
  for (const id of ids) {
    if (id < 0 || id >= config.vocabSize) throw invalid(`token ids below ${config.vocabSize}`, `${id}`);
  }
}

/** @throws LmError `batch-invalid` */
export function checkLossRows(config: ModelConfig, batch: PackedBatch): void {
  const { lossRows, targets } = batch;
  if (targets.length !== lossRows.length) throw invalid(`${lossRows.length} targets`, `${targets.length}`);
  checkRows(batch, lossRows);
  checkIds(config, targets);
}

/** @throws LmError `batch-invalid` */
export function checkRows({ ids }: Pick<PackedBatch, 'ids'>, rows: Int32Array): void {
  if (rows.length === 0) throw invalid('at least one loss row', '0');
  for (const row of rows) {
    if (row < 0 || row >= ids.length) throw invalid(`loss rows below ${ids.length}`, `${row}`);
  }
}

function invalid(expected: string, got: string): LmError {
  return new LmError('batch-invalid', `batch: expected ${expected}, got ${got}`);
}
