/**
 * Request → prompt → (constrained) decoding → text → verdict → novelty, for any number of requests in one batch. With
 * constraints a poem that breaks its form is never returned: it is written again, and given up after the last attempt.
 */
import type { LineIndex } from '@tuiqiao/corpus';
import {
  type GenerateOptions,
  generateStream,
  type LanguageModel,
  type SamplingOptions,
  type Tokenizer,
} from '@tuiqiao/lm';
import type { Language, Verdict } from '@tuiqiao/prosody';
import { createPoemConstraint, type PoemConstraint } from './constraint.ts';
import { judge } from './judge-poem.ts';
import type { Novelty } from './novelty.ts';
import type { PoemScore } from './poem-score.ts';
import type { WritingRequest } from './request-plan.ts';
import { searchPoems } from './search-poems.ts';
import { loadTokenInventory, type TokenInventory } from './token-inventory.ts';
import { copyGuard, type Job, leaningOf, prepareJobs, tokenLimit } from './writing-jobs.ts';

export interface WritePoemsOptions {
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
  readonly requests: readonly WritingRequest[];
  /** Hold the decoder to the form. Forms without an automaton (古) are written freely. */
  readonly isConstrained: boolean;
  /** Each request's poem depends on this and its own place in the list only: not on how many are written at a time. */
  readonly seed: number;
  readonly sampling?: SamplingOptions;
  /** Beam search instead of drawing: the likeliest poems of each distinct request, as many as it stands in the list. */
  readonly beams?: BeamSettings;
  /** Default 256; a constrained poem gets as many as its form can need. */
  readonly maxNewTokens?: number;
  /** Tries before a constrained poem is given up. Default 8. */
  readonly attempts?: number;
  /** Poems written at the same time. Default 64. */
  readonly slots?: number;
  /** Where copies are looked up; without it novelty is not judged. */
  readonly lineIndexes?: readonly LineIndex[];
  /**
   * No line of an index is written: with constraints its last character is drawn again, without them the poem is written
   * again, and the last attempt is kept with its copies named. Lines that were given may be anybody's.
   */
  readonly rejectsCopies?: boolean;
  /**
   * No so many characters in a row (3 … 9) of a line stand inside one line of an index: with constraints the last of them is
   * drawn again, without them the poem is written again. Characters that were given may be anybody's.
   */
  readonly forbiddenNgram?: number;
  /** Where the form takes away at least this share of the model's choice, what the model would have written is drawn too. */
  readonly refusedFrom?: number;
  /** The vocabulary, when it is at hand already: working it out takes a moment for large ones. */
  readonly tokens?: TokenInventory;
  /** Of the verdicts' sentences. Default Chinese. */
  readonly language?: Language;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** As transformers has it: `num_beams`, `num_beam_groups`, `diversity_penalty`. */
export interface BeamSettings {
  readonly numBeams: number;
  /** Groups of beams that keep away from what the groups before them write (diverse beam search). Default 1. */
  readonly numBeamGroups?: number;
  /** Nats that a token loses for each beam of an earlier group that took it in the same place. Default 0. */
  readonly diversityPenalty?: number;
}

export interface WrittenPoem {
  readonly request: WritingRequest;
  /** Traditional, with the layout of the corpus. */
  readonly text: string;
  /** Of the whole text under the model's own distribution, in nats; of 联 that of the lower line. */
  readonly logProb: number;
  /** The tokens as they were drawn, without the end. */
  readonly ids: readonly number[];
  /** Of each token, the end included: share of the model's own distribution that the form left open; 1 when written freely, empty when beams searched. */
  readonly allowedMass: readonly number[];
  /** Of each of these tokens: one the form does not allow there, drawn from the model; null elsewhere. See `refusedFrom`; empty when beams searched. */
  readonly refused: readonly (number | null)[];
  readonly tokens: number;
  readonly verdict: Verdict;
  readonly novelty: Novelty | null;
  readonly score: PoemScore;
  readonly seed: number;
  /** Which attempt this is, from 1. */
  readonly attempts: number;
  /** False when the last attempt still broke the form (constrained), or the text did not end. */
  readonly isAccepted: boolean;
}

/** A line of a constrained poem as soon as it is written. A later attempt begins again at line 1. */
export interface LineEvent {
  readonly type: 'line';
  /** Place of the request in the list. */
  readonly index: number;
  readonly attempt: number;
  /** From 1; lines of ci end at 韵, 句 and 读. */
  readonly line: number;
  readonly text: string;
}

/** A poem that is done: accepted, or given up (`isAccepted` is false). */
export interface PoemEvent {
  readonly type: 'poem';
  readonly index: number;
  readonly poem: WrittenPoem;
}

const DEFAULT_ATTEMPTS = 8;

/**
 * The poem of each request, in the order of the requests.
 * @throws VerseError `verse-request`, before anything is written, when a request cannot be satisfied
 */
export async function writePoems(options: WritePoemsOptions): Promise<WrittenPoem[]> {
  const written: WrittenPoem[] = [];
  let done = 0;
  for await (const event of writePoemsStream(options)) {
    if (event.type !== 'poem') continue;
    written[event.index] = event.poem;
    options.onProgress?.(++done, options.requests.length);
  }
  return written;
}

/** The same as a stream: lines as they are written (when they are drawn), poems as they are done, in no order. @throws as `writePoems` */
export async function* writePoemsStream(options: WritePoemsOptions): AsyncGenerator<LineEvent | PoemEvent> {
  const { isConstrained, rejectsCopies = false, forbiddenNgram = Number.POSITIVE_INFINITY } = options;
  const isGuarded = isConstrained || rejectsCopies || options.forbiddenNgram !== undefined;
  const attempts = isGuarded ? (options.attempts ?? DEFAULT_ATTEMPTS) : 1;
  const tokens = isConstrained ? (options.tokens ?? loadTokenInventory(options.tokenizer)) : null;
  let open = prepareJobs(options, tokens);
  if (options.beams !== undefined) {
    yield* searchPoems(options, open, tokens);
    return;
  }
  for (let attempt = 1; attempt <= attempts && open.length > 0; attempt++) {
    const failed: Job[] = [];
    for await (const event of writeOnce(options, open, tokens, attempt)) {
      if (event.type === 'line') {
        yield event;
        continue;
      }
      const { job, poem } = event;
      // What is written under the rules is guarded character by character.
      const isCopy =
        job.automaton === null &&
        ((rejectsCopies && (poem.novelty?.copiedLines.length ?? 0) > 0) ||
          (poem.novelty?.longestSharedNgram ?? 0) >= forbiddenNgram);
      if (attempt < attempts && (!poem.isAccepted || isCopy)) failed.push(job);
      else yield { type: 'poem', index: job.index, poem };
    }
    open = failed.sort((a, b) => a.index - b.index);
  }
}

/** Every open poem once. */
async function* writeOnce(
  options: WritePoemsOptions,
  jobs: readonly Job[],
  tokens: TokenInventory | null,
  attempt: number,
): AsyncGenerator<LineEvent | { readonly type: 'sequence'; readonly job: Job; readonly poem: WrittenPoem }> {
  const { tokenizer } = options;
  const lines: LineEvent[] = [];
  const constraints = jobs.map((job): PoemConstraint | null =>
    job.automaton === null || tokens === null
      ? null
      : createPoemConstraint(job.automaton, tokens, {
          ...copyGuard(options, job.request),
          onLine: (text, line) => lines.push({ type: 'line', index: job.index, attempt, line, text }),
        }),
  );
  const masks: (Uint32Array | null)[] = jobs.map(() => null);
  const generation: GenerateOptions = {
    ...options.sampling,
    maxNewTokens: tokenLimit(options, jobs, tokens),
    ...(tokenizer.eosTokenId === null ? {} : { stopIds: [tokenizer.eosTokenId] }),
    seed: options.seed,
    sequenceNames: jobs.map(({ index }) => `poem ${index} attempt ${attempt}`),
    mask: (sequence, generated) => {
      masks[sequence] = constraints[sequence]?.mask(generated) ?? null;
      return masks[sequence];
    },
    reject: (sequence, _generated, id) => constraints[sequence]?.rejects(id) ?? false,
    bias: (sequence) => leaningOf(jobs[sequence]!, constraints[sequence] ?? null, masks[sequence]!),
    ...(options.refusedFrom === undefined ? {} : { refusedFrom: options.refusedFrom }),
    ...(options.slots === undefined ? {} : { slots: options.slots }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  const prompts = jobs.map(({ prompt }) => prompt);
  for await (const event of generateStream(options.model, prompts, generation)) {
    yield* lines.splice(0);
    if (event.type !== 'end') continue;
    const job = jobs[event.sequence]!;
    yield { type: 'sequence', job, poem: judge(options, job, event, attempt) };
  }
}
