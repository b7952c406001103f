/**
 * Batched sampling over a key/value cache. Sequences of any length share the batch; a slot that falls free takes the
 * next prompt in the same step (its prefill runs beside the others' decoding). What a sequence says depends on the
 * seed and its own index only, not on its neighbours.
 */
import { setImmediate } from 'node:timers/promises';
import { createRandom, type Random } from '@tuiqiao/tensor';
import { LmError } from '../errors.ts';
import type { CacheEntry, LanguageModel } from '../language-model.ts';
import { Sampler } from './sampler.ts';
import { resolveSampling, type SamplingOptions } from './sampling-options.ts';

/** Prompt tokens read in one step: bounds activation memory when many long prompts arrive at once. */
const MAX_PREFILL_TOKENS = 4096;
const DEFAULT_SLOTS = 64;

export interface GenerateOptions extends SamplingOptions {
  readonly maxNewTokens: number;
  /** Ends a sequence; the id itself is not part of the result. Default: the config's end tokens. */
  readonly stopIds?: readonly number[];
  /** Default 0. */
  readonly seed?: number;
  /** Sequences decoded at the same time. Default 64. */
  readonly slots?: number;
  /**
   * Which tokens may come next (bit v of word ⌊v/32⌋), or null for all. Called before every token. When nothing is
   * allowed, the sequence ends as a `dead-end`. Stop ids need their bit as well.
   */
  readonly mask?: (sequence: number, generated: readonly number[]) => Uint32Array | null;
  /** Ends a sequence as `stop` when it says so of the tokens generated, the newest among them. */
  readonly stopWhen?: (sequence: number, generated: readonly number[]) => boolean;
  /**
   * True when a token must not come although the mask allows it: asked of the token that was drawn, which is then drawn
   * again without it. For what is too costly to ask of every token. `generated` is as at the last `mask`.
   */
  readonly reject?: (sequence: number, generated: readonly number[], id: number) => boolean;
  /**
   * Where the mask takes away at least this share of the model's distribution, a token is drawn from what it took away as
   * well (`refused`). Random numbers of their own: what is written stays the same.
   */
  readonly refusedFrom?: number;
  /** Added to the logits [V] before temperature, or null for nothing; log-probabilities stay the model's own. */
  readonly bias?: (sequence: number, generated: readonly number[]) => Float32Array | null;
  /** What each sequence's random numbers depend on beside the seed. Default: its index. */
  readonly sequenceNames?: readonly string[];
  readonly onToken?: (event: TokenEvent) => void;
  readonly signal?: AbortSignal;
}

export interface TokenEvent {
  readonly type: 'token';
  /** Index of the prompt. */
  readonly sequence: number;
  readonly id: number;
  /** Under the model's own distribution: no mask, penalty or temperature. */
  readonly logProb: number;
  readonly allowedMass: number;
}

export interface GeneratedSequence {
  readonly sequence: number;
  /** New tokens, without the stop token. */
  readonly ids: readonly number[];
  /** Of each of `ids`, and then of the stop token if there was one. */
  readonly logProbs: readonly number[];
  /** Of each of `logProbs`: how much of the model's own distribution the mask left; 1 where nothing was masked. */
  readonly allowedMass: readonly number[];
  /** Of each of `logProbs`: a token the mask did not allow there, or null. Empty without `refusedFrom`. */
  readonly refused: readonly (number | null)[];
  readonly finish: 'stop' | 'length' | 'dead-end';
}

export interface SequenceEnd extends GeneratedSequence {
  readonly type: 'end';
}

interface Running {
  readonly index: number;
  readonly slot: number;
  readonly limit: number;
  readonly random: Random;
  /** Draws what is refused. */
  readonly refusals: Random;
  readonly context: Set<number>;
  readonly counts: Map<number, number>;
  /** Prompt and output. */
  readonly tokens: number[];
  readonly ids: number[];
  readonly logProbs: number[];
  readonly allowedMass: number[];
  readonly refused: (number | null)[];
}

/**
 * Continues every prompt; results are in the order of the prompts.
 * @throws LmError `generation-invalid`; the signal's reason when aborted
 */
export async function generate(
  model: LanguageModel,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
): Promise<GeneratedSequence[]> {
  const results: GeneratedSequence[] = [];
  for await (const event of generateStream(model, prompts, options)) {
    if (event.type === 'end') {
      const { type: _type, ...sequence } = event;
      results[event.sequence] = sequence;
    }
  }
  return results;
}

/**
 * The same as a stream: a `token` for every new token as it is chosen, an `end` for every sequence.
 * @throws as `generate`
 */
