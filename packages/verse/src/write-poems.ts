/**
 * Request → prompt → (constrained) decoding → text → verdict → novelty, for any number of requests in one batch. With
 * constraints a poem that breaks its form is never returned: it is written again, and given up after the last attempt.
 */
import type { LineIndex } from '@tuiqiao/corpus';
import {
  type GeneratedSequence,
  type GenerateOptions,
  generateStream,
  type LanguageModel,
  type SamplingOptions,
  type Tokenizer,
} from '@tuiqiao/lm';
import { check, type PoemAutomaton, type Verdict } from '@tuiqiao/prosody';
import {
  createPoemConstraint,
  type PoemConstraint,
  type PoemConstraintOptions,
  withStanzaBreaks,
} from './constraint.ts';
import { placeEmbedded } from './embed-characters.ts';
import { VerseError } from './errors.ts';
import { type Novelty, noveltyOf } from './novelty.ts';
import { createParallelBias, type ParallelBias } from './parallel-bias.ts';
import { type PoemScore, scorePoem } from './poem-score.ts';
import { promptIdsFor } from './prompt.ts';
import { compileRequest, hasAutomaton, type WritingRequest } from './request-plan.ts';
import { createRhymeBias, type RhymeBias } from './rhyme-bias.ts';
import { createTokenInventory, type TokenInventory } from './token-inventory.ts';

