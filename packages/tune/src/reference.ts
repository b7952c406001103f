/**
 * The frozen reference of preference optimisation: log-probabilities of every pair's completions, computed once before
 * training and kept on disk, and the checks that policy and reference begin at the same place.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { LanguageModel } from '@tuiqiao/lm';
import type { OnEvent } from '@tuiqiao/schema';
import { type Arena, createArena, type LowRankDelta } from '@tuiqiao/tensor';
import writeFileAtomic from 'write-file-atomic';
import { microBatchTokens, planMicroBatches } from './batching.ts';
import { TuneError } from './errors.ts';
import type { Dataset, PreferencePair } from './items.ts';
import { computeTypeOf, scoreSequences } from './micro-batch.ts';
import { pairSequences, type ReferenceLogProbs } from './objectives/preference.ts';
import { sumRange } from './objectives/scalar.ts';
import { inspectPairs } from './pair-checks.ts';

/** `start`: the model as it stands before training, adapter and all. `base`: the same with every adapter switched off. */
export type ReferenceKind = 'start' | 'base';

export interface ReferenceOptions {
  readonly model: LanguageModel;
  readonly data: Dataset<PreferencePair>;
  readonly reference: ReferenceKind;
  /** Required for `base` when the policy starts from an adapter that already changes the model. */
  readonly allowBaseReference?: boolean;
  /** Where to keep the result; used again when `cacheKey` is the same. */
  readonly cacheFile?: string;
  /** Hash of everything the result depends on: weights, adapter, pairs, tokenizer. Needed with `cacheFile`. */
  readonly cacheKey?: string;
  /** Default 4,096 or the longest pair. */
  readonly maxTokensPerMicroBatch?: number;
  /** Step memory to use; its own by default. */
  readonly arena?: Arena;
  readonly signal?: AbortSignal;
  readonly onEvent?: OnEvent;
}

/**
 * Summed log-probabilities of chosen and rejected under the reference; to be called before training begins.
 * @throws TuneError `dpo-reference` when the reference would be the raw base under a policy that starts elsewhere
 */
export async function computeReferenceLogProbs(options: ReferenceOptions): Promise<ReferenceLogProbs> {
  const { model, data, reference, cacheFile, cacheKey } = options;
  if (cacheFile !== undefined && cacheKey === undefined) {
    throw new TuneError('dpo-reference', 'reference cache: expected a cacheKey beside cacheFile, got none');
  }
  if (reference === 'base' && options.allowBaseReference !== true && (await hasActiveAdapter(model))) {
    throw new TuneError(
      'dpo-reference',
      'reference: expected the starting adapter, frozen; got the raw base under a policy that starts from an adapter',
      { hint: 'use the starting adapter as reference, or allow the base as reference explicitly' },
    );
  }
  if (cacheFile !== undefined) {
    const cached = await readCache(cacheFile, cacheKey!, data.length);
    if (cached !== null) return cached;
  }
  const switchedOff = reference === 'base' ? switchOffAdapters(model) : [];
  try {
    const result = await scorePairs(options);
    if (cacheFile !== undefined) await writeCache(cacheFile, cacheKey!, result);
    return result;
  } finally {
    for (const { delta, scaling } of switchedOff) delta.scaling = scaling;
  }
}

export interface StartCheckOptions {
  readonly model: LanguageModel;
  readonly data: Dataset<PreferencePair>;
  readonly references: ReferenceLogProbs;
  readonly reference: ReferenceKind;
  /** Pairs compared. Default 16. */
  readonly pairs?: number;
  /** Step memory to use; its own by default. */
  readonly arena?: Arena;
}

/** Largest |policy − reference| per token, in nats, that other batch shapes and rounding can explain. */
const START_TOLERANCE = { f32: 1e-3, bf16: 5e-2 } as const;

/**
 * Before step 1: compares policy and reference where they must agree, and looks at the pairs themselves.
 *
 * @returns sentences for the run's notes; those that begin with "warning:" deserve a `run-warning`
 * @throws TuneError `dpo-start-mismatch` when a `start` reference is not where the policy starts; `dpo-pairs` when no
 *   pair prefers anything
 */
