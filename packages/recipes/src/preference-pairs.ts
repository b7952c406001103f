/**
 * Preference pairs made by the prosody engine. From the model itself: a poem it wrote freely and that breaks a rule is
 * rejected; preferred is its twin, written from the same request with the same random numbers while the automaton held
 * the form. The twins part where the first rule was about to break. Or from real poems: each against a copy that breaks
 * exactly one rule. What the pairs differ in is therefore rules, not topic or length.
 */
import { createHash } from 'node:crypto';
import {
  CharacterPool,
  createNegative,
  createOtherNegative,
  END_TOKEN,
  isSpoilable,
  NEGATIVE_RULES,
  type NegativeRule,
  negativeRulesFor,
  OTHER_NEGATIVES,
  type OtherNegative,
  type Poem,
  type PoemRequest,
} from '@tuiqiao/corpus';
import type { LanguageModel, Tokenizer } from '@tuiqiao/lm';
import type { Verdict } from '@tuiqiao/prosody';
import type { RunControls } from '@tuiqiao/schema';
import { createRandom } from '@tuiqiao/tensor';
import type { PreferencePair } from '@tuiqiao/tune';
import { promptIdsFor, promptStyleOf, type WrittenPoem, writePoems } from '@tuiqiao/verse';
import { RecipesError } from './errors.ts';
import { plainRequest, writableRequests } from './poet/requests.ts';

export interface TextPair {
  readonly request: PoemRequest;
  readonly chosen: string;
  readonly rejected: string;
  /** Rules that `rejected` breaks, by id: what this pair can teach. */
  readonly brokenRules: readonly string[];
  /** How much better `chosen` was scored. */
  readonly margin?: number;
}

export interface SamplePairsOptions {
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
  readonly requests: readonly PoemRequest[];
  readonly samplesPerPrompt: number;
  readonly temperature: number;
  readonly seed: number;
  /** Poems written at the same time. */
  readonly slots: number;
}

export interface SampledPairs {
  readonly pairs: readonly TextPair[];
  /** Of all samples, how many kept every rule: what the policy could do before training. */
  readonly flawlessShare: number;
  readonly samples: number;
}

/**
 * Hard negatives: real poems against copies with the smallest edit that breaks one rule. Rules are balanced: each poem
 * is made to break the rule that fewest pairs teach so far, so characters out and characters in are as many.
 *
 * @param poems tried in order; those that cannot be spoilt are passed over
 * @param texts where replacing characters come from
 * @param wanted rules to break; default: all a poem can
 * @throws RecipesError `recipe-bad-value` for a rule there is not
 */
export function makeNegativePairs(
  poems: readonly Poem[],
  texts: Iterable<string>,
  count: number,
  seed: number,
  wanted?: readonly string[],
): TextPair[] {
  const pool = new CharacterPool(texts);
  const taught = new Map<string, number>();
  const known: readonly string[] = [...NEGATIVE_RULES, ...OTHER_NEGATIVES];
  const unknown = wanted?.find((rule) => !known.includes(rule));
  if (unknown !== undefined) {
    throw new RecipesError('recipe-bad-value', `pairs.rules: expected names of ${known.join(', ')}, got ${unknown}`);
  }
  const pairs: TextPair[] = [];
  for (const poem of poems) {
    if (pairs.length === count) break;
    if (!isSpoilable(poem)) continue;
    const rules = rulesFor(poem, wanted);
    createRandom(seed).fork(`rules ${poem.id}`).shuffle(rules);
    rules.sort((a, b) => (taught.get(a) ?? 0) - (taught.get(b) ?? 0));
    for (const rule of rules) {
      const rejected = isOther(rule)
        ? createOtherNegative(poem, rule, { seed, pool, others: poems })
        : (createNegative(poem, rule, { seed, pool })?.text ?? null);
      if (rejected === null) continue;
      taught.set(rule, (taught.get(rule) ?? 0) + 1);
      pairs.push({ request: plainRequest(poem), chosen: poem.text, rejected, brokenRules: [rule] });
      break;
    }
  }
  return pairs;
}

type PairRule = NegativeRule | OtherNegative;

function isOther(rule: PairRule): rule is OtherNegative {
  return (OTHER_NEGATIVES as readonly string[]).includes(rule);
}

function rulesFor(poem: Poem, wanted: readonly string[] | undefined): PairRule[] {
  // Of a ci nothing but its own rules is spoilt: its requests name no form that another poem could miss.
  const rules = [...negativeRulesFor(poem), ...(poem.labels.tune === null ? OTHER_NEGATIVES : [])];
  return wanted === undefined ? rules : rules.filter((rule) => wanted.includes(rule));
}