export interface WritePoemsOptions {
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
  readonly requests: readonly WritingRequest[];
  /** Hold the decoder to the form. Forms without an automaton (古) are written freely. */
  readonly isConstrained: boolean;
  /** Each request's poem depends on this and its own place in the list only: not on how many are written at a time. */
  readonly seed: number;
  readonly sampling?: SamplingOptions;
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
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface WrittenPoem {
  readonly request: WritingRequest;
  /** Traditional, with the layout of the corpus. */
  readonly text: string;
  /** Of the whole text under the model's own distribution, in nats. */
  readonly logProb: number;
  /** The tokens as they were drawn, without the end. */
  readonly ids: readonly number[];
  /** Of each token, the end included: share of the model's own distribution that the form left open; 1 when written freely. */
  readonly allowedMass: readonly number[];
  /** Of each of these tokens: one the form does not allow there, drawn from the model; null elsewhere. See `refusedFrom`. */
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
const DEFAULT_MAX_TOKENS = 256;
/** A character has at most so many bytes, and a token at least one. */
const MAX_TOKENS_PER_CHARACTER = 4;

/** One poem to be written. */
interface Job {
  readonly index: number;
  readonly request: WritingRequest;
  readonly prompt: readonly number[];
  readonly automaton: PoemAutomaton | null;
  /** What leans the model beside the mask. */
  readonly leanings: { readonly parallel: ParallelBias | null; readonly rhyme: RhymeBias | null } | null;
}

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

/** The same as a stream: lines as they are written, poems as they are done, in no order. @throws as `writePoems` */
export async function* writePoemsStream(options: WritePoemsOptions): AsyncGenerator<LineEvent | PoemEvent> {
  const { isConstrained, rejectsCopies = false, forbiddenNgram = Number.POSITIVE_INFINITY } = options;
  const isGuarded = isConstrained || rejectsCopies || options.forbiddenNgram !== undefined;
  const attempts = isGuarded ? (options.attempts ?? DEFAULT_ATTEMPTS) : 1;
  const tokens = isConstrained ? (options.tokens ?? createTokenInventory(options.tokenizer)) : null;
  let open = prepareJobs(options, tokens);
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

/** One automaton per distinct request: hundreds of poems usually share a few. */
function prepareJobs(options: WritePoemsOptions, tokens: TokenInventory | null): Job[] {
  const known = new Map<string, Pick<Job, 'automaton' | 'leanings'>>();
  return options.requests.map((asked, index) => {
    const prompt = promptIdsFor(options.tokenizer, asked);
    if (tokens === null || !hasAutomaton(asked))
      return { index, request: asked, prompt, automaton: null, leanings: null };
    const request = placeEmbedded(asked, tokens, options.seed, `embedded ${index}`);
    const { title: _title, theme: _theme, author: _author, dynasty: _dynasty, ...shape } = request;
    const key = JSON.stringify(shape);
    let held = known.get(key);
    if (held === undefined) {
      const automaton = compileRequest(request, tokens);
      const parallel = createParallelBias(tokens, request, automaton.lineCount);
      held = { automaton, leanings: { parallel, rhyme: createRhymeBias(tokens, request) } };
      known.set(key, held);
    }
    requireRoom(options.model, prompt.length, held.automaton!);
    return { index, request, prompt, ...held };
  });
}

/** A poem that the model's window cannot hold would fail at every attempt. */
function requireRoom(model: LanguageModel, promptLength: number, { length }: PoemAutomaton): void {
  const { maxPositions } = model.config;
  if (promptLength + length < maxPositions) return;
  throw new VerseError(
    'verse-request',
    `write: expected a poem that fits the model's ${maxPositions} positions, got ${length} characters and marks after a prompt of ${promptLength}`,
    {
      hint: 'ask for fewer lines',
      zh: {
        message: `模型一次只能读写 ${maxPositions} 个字符，而提示有 ${promptLength}、诗有 ${length}`,
        hint: '少写几句',
      },
    },
  );
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
    maxNewTokens: Math.max(
      options.maxNewTokens ?? DEFAULT_MAX_TOKENS,
      ...jobs.map(({ automaton }) => tokensNeeded(automaton, tokens)),
    ),
    ...(tokenizer.eosTokenId === null ? {} : { stopIds: [tokenizer.eosTokenId] }),
    seed: options.seed,
    sequenceNames: jobs.map(({ index }) => `poem ${index} attempt ${attempt}`),
    mask: (sequence, generated) => {
      masks[sequence] = constraints[sequence]?.mask(generated) ?? null;
      return masks[sequence];
    },
    reject: (sequence, _generated, id) => constraints[sequence]?.rejects(id) ?? false,
    bias: (sequence) => {
      const constraint = constraints[sequence];
      const leanings = jobs[sequence]!.leanings;
      if (!constraint || leanings === null) return null;
      const parallel = leanings.parallel?.at(constraint, masks[sequence]!) ?? null;
      const rhyme = leanings.rhyme?.(constraint, masks[sequence]!) ?? null;
      if (parallel === null || rhyme === null) return parallel ?? rhyme;
      return parallel.map((value, id) => value + rhyme[id]!);
    },
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

function tokensNeeded(automaton: PoemAutomaton | null, tokens: TokenInventory | null): number {
  if (automaton === null || tokens === null) return 1;
  return automaton.length * (tokens.isDirect ? 1 : MAX_TOKENS_PER_CHARACTER) + 1;
}

/** Lines that were given may stand anywhere; all others, and runs of them, in no index. */
function copyGuard(
  { lineIndexes, rejectsCopies = false, forbiddenNgram }: WritePoemsOptions,
  { fixed = [] }: WritingRequest,
): Pick<PoemConstraintOptions, 'isForbiddenLine' | 'isForbiddenRun'> {
  if (lineIndexes === undefined || !(rejectsCopies || forbiddenNgram !== undefined)) return {};
  const given = new Map<number, string>();
  for (const { line, character } of [...fixed].sort((a, b) => a.line - b.line || a.position - b.position)) {
    given.set(line, (given.get(line) ?? '') + character);
  }
  const own = [...new Set(given.values())];
  return {
    ...(rejectsCopies
      ? { isForbiddenLine: (line) => !own.includes(line) && lineIndexes.some((index) => index.find(line) !== null) }
      : {}),
    ...(forbiddenNgram === undefined
      ? {}
      : {
          isForbiddenRun: (line) => {
            const run = [...line].slice(-forbiddenNgram).join('');
            return (
              [...run].length === forbiddenNgram &&
              !own.some((each) => each.includes(run)) &&
              lineIndexes.some((index) => index.longestSharedNgram(run) >= forbiddenNgram)
            );
          },
        }),
  };
}

function judge(
  options: WritePoemsOptions,
  { request, automaton }: Job,
  sequence: GeneratedSequence,
  attempt: number,
): WrittenPoem {
  const plain = options.tokenizer.decode(sequence.ids, { skipSpecialTokens: true }).trim();
  const text = automaton === null ? plain : withStanzaBreaks(plain, automaton);
  const verdict = check({
    text,
    ...(request.form === undefined ? {} : { form: request.form }),
    ...(request.tune === undefined ? {} : { tune: request.tune }),
    ...(request.book === undefined ? {} : { book: request.book }),
  });
  const hasEnded = sequence.finish === 'stop';
  const judged = {
    text,
    logProb: sequence.logProbs.reduce((sum, x) => sum + x, 0),
    verdict,
    novelty: options.lineIndexes === undefined ? null : noveltyOf(text, options.lineIndexes),
    isAccepted: hasEnded && (automaton === null || verdict.strict.all),
  };
  return {
    ...judged,
    request,
    ids: sequence.ids,
    allowedMass: sequence.allowedMass,
    refused: sequence.refused,
    tokens: sequence.logProbs.length,
    score: scorePoem(judged, request.form),
    seed: options.seed,
    attempts: attempt,
  };
}
