/** Requests made ready for the decoder: prompt, automaton and leanings of each; what of the corpus must not be written. */
import type { LanguageModel } from '@tuiqiao/lm';
import type { PoemAutomaton } from '@tuiqiao/prosody';
import type { PoemConstraint, PoemConstraintOptions } from './constraint.ts';
import { placeEmbedded } from './embed-characters.ts';
import { VerseError } from './errors.ts';
import { createParallelBias, type ParallelBias } from './parallel-bias.ts';
import { promptIdsFor } from './prompt.ts';
import { compileRequest, givenLines, hasAutomaton, shapeKey, type WritingRequest } from './request-plan.ts';
import { createRhymeBias, type RhymeBias } from './rhyme-bias.ts';
import type { TokenInventory } from './token-inventory.ts';
import type { WritePoemsOptions } from './write-poems.ts';

const DEFAULT_MAX_TOKENS = 256;
/** A character has at most so many bytes, and a token at least one. */
const MAX_TOKENS_PER_CHARACTER = 4;

/** One poem to be written. */
export interface Job {
  readonly index: number;
  readonly request: WritingRequest;
  readonly prompt: readonly number[];
  readonly automaton: PoemAutomaton | null;
  /** What leans the model beside the mask. */
  readonly leanings: { readonly parallel: ParallelBias | null; readonly rhyme: RhymeBias | null } | null;
}

/** One automaton per distinct request: hundreds of poems usually share a few. */
export function prepareJobs(options: WritePoemsOptions, tokens: TokenInventory | null): Job[] {
  const known = new Map<string, Pick<Job, 'automaton' | 'leanings'>>();
  return options.requests.map((asked, index) => {
    const prompt = promptIdsFor(options.tokenizer, asked);
    if (tokens === null || !hasAutomaton(asked))
      return { index, request: asked, prompt, automaton: null, leanings: null };
    const request = placeEmbedded(asked, tokens, options.seed, `embedded ${index}`);
    const key = shapeKey(request);
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

/** What the model leans to beside the mask; null for nothing. */
export function leaningOf(
  { leanings }: Job,
  constraint: PoemConstraint | null,
  mask: Uint32Array | null,
): Float32Array | null {
  if (constraint === null || leanings === null || mask === null) return null;
  const parallel = leanings.parallel?.at(constraint, mask) ?? null;
  const rhyme = leanings.rhyme?.(constraint, mask) ?? null;
  if (parallel === null || rhyme === null) return parallel ?? rhyme;
  return parallel.map((value, id) => value + rhyme[id]!);
}

/** New tokens that a poem may have. */
export function tokenLimit(options: WritePoemsOptions, jobs: readonly Job[], tokens: TokenInventory | null): number {
  const needed = jobs.map(({ automaton }) => tokensNeeded(automaton, tokens));
  return Math.max(options.maxNewTokens ?? DEFAULT_MAX_TOKENS, ...needed);
}

function tokensNeeded(automaton: PoemAutomaton | null, tokens: TokenInventory | null): number {
  if (automaton === null || tokens === null) return 1;
  return automaton.length * (tokens.isDirect ? 1 : MAX_TOKENS_PER_CHARACTER) + 1;
}

/** Lines that were given may stand anywhere; all others, and runs of them, in no index. */
export function copyGuard(
  { lineIndexes, rejectsCopies = false, forbiddenNgram }: WritePoemsOptions,
  request: WritingRequest,
): Pick<PoemConstraintOptions, 'isForbiddenLine' | 'isForbiddenRun'> {
  if (lineIndexes === undefined || !(rejectsCopies || forbiddenNgram !== undefined)) return {};
  const own = givenLines(request);
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
