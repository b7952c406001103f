/**
 * 推敲: other characters for a place, a line or a couplet of a poem, in the order of what the model thinks of the whole
 * poem with them. Everything else stays, and everything new keeps the rules.
 */
import type { LineIndex } from '@tuiqiao/corpus';
import { generate, type LanguageModel, type SamplingOptions, type Tokenizer } from '@tuiqiao/lm';
import { check, type PoemAutomaton, type Verdict } from '@tuiqiao/prosody';
import { createPoemConstraint, type PoemConstraint } from '../constraint.ts';
import { VerseError } from '../errors.ts';
import { promptIdsFor } from '../prompt.ts';
import { hasAutomaton, type WritingRequest } from '../request-plan.ts';
import { createTokenInventory, type TokenInventory } from '../token-inventory.ts';
import { type PoemPlace, type PolishPlan, type PolishTarget, placesOf, planPolish } from './polish-plan.ts';

export interface PolishOptions {
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
  /** Traditional. */
  readonly text: string;
  /** Form or tune when the poem is not to be recognised by itself; title, author and the like for the prompt. */
  readonly request?: WritingRequest;
  /** Default: the faults; of a poem without any, the line that the model finds least likely. */
  readonly target?: PolishTarget;
  /** Rewrites returned at most. Default 5. */
  readonly count?: number;
  /** Rewrites tried. Default 64. */
  readonly candidates?: number;
  readonly seed: number;
  readonly sampling?: SamplingOptions;
  /** Rewrites with a line that stands in an index are left out. */
  readonly lineIndexes?: readonly LineIndex[];
  readonly tokens?: TokenInventory;
  readonly slots?: number;
  readonly signal?: AbortSignal;
}

export interface PolishChange extends Pick<PoemPlace, 'line' | 'position'> {
  readonly from: string;
  readonly to: string;
}

export interface PolishSuggestion {
  readonly text: string;
  /** In the order of their places. */
  readonly changes: readonly PolishChange[];
  /** Of the poem from the first open place on, nats, the model's own distribution. */
  readonly logProb: number;
  /** `logProb` less that of the poem as it was. */
  readonly gain: number;
  readonly verdict: Verdict;
}

export interface PolishResult {
  readonly text: string;
  readonly verdict: Verdict;
  readonly logProb: number;
  readonly target: PolishTarget;
  /** Best first. Empty when nothing better fits. */
  readonly suggestions: readonly PolishSuggestion[];
}

const DEFAULT_COUNT = 5;
const DEFAULT_CANDIDATES = 64;

/**
 * @throws VerseError `verse-request` when the poem is of no form the automaton knows, or nothing fits the place
 */
export async function polishPoem(options: PolishOptions): Promise<PolishResult> {
  const { text } = options;
  const asked = options.request ?? {};
  const verdict = check({
    text,
    ...(asked.form === undefined ? {} : { form: asked.form }),
    ...(asked.tune === undefined ? {} : { tune: asked.tune }),
    ...(asked.book === undefined ? {} : { book: asked.book }),
  });
  const request = requestFor(asked, verdict, text);
  const tokens = options.tokens ?? createTokenInventory(options.tokenizer, { extra: new Set(text) });
  const target =
    options.target ??
    (verdict.strict.all ? await weakestLine(options, request, verdict, tokens) : ({ kind: 'faults' } as const));
  const plan = planFor(text, verdict, request, target, tokens);
  const places = placesOf(text);
  const shared = readPrefix(options, request, prefixOf(places, plan, tokens), tokens);
  const [own] = await writeOn(options, shared, plan.original, [null]);
  const isSingle = plan.isOpen.filter(Boolean).length === 1;
  const starts = isSingle
    ? await likeliestStarts(options, shared, plan.automaton)
    : Array<null>(options.candidates ?? DEFAULT_CANDIDATES).fill(null);
  const rewrites = await writeOn(options, shared, plan.automaton, starts);
  const seen = new Set([text]);
  const kept = places.slice(0, plan.isOpen.indexOf(true)).map(({ character }) => character);
  const suggestions: PolishSuggestion[] = [];
  for (const rewrite of rewrites) {
    if (rewrite === null) continue;
    const characters = [...kept, ...[...rewrite.text].filter((character) => IS_VERSE.test(character))];
    const whole = withCharacters(text, characters);
    if (seen.has(whole)) continue;
    seen.add(whole);
    const changes = changesOf(places, characters);
    const judged = judge(whole, request);
    if (!isBetter(judged, verdict, plan) || copiesLine(places, characters, changes, options.lineIndexes)) continue;
    const gain = rewrite.logProb - own!.logProb;
    suggestions.push({ text: whole, changes, logProb: rewrite.logProb, gain, verdict: judged });
  }
  suggestions.sort((a, b) => b.logProb - a.logProb);
  return {
    text,
    verdict,
    logProb: own!.logProb,
    target,
    suggestions: suggestions.slice(0, options.count ?? DEFAULT_COUNT),
  };
}

