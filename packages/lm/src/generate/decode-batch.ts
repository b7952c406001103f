/**
 * Sequences that are decoded together, one token each a step, over the slots of one key/value cache. Sequences may join
 * and leave between steps; a new one's prompt is read in the same step in which the others go on.
 */
import {
  createRandom,
  type DeviceBuffer,
  type Random,
  type SamplingSettings,
  type TokenChoice,
  type TokenRequest,
} from '@tuiqiao/tensor';
import { LmError } from '../errors.ts';
import type { CacheEntry, KeyValueCache, LanguageModel } from '../language-model.ts';
import type { GeneratedSequence, GenerateOptions, SequenceEnd, TokenEvent } from './generate.ts';
import { type ResolvedSampling, resolveSampling } from './sampling-options.ts';
import { repeatingIds } from './token-history.ts';
import { type RankedToken, topTokens } from './top-tokens.ts';

/** Prompt tokens read in one step: bounds activation memory when many long prompts arrive at once. */
const MAX_PREFILL_TOKENS = 4096;

/** One sequence as it is asked for: made by `createSequences`, given to `DecodeBatch.add`. */
export interface BatchSequence {
  readonly index: number;
  readonly prompt: readonly number[];
  /** New tokens at most. */
  readonly limit: number;
  readonly sampling: ResolvedSampling;
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
  const sampling = resolveSampling(options);
  const stopIds = new Set(options.stopIds ?? model.config.eosTokenIds);
  const seeds = createRandom(options.seed ?? 0);
  return prompts.map((prompt, index) => {
    const name = options.sequenceNames?.[index] ?? `sequence ${index}`;
    return {
      index,
      prompt,
      limit: tokenLimit(model, prompt, options.maxNewTokens),
      sampling,
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
  /** Slots of those removed while the model is at work, which still reads and writes there; null between steps. */
  #leaving: number[] | null = null;
  /** Prompts of those that joined since the last step. */
  #prefillTokens = 0;

  /** @param capacity tokens a sequence may come to, prompt and output; memory is taken as they come */
  constructor(model: LanguageModel, slots: number, capacity: number) {
    this.#model = model;
    this.#cache = model.createCache(slots, capacity);
    this.#free = Array.from({ length: slots }, (_, i) => slots - 1 - i);
  }

  get size(): number {
    return this.#running.length;
  }

  /** Lets all sequences go; nothing may be added afterwards. */
  close(): void {
    this.#running = [];
    this.#cache.free();
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
    const { entries, rows } = planStep(running);
    this.#prefillTokens = 0;
    const logits = await this.#extend(entries); // [entries, V]
    for (const [i, sequence] of running.entries()) this.#takePrompt(sequence, entries[rows[i]!]!.slot);
    this.#freeSlots();
    const draws = running.map((sequence, i) => new Draw(sequence, rows[i]!));
    // Removed while the model was at work.
    const left = draws.filter(({ sequence }) => this.#running.includes(sequence));
    await drawTokens(this.#model, logits, left);
    const events: BatchEvent[] = [];
    for (const draw of left) {
      const { sequence } = draw;
      if (!this.#running.includes(sequence)) continue;
      const { asked, ids, logProbs, allowedMass, refused } = sequence;
      const finish = await takeToken(this.#model, draw, logits, events);
      if (finish === null) continue;
      const end: SequenceEnd = { type: 'end', sequence: asked.index, ids, logProbs, allowedMass, refused, finish };
      events.push({ of: asked, event: end });
      this.#release(sequence);
    }
    return events;
  }

  async #extend(entries: readonly CacheEntry[]): Promise<DeviceBuffer> {
    this.#leaving = [];
    try {
      return await this.#model.extendInPlace(this.#cache, entries);
    } catch (error) {
      this.#freeSlots();
      throw error;
    }
  }

  /** Keys and values of its prompt, where they were made in another's slot, who may have been removed meanwhile. */
  #takePrompt(sequence: Running, from: number): void {
    if (sequence.slot === from || !this.#running.includes(sequence)) return;
    this.#cache.copySlot(from, sequence.slot, sequence.asked.prompt.length);
  }

  #release(gone: Running): void {
    const { slot } = gone;
    this.#running = this.#running.filter((sequence) => sequence !== gone);
    if (this.#leaving === null) this.#freeSlot(slot);
    else this.#leaving.push(slot);
  }

  #freeSlots(): void {
    const leaving = this.#leaving ?? [];
    this.#leaving = null;
    for (const slot of leaving) this.#freeSlot(slot);
  }

  #freeSlot(slot: number): void {
    this.#cache.truncate(slot, 0);
    this.#free.push(slot);
  }
}

/**
 * What the model reads: the newest token of each sequence, and the prompts of those that are new. One that several new ones
 * have in common is read once. `rows`: of each sequence, the entry whose logits are its own.
 */
function planStep(running: readonly Running[]): { readonly entries: CacheEntry[]; readonly rows: number[] } {
  const entries: CacheEntry[] = [];
  const known = new Map<string, number>();
  const rows = running.map(({ slot, ids, asked }) => {
    const newest = ids.at(-1);
    if (newest !== undefined) return entries.push({ slot, ids: [newest] }) - 1;
    const key = asked.prompt.join(' ');
    const row = known.get(key) ?? entries.push({ slot, ids: asked.prompt }) - 1;
    known.set(key, row);
    return row;
  });
  return { entries, rows };
}

/** The drawing of one sequence's next token. */
class Draw {
  readonly sequence: Running;
  /** Of the logits. */
  readonly row: number;
  /** What the options' callbacks said of this place. */
  readonly mask: Uint32Array | null;
  readonly #bias: Float32Array | null;
  readonly #banned: ReadonlySet<number>;
  choice: TokenChoice = { id: null, logProb: Number.NaN, allowedMass: 1 };
  refused: number | null = null;

  constructor(sequence: Running, row: number) {
    const { options, sampling, index } = sequence.asked;
    this.sequence = sequence;
    this.row = row;
    // Copied: a caller may fill the same words for its next sequence.
    this.mask = options.mask?.(index, sequence.ids)?.slice() ?? null;
    this.#bias = options.bias?.(index, sequence.ids) ?? null;
    const size = sampling.noRepeatNgramSize;
    this.#banned = size > 0 ? repeatingIds(sequence.tokens, size) : new Set();
  }

  request(mask: Uint32Array | null, random: Random, bias: Float32Array | null = this.#bias): TokenRequest {
    const { context, counts, asked } = this.sequence;
    const settings: SamplingSettings = asked.sampling;
    const uniform = settings.temperature === 0 ? 0 : random.uniform();
    return { row: this.row, settings, uniform, mask, bias, context, counts, banned: this.#banned };
  }

  /** The last choice must not come after all. */
  get isRejected(): boolean {
    const { options, index } = this.sequence.asked;
    const { id } = this.choice;
    return id !== null && options.reject?.(index, this.sequence.ids, id) === true;
  }
}

/**
 * Draws a token for each, those that are rejected anew without what was rejected, and where it is asked for one of those
 * that the mask took away.
 * @param logits [B, V]
 */
async function drawTokens(model: LanguageModel, logits: DeviceBuffer, draws: readonly Draw[]): Promise<void> {
  const { kernels, config } = model;
  const sizes = { V: config.vocabSize };
  const masks = new Map(draws.map((draw) => [draw, draw.mask]));
  for (let pending = draws; pending.length > 0; ) {
    const requests = pending.map((draw) => draw.request(masks.get(draw) ?? null, draw.sequence.asked.random));
    const choices = await kernels.chooseTokens(logits, requests, sizes);
    for (const [i, draw] of pending.entries()) draw.choice = choices[i]!;
    if (choices.some(({ logProb }) => Number.isNaN(logProb))) {
      throw new LmError('generation-invalid', 'generate: expected finite logits, got NaN or infinity');
    }
    pending = pending.filter((draw) => draw.isRejected);
    for (const draw of pending) {
      const id = draw.choice.id!;
      const mask = masks.get(draw)?.slice() ?? new Uint32Array((sizes.V + 31) >>> 5).fill(0xffff_ffff);
      mask[id >>> 5]! &= ~(1 << (id & 31));
      masks.set(draw, mask);
    }
  }
  const refusing = draws.filter(({ sequence, mask, choice }) => {
    const { refusedFrom } = sequence.asked.options;
    return refusedFrom !== undefined && mask !== null && choice.id !== null && 1 - choice.allowedMass >= refusedFrom;
  });
  const requests = refusing.map((draw) => draw.request(complementOf(draw.mask!), draw.sequence.asked.refusals, null));
  const refused = await kernels.chooseTokens(logits, requests, sizes);
  for (const [i, draw] of refusing.entries()) draw.refused = refused[i]!.id;
}

/**
 * Adds the token that was drawn to its sequence; returns why that is finished, or null.
 * @param logits [B, V]
 */
async function takeToken(
  model: LanguageModel,
  { sequence, row, choice, refused }: Draw,
  logits: DeviceBuffer,
  events: BatchEvent[],
): Promise<GeneratedSequence['finish'] | null> {
  const { asked, ids, logProbs, allowedMass, context, counts, tokens } = sequence;
  const { index, options, stopIds, limit } = asked;
  const { id, logProb } = choice;
  if (id === null) return 'dead-end';
  logProbs.push(logProb);
  allowedMass.push(choice.allowedMass);
  if (options.refusedFrom !== undefined) sequence.refused.push(refused);
  if (stopIds.has(id)) return 'stop';
  ids.push(id);
  tokens.push(id);
  context.add(id);
  counts.set(id, (counts.get(id) ?? 0) + 1);
  const top: { top?: readonly RankedToken[] } = {};
  if (options.topLogProbs !== undefined) {
    const V = model.config.vocabSize;
    const values = await model.kernels.read(logits.view(row * V, V));
    top.top = topTokens(values, options.topLogProbs, values[id]! - logProb);
  }
  const event: TokenEvent = { type: 'token', sequence: index, id, logProb, allowedMass: choice.allowedMass, ...top };
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
