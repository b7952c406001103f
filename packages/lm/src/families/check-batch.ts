/** Checks at the door: kernels trust their input. */
import type { ModelConfig } from '../config.ts';
import { LmError } from '../errors.ts';
import type { PackedBatch } from '../language-model.ts';

/** @throws LmError `batch-invalid` */
export function checkTokens(config: ModelConfig, batch: Pick<PackedBatch, 'ids' | 'positions' | 'segments'>): void {
  const { ids, positions, segments } = batch;
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
  checkIds(config, ids);
  checkPositions(config, positions);
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
  let previous = -1;
  for (const row of rows) {
    if (row <= previous || row >= ids.length) throw invalid(`ascending loss rows below ${ids.length}`, `${row}`);
    previous = row;
  }
}

function invalid(expected: string, got: string): LmError {
  return new LmError('batch-invalid', `batch: expected ${expected}, got ${got}`);
}
