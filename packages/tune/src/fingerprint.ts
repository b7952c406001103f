/** What makes two runs the same run: a checkpoint resumed under other data or batching would silently mean something else. */
import type { LanguageModel } from '@tuiqiao/lm';
import type { BatchingOptions } from './batching.ts';
import { microBatchTokens } from './batching.ts';
import type { Dataset } from './items.ts';

export type Fingerprint = Readonly<Record<string, string | number>>;

/** What a key that is not there means: the plain thing. */
const NONE = 'none';

export function fingerprintOf(
  source: { readonly fingerprint: Fingerprint },
  options: {
    readonly model: Pick<LanguageModel, 'keptTokens' | 'parameters'>;
    readonly objective: { readonly name: string };
    readonly seed?: number;
    readonly maxGradNorm?: number;
  },
): Fingerprint {
  return {
    objective: options.objective.name,
    ...source.fingerprint,
    ...fingerprintOfBase(options.model),
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

/** How the frozen base is held; nothing for a plain one. */
function fingerprintOfBase({ keptTokens, parameters }: Pick<LanguageModel, 'keptTokens' | 'parameters'>): Fingerprint {
  const quantized = [...parameters.values()].find((parameter) => parameter.quantized)?.quantized;
  return {
    ...(quantized ? { quantization: `${quantized.type}${quantized.nested === null ? '' : ' doubleQuant'}` } : {}),
    ...(keptTokens === null ? {} : { trimVocabulary: hash(keptTokens.length, (i) => keptTokens[i]!) }),
  };
}

/** Sentences naming what differs. */
export function differences(before: Fingerprint, now: Fingerprint): string[] {
  return [...new Set([...Object.keys(now), ...Object.keys(before)])]
    .filter((key) => (before[key] ?? NONE) !== (now[key] ?? NONE))
    .map((key) => `expected ${key} ${before[key] ?? NONE}, got ${now[key] ?? NONE}`);
}

/** Of item lengths: cheap, and data that changed in place nearly always changes it. */
function hashLengths(data: Dataset<unknown>): string {
  return hash(data.length, (i) => data.tokensOf(i));
}

/** FNV-1a over so many integers, hexadecimal. */
function hash(length: number, valueAt: (index: number) => number): string {
  let sum = 0x811c9dc5;
  for (let i = 0; i < length; i++) sum = Math.imul(sum ^ valueAt(i), 0x01000193);
  return (sum >>> 0).toString(16).padStart(8, '0');
}
