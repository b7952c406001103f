/** What makes two runs the same run: a checkpoint resumed under other data or batching would silently mean something else. */
import type { BatchingOptions } from './batching.ts';
import { microBatchTokens } from './batching.ts';
import type { Dataset } from './items.ts';

export type Fingerprint = Readonly<Record<string, string | number>>;

export function fingerprintOf(
  source: { readonly fingerprint: Fingerprint },
  options: { readonly objective: { readonly name: string }; readonly seed?: number; readonly maxGradNorm?: number },
): Fingerprint {
  return {
    objective: options.objective.name,
    ...source.fingerprint,
    seed: options.seed ?? 42,
    maxGradNorm: options.maxGradNorm ?? 1,
  };
}

export function fingerprintOfData(data: Dataset<unknown>, batching: BatchingOptions): Fingerprint {
  return {
    items: data.length,
    itemLengths: hashLengths(data),
    batchingSeed: batching.seed,
    itemsPerStep: batching.itemsPerStep ?? 'none',
    tokensPerStep: batching.tokensPerStep ?? 'none',
    microBatchTokens: microBatchTokens(data, batching),
    isShuffled: String(batching.isShuffled ?? true),
  };
}

/** Sentences naming what differs. */
export function differences(before: Fingerprint, now: Fingerprint): string[] {
  return Object.keys(now)
    .filter((key) => before[key] !== now[key])
    .map((key) => `expected ${key} ${before[key]}, got ${now[key]}`);
}

/** FNV-1a over item lengths, hexadecimal: cheap, and data that changed in place nearly always changes it. */
function hashLengths(data: Dataset<unknown>): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < data.length; i++) hash = Math.imul(hash ^ data.tokensOf(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