export async function* generateStream(
  model: LanguageModel,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
): AsyncGenerator<TokenEvent | SequenceEnd> {
  const sampler = new Sampler(model.config.vocabSize, resolveSampling(options));
  const stopIds = new Set(options.stopIds ?? model.config.eosTokenIds);
  const limits = prompts.map((prompt) => tokenLimit(model, prompt, options.maxNewTokens));
  if (prompts.length === 0) return;
  const slots = Math.min(options.slots ?? DEFAULT_SLOTS, prompts.length);
  const capacity = prompts.reduce((most, prompt, i) => Math.max(most, prompt.length + limits[i]!), 0);
  const cache = model.createCache(slots, capacity);
  const seeds = createRandom(options.seed ?? 0);
  const free = Array.from({ length: slots }, (_, i) => slots - 1 - i);
  let running: Running[] = [];
  let next = 0;

  while (running.length > 0 || next < prompts.length) {
    options.signal?.throwIfAborted();
    const entries: CacheEntry[] = running.map(({ slot, ids }) => ({ slot, ids: [ids.at(-1)!] }));
    let prefillTokens = 0;
    while (free.length > 0 && next < prompts.length) {
      const ids = prompts[next]!;
      if (prefillTokens > 0 && prefillTokens + ids.length > MAX_PREFILL_TOKENS) break;
      prefillTokens += ids.length;
      const slot = free.pop()!;
      entries.push({ slot, ids });
      const name = options.sequenceNames?.[next] ?? `sequence ${next}`;
      running.push({
        index: next,
        slot,
        limit: limits[next]!,
        random: seeds.fork(name),
        refusals: seeds.fork(`${name} refused`),
        context: new Set(ids),
        counts: new Map(),
        tokens: [...ids],
        ids: [],
        logProbs: [],
        allowedMass: [],
        refused: [],
      });
      next++;
    }
    const logits = await model.extend(cache, entries); // [B, V]
    const events: (TokenEvent | SequenceEnd)[] = [];
    running = running.filter((sequence, row) => {
      const finish = takeToken(model, sampler, sequence, row, logits, stopIds, options, events);
      if (finish === null) return true;
      const { index, ids, logProbs, allowedMass, refused, slot } = sequence;
      events.push({ type: 'end', sequence: index, ids, logProbs, allowedMass, refused, finish });
      cache.lengths[slot] = 0;
      free.push(slot);
      return false;
    });
    yield* events;
    // Host kernels run on this thread: without a turn of the event loop no signal could ever arrive.
    await setImmediate();
  }
}

/** Chooses the sequence's next token; returns why it is finished, or null. */
function takeToken(
  model: LanguageModel,
  sampler: Sampler,
  sequence: Running,
  row: number,
  logits: Float32Array,
  stopIds: ReadonlySet<number>,
  options: GenerateOptions,
  events: (TokenEvent | SequenceEnd)[],
): GeneratedSequence['finish'] | null {
  const { index, ids, logProbs, allowedMass, context, counts, tokens, random, limit } = sequence;
  const V = model.config.vocabSize;
  const mask = options.mask?.(index, ids) ?? null;
  const bias = options.bias?.(index, ids) ?? null;
  const own = logits.subarray(row * V, (row + 1) * V);
  let choice = sampler.choose(own, mask, sequence, random.uniform, bias);
  if (choice !== null && options.reject?.(index, ids, choice.id)) {
    const left = mask === null ? new Uint32Array((V + 31) >>> 5).fill(0xffff_ffff) : mask.slice();
    do {
      left[choice.id >>> 5]! &= ~(1 << (choice.id & 31));
      choice = sampler.choose(own, left, sequence, random.uniform, bias);
    } while (choice !== null && options.reject(index, ids, choice.id));
  }
  if (choice === null) return 'dead-end';
  logProbs.push(choice.logProb);
  allowedMass.push(choice.allowedMass);
  if (options.refusedFrom !== undefined) {
    const isDrawn = mask !== null && 1 - choice.allowedMass >= options.refusedFrom;
    const drawn = isDrawn ? sampler.choose(own, complementOf(mask), sequence, sequence.refusals.uniform) : null;
    sequence.refused.push(drawn?.id ?? null);
  }
  if (stopIds.has(choice.id)) return 'stop';
  ids.push(choice.id);
  tokens.push(choice.id);
  context.add(choice.id);
  counts.set(choice.id, (counts.get(choice.id) ?? 0) + 1);
  const event: TokenEvent = { type: 'token', sequence: index, ...choice };
  options.onToken?.(event);
  events.push(event);
  if (options.stopWhen?.(index, ids) === true) return 'stop';
  return ids.length >= limit ? 'length' : null;
}

function complementOf(mask: Uint32Array): Uint32Array {
  return mask.map((word) => ~word);
}

function tokenLimit(model: LanguageModel, prompt: readonly number[], maxNewTokens: number): number {
  if (!Number.isInteger(maxNewTokens) || maxNewTokens < 1) {
    throw new LmError('generation-invalid', `generate: expected maxNewTokens ≥ 1, got ${maxNewTokens}`);
  }
  const room = model.config.maxPositions - prompt.length;
  if (prompt.length === 0 || room < 1) {
    throw new LmError(
      'generation-invalid',
      `generate: expected a prompt of 1 to ${model.config.maxPositions - 1} tokens, got ${prompt.length}`,
    );
  }
  return Math.min(maxNewTokens, room);
}