/** The request that the poem answers: as asked, completed by what the checker found. */
function requestFor(asked: WritingRequest, verdict: Verdict, text: string): WritingRequest {
  const tune = asked.tune ?? verdict.tune ?? undefined;
  const form = tune === undefined ? (asked.form ?? verdict.form ?? undefined) : '词';
  const lineCount = verdict.lines.length;
  const request: WritingRequest = {
    ...asked,
    ...(form === undefined ? {} : { form }),
    ...(tune === undefined ? {} : { tune, ...(verdict.variant === null ? {} : { variant: verdict.variant }) }),
    ...(form?.endsWith('排') ? { lineCount } : {}),
    // 首句借邻韵 is no fault in a first line that stands.
    ...(tune === undefined ? { neighbourFirstLine: true } : {}),
    ...(tune === undefined && lineCount <= 8 ? { noRepeatedCharacters: true, allowsDoubling: true } : {}),
  };
  if (hasAutomaton(request)) return request;
  throw new VerseError(
    'verse-request',
    `polish: expected regulated verse or a ci, got ${verdict.form ?? 'a poem of no known form'} (${[...text].slice(0, 12).join('')}…)`,
    {
      hint: 'name the form or tune that it should have, e.g. --form 七绝',
      zh: {
        message: `这首诗是${verdict.form ?? '不成体的'}，推敲只认近体诗和词`,
        hint: '用 --form 或 --tune 指明它应是什么体',
      },
    },
  );
}

/** Faults alone first; when those cannot be mended by themselves, their whole lines. */
function planFor(
  text: string,
  verdict: Verdict,
  request: WritingRequest,
  target: PolishTarget,
  tokens: TokenInventory,
): PolishPlan {
  if (target.kind !== 'faults') return planPolish(text, verdict, request, target, tokens);
  try {
    return planPolish(text, verdict, request, target, tokens);
  } catch (error) {
    if (!(error instanceof VerseError)) throw error;
    const findings = verdict.findings.map(({ position: _position, ...finding }) => finding);
    return planPolish(text, { ...verdict, findings }, request, target, tokens);
  }
}

/** The poem up to the first open place, with the marks of its form: what the model has read when it goes on. */
function prefixOf(places: readonly PoemPlace[], { isOpen, original }: PolishPlan, tokens: TokenInventory): string {
  let prefix = '';
  let state = original.start;
  for (let index = 0; !isOpen[index]; ) {
    const allowed = original.allowed(state);
    const next = allowed.kind === 'mark' ? allowed.mark : places[index++]!.character;
    if (next !== '\n' || tokens.hasMark(next)) prefix += next;
    state = original.advance(state, next)!;
  }
  return prefix;
}

const IS_VERSE = /[^\s\p{P}]/u;

/** The poem as it was typed, with other characters in the same places; its marks and breaks stay. */
function withCharacters(text: string, characters: readonly string[]): string {
  const typed = [...text];
  const places = typed.flatMap((character, i) => (IS_VERSE.test(character) ? [i] : []));
  // Notes in the text are no verse: nobody can say where they belong then.
  if (places.length !== characters.length) return characters.join('');
  for (const [i, place] of places.entries()) typed[place] = characters[i]!;
  return typed.join('');
}

interface Shared {
  readonly promptIds: readonly number[];
  readonly prefixIds: readonly number[];
  readonly tokens: TokenInventory;
}

function readPrefix(
  { tokenizer }: PolishOptions,
  request: WritingRequest,
  prefix: string,
  tokens: TokenInventory,
): Shared {
  const prefixIds = tokenizer.encode(prefix, { addSpecialTokens: false });
  return { promptIds: [...promptIdsFor(tokenizer, request), ...prefixIds], prefixIds, tokens };
}

/**
 * Goes on from the prefix to the end of the poem, once for each start.
 *
 * @param starts the first token, or null for any
 * @returns null where the text did not end
 */