export async function checkDpoStart(options: StartCheckOptions): Promise<readonly string[]> {
  const { model, data, references, arena } = options;
  const notes: string[] = [];
  const count = Math.min(options.pairs ?? 16, data.length);
  const first: Dataset<PreferencePair> = {
    length: count,
    tokensOf: (index) => data.tokensOf(index),
    item: (index) => data.item(index),
  };
  const policy = await scorePairs({ model, data: first, ...(arena === undefined ? {} : { arena }) });
  let largest = 0;
  let largestPerToken = 0;
  for (let p = 0; p < count; p++) {
    const pair = data.item(p);
    for (const [now, before, tokens] of [
      [policy.chosen[p]!, references.chosen[p]!, pair.chosenIds.length],
      [policy.rejected[p]!, references.rejected[p]!, pair.rejectedIds.length],
    ] as const) {
      const difference = Math.abs(now - before);
      // A comparison that NaN fails, so that a broken reference does not pass.
      if (!(difference <= largest)) largest = difference;
      if (!(difference / tokens <= largestPerToken)) largestPerToken = difference / tokens;
    }
  }
  const tolerance = START_TOLERANCE[computeTypeOf(model)];
  if (options.reference === 'start' && !(largestPerToken <= tolerance)) {
    throw new TuneError(
      'dpo-start-mismatch',
      `reference: expected the policy's own log-probabilities at step 0 within ${tolerance} per token, got a difference of ${largestPerToken.toPrecision(3)}`,
      { hint: 'the cached reference belongs to another adapter or model; delete it, or let it be computed again' },
    );
  }
  notes.push(
    `policy and reference at the start: largest difference of a completion's log-probability ${largest.toExponential(2)} over ${count} pairs`,
  );
  notes.push(...inspectPairs(data));
  return notes;
}

/** True when some adapter that is switched on changes the model (its B is not zero). */
async function hasActiveAdapter(model: LanguageModel): Promise<boolean> {
  const { kernels } = model;
  const sum = kernels.allocate('f32', 1);
  for (const { deltas } of model.linears.values()) {
    for (const delta of deltas) {
      if (delta.scaling === 0) continue;
      kernels.sumSquares(sum, delta.b.value, { index: 0, length: delta.b.value.length });
      if ((await kernels.read(sum))[0] !== 0) return true;
    }
  }
  return false;
}

function switchOffAdapters(model: LanguageModel): { delta: LowRankDelta; scaling: number }[] {
  const deltas = [...model.linears.values()].flatMap((linear) => linear.deltas);
  const before = deltas.map((delta) => ({ delta, scaling: delta.scaling }));
  for (const delta of deltas) delta.scaling = 0;
  return before;
}

async function scorePairs(
  options: Pick<ReferenceOptions, 'model' | 'data' | 'maxTokensPerMicroBatch' | 'arena' | 'signal' | 'onEvent'>,
): Promise<ReferenceLogProbs> {
  const { model, data, maxTokensPerMicroBatch } = options;
  const bound = microBatchTokens(data, {
    seed: 0,
    ...(maxTokensPerMicroBatch === undefined ? {} : { maxTokensPerMicroBatch }),
  });
  const order = Int32Array.from({ length: data.length }, (_, i) => i);
  const chosen = new Float64Array(data.length);
  const rejected = new Float64Array(data.length);
  const arena = options.arena ?? createArena(model.kernels);
  let done = 0;
  options.onEvent?.({ type: 'progress', label: 'reference', done, total: data.length, unit: 'pairs' });
  for (const indexes of planMicroBatches(data, order, bound)) {
    options.signal?.throwIfAborted();
    const sequences = Array.from(indexes, (index) => pairSequences(data.item(index))).flat();
    const { logProbs, rowOffsets } = await scoreSequences(model, arena, sequences);
    for (const [p, index] of indexes.entries()) {
      chosen[index] = sumRange(logProbs, rowOffsets[2 * p]!, rowOffsets[2 * p + 1]!);
      rejected[index] = sumRange(logProbs, rowOffsets[2 * p + 1]!, rowOffsets[2 * p + 2]!);
    }
    done += indexes.length;
    options.onEvent?.({ type: 'progress', label: 'reference', done, total: data.length, unit: 'pairs' });
  }
  return { chosen, rejected };
}

interface CacheFile {
  readonly key: string;
  readonly chosen: readonly number[];
  readonly rejected: readonly number[];
}

/** Null when absent, damaged or of other content: then it is computed again. JSON keeps doubles exactly. */
async function readCache(file: string, key: string, length: number): Promise<ReferenceLogProbs | null> {
  if (!existsSync(file)) return null;
  let json: CacheFile;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return null;
  }
  if (json?.key !== key || json.chosen?.length !== length || json.rejected?.length !== length) return null;
  return { chosen: Float64Array.from(json.chosen), rejected: Float64Array.from(json.rejected) };
}

async function writeCache(file: string, key: string, { chosen, rejected }: ReferenceLogProbs): Promise<void> {
  const content: CacheFile = { key, chosen: Array.from(chosen), rejected: Array.from(rejected) };
  await mkdir(path.dirname(file), { recursive: true });
  await writeFileAtomic(file, `${JSON.stringify(content)}\n`);
}