/** A batch of prompts between two progress events. */
const PROMPTS_PER_BATCH = 64;

export async function samplePairs(options: SamplePairsOptions, controls: RunControls = {}): Promise<SampledPairs> {
  const { samplesPerPrompt } = options;
  const requests = writableRequests(options.requests, options.tokenizer);
  const pairs: TextPair[] = [];
  let flawless = 0;
  let samples = 0;
  for (let start = 0; start < requests.length; start += PROMPTS_PER_BATCH) {
    const batch = requests.slice(start, start + PROMPTS_PER_BATCH);
    const write = (isConstrained: boolean): Promise<WrittenPoem[]> =>
      writePoems({
        model: options.model,
        tokenizer: options.tokenizer,
        requests: batch.flatMap((request) => Array<PoemRequest>(samplesPerPrompt).fill(request)),
        isConstrained,
        attempts: 1,
        seed: options.seed + start,
        sampling: { temperature: options.temperature },
        slots: options.slots,
        ...(controls.signal === undefined ? {} : { signal: controls.signal }),
      });
    const free = await write(false);
    const held = await write(true);
    samples += free.length;
    flawless += free.filter((poem) => poem.verdict.strict.all).length;
    for (const [i, rejected] of free.entries()) {
      const pair = pairOf(rejected, held[i]!);
      if (pair !== null) pairs.push(pair);
    }
    controls.onEvent?.({
      type: 'progress',
      label: 'sampling pairs',
      done: Math.min(requests.length, start + PROMPTS_PER_BATCH),
      total: requests.length,
      unit: 'prompts',
    });
  }
  return { pairs, flawlessShare: samples === 0 ? 0 : flawless / samples, samples };
}

/** Rules broken, by id; the shape first. */
export function brokenRules(verdict: Verdict): string[] {
  const rules = verdict.findings.filter((finding) => finding.verdict === '疵' || finding.verdict === '拗可');
  return [...new Set(rules.map((finding) => finding.rule))];
}

/** null when the free poem keeps the rules, or its twin does not: nothing is preferred then. */
function pairOf(rejected: WrittenPoem, chosen: WrittenPoem): TextPair | null {
  if (rejected.verdict.strict.all || rejected.text === '' || !chosen.isAccepted) return null;
  return {
    request: rejected.request,
    chosen: chosen.text,
    rejected: rejected.text,
    brokenRules: brokenRules(rejected.verdict),
  };
}

/**
 * The pair as token ids, both completions closed by the end token.
 *
 * @param isCut both only up to the first token in which they differ, that one included
 */
export function tokenizePair(pair: TextPair, index: number, tokenizer: Tokenizer, isCut = false): PreferencePair {
  const isControl = promptStyleOf(tokenizer) === 'control';
  // Stanza breaks are laid out after writing where the vocabulary has none.
  const hasBreaks = !isControl || tokenizer.tokenToId('\n') !== null;
  const complete = (text: string): number[] => {
    const plain = hasBreaks ? text : text.replaceAll('\n', '');
    const ids = tokenizer.encode(isControl ? plain + END_TOKEN : plain, { addSpecialTokens: false });
    if (!isControl && tokenizer.eosTokenId !== null) ids.push(tokenizer.eosTokenId);
    return ids;
  };
  const [chosenIds, rejectedIds] = [complete(pair.chosen), complete(pair.rejected)];
  const parting = chosenIds.findIndex((id, i) => id !== rejectedIds[i]);
  const end = isCut && parting >= 0 ? parting + 1 : undefined;
  return {
    id: `pair:${index}`,
    promptIds: promptIdsFor(tokenizer, pair.request),
    chosenIds: chosenIds.slice(0, end),
    rejectedIds: rejectedIds.slice(0, end),
    tags: pair.brokenRules,
    ...(pair.margin === undefined ? {} : { margin: pair.margin }),
  };
}

/** Identifies a set of pairs: part of the key of cached reference log-probabilities. */
export function hashPairs(pairs: readonly (TextPair | PreferencePair)[]): string {
  return createHash('sha256').update(JSON.stringify(pairs)).digest('hex');
}

/** How many pairs teach each rule, commonest first: the data card of a preference run. */
export function countRules(pairs: readonly Pick<TextPair, 'brokenRules'>[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const { brokenRules: rules } of pairs) for (const rule of rules) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}
