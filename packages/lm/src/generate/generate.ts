/**
 * Batched sampling over a key/value cache. Sequences of any length share the batch; a slot that falls free takes the
 * next prompt in the same step (its prefill runs beside the others' decoding). What a sequence says depends on the
 * seed and its own index only, not on its neighbours.
 */
import { setImmediate } from 'node:timers/promises';
import type { LanguageModel } from '../language-model.ts';
import { createSequences, DecodeBatch } from './decode-batch.ts';
import type { SamplingOptions } from './sampling-options.ts';
import type { RankedToken } from './top-tokens.ts';

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
  /** How many of the likeliest tokens every `token` event tells as `top`. Default: none. */
  readonly topLogProbs?: number;
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
  /** The likeliest tokens at this place, best first, with `topLogProbs`. */
  readonly top?: readonly RankedToken[];
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
  const sequences = createSequences(model, prompts, options);
  if (sequences.length === 0) return;
  const slots = Math.min(options.slots ?? DEFAULT_SLOTS, sequences.length);
  const capacity = sequences.reduce((most, { prompt, limit }) => Math.max(most, prompt.length + limit), 0);
  const batch = new DecodeBatch(model, slots, capacity);
  let next = 0;
  try {
    while (batch.size > 0 || next < sequences.length) {
      options.signal?.throwIfAborted();
      while (next < sequences.length && batch.add(sequences[next]!)) next++;
      for (const { event } of await batch.step()) yield event;
      // Host kernels run on this thread: without a turn of the event loop no signal could ever arrive.
      await setImmediate();
    }
  } finally {
    batch.close();
  }
}
