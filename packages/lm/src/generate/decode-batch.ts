/**
 * Sequences that are decoded together, one token each a step, over the slots of one key/value cache. Sequences may join
 * and leave between steps; a new one's prompt is read in the same step in which the others go on.
 */
import { createRandom, type Random } from '@tuiqiao/tensor';
import { LmError } from '../errors.ts';
import type { CacheEntry, KeyValueCache, LanguageModel } from '../language-model.ts';
import type { GeneratedSequence, GenerateOptions, SequenceEnd, TokenEvent } from './generate.ts';
import { Sampler } from './sampler.ts';
import { resolveSampling } from './sampling-options.ts';
import { type RankedToken, topTokens } from './top-tokens.ts';

/** Prompt tokens read in one step: bounds activation memory when many long prompts arrive at once. */
const MAX_PREFILL_TOKENS = 4096;

/** One sequence as it is asked for: made by `createSequences`, given to `DecodeBatch.add`. */
export interface BatchSequence {
  readonly index: number;
  readonly prompt: readonly number[];
  /** New tokens at most. */
  readonly limit: number;
  readonly sampler: Sampler;
  readonly random: Random;
  /** Draws what is refused. */
  readonly refusals: Random;
  readonly stopIds: ReadonlySet<number>;
  readonly options: GenerateOptions;
}

/** What happened to a sequence in one step. */
export interface BatchEvent {
  readonly of: BatchSequence;
  readonly event: TokenEvent | SequenceEnd;
}

interface Running {
  readonly asked: BatchSequence;
  readonly slot: number;
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
 * The sequences of one call: equal options, each with random numbers of its own.
 * @throws LmError `generation-invalid` for an option or a prompt that the model cannot take
 */
export function createSequences(
  model: LanguageModel,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
): BatchSequence[] {
  const sampler = new Sampler(model.config.vocabSize, resolveSampling(options));
  const stopIds = new Set(options.stopIds ?? model.config.eosTokenIds);
  const seeds = createRandom(options.seed ?? 0);
  return prompts.map((prompt, index) => {
    const name = options.sequenceNames?.[index] ?? `sequence ${index}`;
    return {
      index,
      prompt,
      limit: tokenLimit(model, prompt, options.maxNewTokens),
      sampler,
      random: seeds.fork(name),
      refusals: seeds.fork(`${name} refused`),
      stopIds,
      options,
    };
  });
}

export class DecodeBatch {
  readonly #model: LanguageModel;
  readonly #cache: KeyValueCache;
  readonly #free: number[];
  #running: Running[] = [];
  /** Prompts of those that joined since the last step. */
  #prefillTokens = 0;

  /** @param capacity tokens a slot holds, prompt and output */
  constructor(model: LanguageModel, slots: number, capacity: number) {
    this.#model = model;
    this.#cache = model.createCache(slots, capacity);
    this.#free = Array.from({ length: slots }, (_, i) => slots - 1 - i);
  }

  get size(): number {
    return this.#running.length;
  }

  /** Tokens a slot holds. */
  get capacity(): number {
    return this.#cache.capacity;
  }

  /** False when it must wait: no slot is free, or the next step reads enough prompts already. */
  add(asked: BatchSequence): boolean {
    const { prompt } = asked;
    if (this.#free.length === 0) return false;
    if (this.#prefillTokens > 0 && this.#prefillTokens + prompt.length > MAX_PREFILL_TOKENS) return false;
    this.#prefillTokens += prompt.length;
    this.#running.push({
      asked,
      slot: this.#free.pop()!,
      context: new Set(prompt),
      counts: new Map(),
      tokens: [...prompt],
      ids: [],
      logProbs: [],
      allowedMass: [],
      refused: [],
    });
    return true;
  }

  /** Lets a sequence go between steps; one that has ended already is no matter. */
  remove(asked: BatchSequence): void {
    const found = this.#running.find((sequence) => sequence.asked === asked);
    if (found !== undefined) this.#release(found);
  }

  /** One token for every sequence. */
  async step(): Promise<BatchEvent[]> {
    const running = this.#running;
    const entries = running.map(({ slot, ids, asked }): CacheEntry => {
      const newest = ids.at(-1);
      return { slot, ids: newest === undefined ? asked.prompt : [newest] };
    });
    this.#prefillTokens = 0;
    const logits = await this.#model.extend(this.#cache, entries); // [B, V]
    const V = this.#model.config.vocabSize;
    const events: BatchEvent[] = [];
    for (const [row, sequence] of running.entries()) {
      // Removed while the model was at work.
      if (!this.#running.includes(sequence)) continue;
      const { asked, ids, logProbs, allowedMass, refused } = sequence;
      const finish = takeToken(sequence, logits.subarray(row * V, (row + 1) * V), events);
      if (finish === null) continue;
      const end: SequenceEnd = { type: 'end', sequence: asked.index, ids, logProbs, allowedMass, refused, finish };
      events.push({ of: asked, event: end });
      this.#release(sequence);
    }
    return events;
  }

  #release(gone: Running): void {
    const { slot } = gone;
    this.#running = this.#running.filter((sequence) => sequence !== gone);
    this.#cache.lengths[slot] = 0;
    this.#free.push(slot);
  }
}

/**
 * Chooses the sequence's next token; returns why it is finished, or null.
 * @param logits [V] of this sequence
 */
function takeToken(sequence: Running, logits: Float32Array, events: BatchEvent[]): GeneratedSequence['finish'] | null {
  const { asked, ids, logProbs, allowedMass, context, counts, tokens } = sequence;
  const { index, options, sampler, random, stopIds, limit } = asked;
  const mask = options.mask?.(index, ids) ?? null;
  const bias = options.bias?.(index, ids) ?? null;
  let choice = sampler.choose(logits, mask, sequence, random.uniform, bias);
  if (choice !== null && options.reject?.(index, ids, choice.id)) {
    const left = mask === null ? new Uint32Array((logits.length + 31) >>> 5).fill(0xffff_ffff) : mask.slice();
    do {
      left[choice.id >>> 5]! &= ~(1 << (choice.id & 31));
      choice = sampler.choose(logits, left, sequence, random.uniform, bias);
    } while (choice !== null && options.reject(index, ids, choice.id));
  }
  if (choice === null) return 'dead-end';
  logProbs.push(choice.logProb);
  allowedMass.push(choice.allowedMass);
  if (options.refusedFrom !== undefined) {
    const isDrawn = mask !== null && 1 - choice.allowedMass >= options.refusedFrom;
    const drawn = isDrawn ? sampler.choose(logits, complementOf(mask), sequence, asked.refusals.uniform) : null;
    sequence.refused.push(drawn?.id ?? null);
  }
  if (stopIds.has(choice.id)) return 'stop';
  ids.push(choice.id);
  tokens.push(choice.id);
  context.add(choice.id);
  counts.set(choice.id, (counts.get(choice.id) ?? 0) + 1);
  const top: { top?: readonly RankedToken[] } =
    options.topLogProbs === undefined
      ? {}
      : { top: topTokens(logits, options.topLogProbs, logits[choice.id]! - choice.logProb) };
  const event: TokenEvent = { type: 'token', sequence: index, ...choice, ...top };
  options.onToken?.(event);
  events.push({ of: asked, event });
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
