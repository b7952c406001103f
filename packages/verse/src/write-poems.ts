/**
 * Request → prompt → (constrained) decoding → text → verdict → novelty, for any number of requests in one batch. With
 * constraints a poem that breaks its form is never returned: it is written again, and given up after the last attempt.
 */
import type { LineIndex } from '@tuiqiao/corpus';
import {
  type GeneratedSequence,
  generate,
  type LanguageModel,
  type SamplingOptions,
  type Tokenizer,
} from '@tuiqiao/lm';
import { check, type PoemAutomaton, type Verdict } from '@tuiqiao/prosody';
import { createPoemConstraint, type PoemConstraint, withStanzaBreaks } from './constraint.ts';
import { type Novelty, noveltyOf } from './novelty.ts';
import { promptIdsFor } from './prompt.ts';
import { compileRequest, hasAutomaton, type WritingRequest } from './request-plan.ts';
import { createTokenInventory, type TokenInventory } from './token-inventory.ts';

export interface WritePoemsOptions {
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
  readonly requests: readonly WritingRequest[];
  /** Hold the decoder to the form. Forms without an automaton (古) are written freely. */
  readonly isConstrained: boolean;
  /** Each request's poem depends on this and its own place in the list only. */
  readonly seed: number;
  readonly sampling?: SamplingOptions;
  /** Default 256. */
  readonly maxNewTokens?: number;
  /** Tries before a constrained poem is given up. Default 8. */
  readonly attempts?: number;
  /** Poems written at the same time. Default 64. */
  readonly slots?: number;
  /** Where copies are looked up; without it novelty is not judged. */
  readonly lineIndexes?: readonly LineIndex[];
  /** Write a poem again when a line of it stands in an index; the last attempt is kept with its copies named. */
  readonly rejectsCopies?: boolean;
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
  readonly tokens: number;
  readonly verdict: Verdict;
  readonly novelty: Novelty | null;
  readonly seed: number;
  /** Which attempt this is, from 1. */
  readonly attempts: number;
  /** False when the last attempt still broke the form (constrained), or the text did not end. */
  readonly isAccepted: boolean;
}

const DEFAULT_ATTEMPTS = 8;
const DEFAULT_MAX_TOKENS = 256;
/** Seeds of successive attempts are this far apart, beyond any list of requests. */
const ATTEMPT_STRIDE = 1_000_003;

export async function writePoems(options: WritePoemsOptions): Promise<WrittenPoem[]> {
  const { requests, isConstrained, seed } = options;
  const attempts = isConstrained || options.rejectsCopies === true ? (options.attempts ?? DEFAULT_ATTEMPTS) : 1;
  const tokens = isConstrained ? createTokenInventory(options.tokenizer) : null;
  const automata = compileAll(requests, tokens);
  const prompts = requests.map((request) => promptIdsFor(options.tokenizer, request));
  const written: WrittenPoem[] = [];
  let open = requests.map((_, index) => index);
  for (let attempt = 1; attempt <= attempts && open.length > 0; attempt++) {
    const attemptSeed = seed + (attempt - 1) * ATTEMPT_STRIDE;
    const constraints = new Map<number, PoemConstraint>();
    const sequences = await generateFor(options, open, prompts, attemptSeed, (index) => {
      const automaton = automata[index];
      if (!automaton || tokens === null) return null;
      const constraint = constraints.get(index) ?? createPoemConstraint(automaton, tokens);
      constraints.set(index, constraint);
      return constraint;
    });
    for (const [i, sequence] of sequences.entries()) {
      const index = open[i]!;
      written[index] = judge(options, requests[index]!, sequence, {
        seed,
        attempt,
        automaton: automata[index] ?? null,
      });
    }
    open = open.filter(
      (index) => !written[index]!.isAccepted || (options.rejectsCopies === true && hasCopies(written[index]!)),
    );
    options.onProgress?.(requests.length - open.length, requests.length);
  }
  return written;
}

function hasCopies(poem: WrittenPoem): boolean {
  return (poem.novelty?.copiedLines.length ?? 0) > 0;
}

/** One automaton per distinct request: hundreds of poems usually share a few. */
function compileAll(requests: readonly WritingRequest[], tokens: TokenInventory | null): (PoemAutomaton | null)[] {
  const known = new Map<string, PoemAutomaton>();
  return requests.map((request) => {
    if (tokens === null || !hasAutomaton(request)) return null;
    const { title: _title, theme: _theme, author: _author, dynasty: _dynasty, ...shape } = request;
    const key = JSON.stringify(shape);
    const automaton = known.get(key) ?? compileRequest(request, tokens);
    known.set(key, automaton);
    return automaton;
  });
}

async function generateFor(
  options: WritePoemsOptions,
  open: readonly number[],
  prompts: readonly (readonly number[])[],
  seed: number,
  constraintOf: (index: number) => PoemConstraint | null,
): Promise<GeneratedSequence[]> {
  return generate(
    options.model,
    open.map((index) => prompts[index]!),
    {
      ...options.sampling,
      maxNewTokens: options.maxNewTokens ?? DEFAULT_MAX_TOKENS,
      ...(options.tokenizer.eosTokenId === null ? {} : { stopIds: [options.tokenizer.eosTokenId] }),
      seed,
      mask: (sequence, generated) => constraintOf(open[sequence]!)?.mask(generated) ?? null,
      ...(options.slots === undefined ? {} : { slots: options.slots }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    },
  );
}

function judge(
  options: WritePoemsOptions,
  request: WritingRequest,
  sequence: GeneratedSequence,
  { seed, attempt, automaton }: { seed: number; attempt: number; automaton: PoemAutomaton | null },
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
  return {
    request,
    text,
    logProb: sequence.logProbs.reduce((sum, x) => sum + x, 0),
    ids: sequence.ids,
    allowedMass: sequence.allowedMass,
    tokens: sequence.logProbs.length,
    verdict,
    novelty: options.lineIndexes === undefined ? null : noveltyOf(text, options.lineIndexes),
    seed,
    attempts: attempt,
    isAccepted: hasEnded && (automaton === null || verdict.strict.all),
  };
}