async function writeOn(
  options: PolishOptions,
  { promptIds, prefixIds, tokens }: Shared,
  automaton: PoemAutomaton,
  starts: readonly (number | null)[],
): Promise<({ text: string; logProb: number } | null)[]> {
  const constraints = starts.map((): PoemConstraint => createPoemConstraint(automaton, tokens));
  const sequences = await generate(
    options.model,
    starts.map(() => promptIds),
    {
      temperature: 1,
      topP: 0.95,
      ...options.sampling,
      maxNewTokens: automaton.length * (tokens.isDirect ? 1 : 4) + 1,
      stopIds: [tokens.endId],
      seed: options.seed,
      mask: (sequence, generated) => {
        const mask = constraints[sequence]!.mask([...prefixIds, ...generated]);
        const start = starts[sequence]!;
        return generated.length === 0 && start !== null ? tokens.maskOf([start]) : mask;
      },
      ...(options.slots === undefined ? {} : { slots: options.slots }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    },
  );
  return sequences.map(({ ids, logProbs, finish }) =>
    finish === 'stop'
      ? {
          text: options.tokenizer.decode(ids, { skipSpecialTokens: true }),
          logProb: logProbs.reduce((sum, x) => sum + x, 0),
        }
      : null,
  );
}

/** The likeliest tokens that may stand at the first open place. */
async function likeliestStarts(
  { model, candidates = DEFAULT_CANDIDATES }: PolishOptions,
  { promptIds, prefixIds, tokens }: Shared,
  automaton: PoemAutomaton,
): Promise<number[]> {
  const mask = createPoemConstraint(automaton, tokens).mask(prefixIds);
  const cache = model.createCache(1, promptIds.length);
  const logits = await model.extend(cache, [{ slot: 0, ids: promptIds }]);
  cache.free();
  const allowed: number[] = [];
  for (let word = 0; word < mask.length; word++) {
    for (let bits = mask[word]!; bits !== 0; bits &= bits - 1) allowed.push(word * 32 + 31 - Math.clz32(bits & -bits));
  }
  return allowed.sort((a, b) => logits[b]! - logits[a]!).slice(0, candidates);
}

function judge(text: string, request: WritingRequest): Verdict {
  return check({
    text,
    ...(request.form === undefined ? {} : { form: request.form }),
    ...(request.tune === undefined ? {} : { tune: request.tune }),
    ...(request.book === undefined ? {} : { book: request.book }),
  });
}

const faultCount = ({ findings }: Verdict): number =>
  findings.filter(({ verdict }) => verdict === '疵' || verdict === '拗可').length;

/** Flawless; or, where faults elsewhere had to stay, no fault more than there were. */
function isBetter(judged: Verdict, before: Verdict, { keepsFaults }: PolishPlan): boolean {
  return judged.strict.all || (keepsFaults && faultCount(judged) <= faultCount(before));
}

function copiesLine(
  places: readonly PoemPlace[],
  characters: readonly string[],
  changes: readonly PolishChange[],
  indexes: readonly LineIndex[] | undefined,
): boolean {
  if (indexes === undefined) return false;
  const lines = new Map<number, string>();
  for (const [i, { line }] of places.entries()) lines.set(line, (lines.get(line) ?? '') + characters[i]);
  return [...new Set(changes.map(({ line }) => line))].some((line) =>
    indexes.some((index) => index.find(lines.get(line)!) !== null),
  );
}

function changesOf(before: readonly PoemPlace[], after: readonly string[]): PolishChange[] {
  return before.flatMap(({ line, position, character }, i) => {
    const to = after[i] ?? '';
    return to === character ? [] : [{ line, position, from: character, to }];
  });
}

/** The line with the lowest mean log-probability a character. */
async function weakestLine(
  options: PolishOptions,
  request: WritingRequest,
  verdict: Verdict,
  tokens: TokenInventory,
): Promise<PolishTarget> {
  const { text } = options;
  const scores: number[] = [];
  // From each line on: what is lost from one line's beginning to the next one's is that line's.
  for (let line = 1; line <= verdict.lines.length; line++) {
    const plan = planPolish(text, verdict, request, { kind: 'line', line }, tokens);
    const shared = readPrefix(options, request, prefixOf(placesOf(text), plan, tokens), tokens);
    const [rest] = await writeOn(options, shared, plan.original, [null]);
    scores.push(rest?.logProb ?? 0);
  }
  let weakest = 1;
  let least = Number.POSITIVE_INFINITY;
  for (const [i, { text: line }] of verdict.lines.entries()) {
    const mean = (scores[i]! - (scores[i + 1] ?? 0)) / [...line].length;
    if (mean < least) {
      least = mean;
      weakest = i + 1;
    }
  }
  return { kind: 'line', line: weakest };
}
