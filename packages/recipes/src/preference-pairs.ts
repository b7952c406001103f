/**
 * Preference pairs from the model itself: several poems for one request, judged by the checker; one that keeps every
 * rule is preferred to one that breaks some. What the pairs differ in is therefore rules, not topic or length.
 */
import { createHash } from 'node:crypto';
import { END_TOKEN, type PoemRequest } from '@tuiqiao/corpus';
import type { LanguageModel, Tokenizer } from '@tuiqiao/lm';
import type { Verdict } from '@tuiqiao/prosody';
import type { RunControls } from '@tuiqiao/schema';
import { createRandom } from '@tuiqiao/tensor';
import type { PreferencePair } from '@tuiqiao/tune';
import { promptIdsFor, promptStyleOf, type WrittenPoem, writePoems } from '@tuiqiao/verse';

export interface TextPair {
  readonly request: PoemRequest;
  readonly chosen: string;
  readonly rejected: string;
  /** Rules that `rejected` breaks, by id: what this pair can teach. */
  readonly brokenRules: readonly string[];
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

/** A batch of prompts between two progress events. */
const PROMPTS_PER_BATCH = 64;

export async function samplePairs(options: SamplePairsOptions, controls: RunControls = {}): Promise<SampledPairs> {
  const { requests, samplesPerPrompt } = options;
  const pairs: TextPair[] = [];
  let flawless = 0;
  let samples = 0;
  for (let start = 0; start < requests.length; start += PROMPTS_PER_BATCH) {
    const batch = requests.slice(start, start + PROMPTS_PER_BATCH);
    const written = await writePoems({
      model: options.model,
      tokenizer: options.tokenizer,
      requests: batch.flatMap((request) => Array<PoemRequest>(samplesPerPrompt).fill(request)),
      isConstrained: false,
      seed: options.seed + start,
      sampling: { temperature: options.temperature },
      slots: options.slots,
      ...(controls.signal === undefined ? {} : { signal: controls.signal }),
    });
    for (const [i, request] of batch.entries()) {
      const own = written.slice(i * samplesPerPrompt, (i + 1) * samplesPerPrompt);
      samples += own.length;
      flawless += own.filter((poem) => poem.verdict.strict.all).length;
      const pair = choosePair(
        request,
        own,
        createRandom(options.seed)
          .fork(`pair ${start + i}`)
          .integer(1 << 30),
      );
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
function brokenRules(verdict: Verdict): string[] {
  const rules = verdict.findings.filter((finding) => finding.verdict === '疵' || finding.verdict === '拗可');
  return [...new Set(rules.map((finding) => finding.rule))];
}

/** null when all samples keep the rules, or none does: nothing is preferred then. */
function choosePair(request: PoemRequest, samples: readonly WrittenPoem[], draw: number): TextPair | null {
  const good = samples.filter((poem) => poem.isAccepted && poem.verdict.strict.all);
  const bad = samples.filter((poem) => poem.text !== '' && !poem.verdict.strict.all);
  if (good.length === 0 || bad.length === 0) return null;
  const chosen = good[draw % good.length]!;
  const rejected = bad[draw % bad.length]!;
  return { request, chosen: chosen.text, rejected: rejected.text, brokenRules: brokenRules(rejected.verdict) };
}

/** The pair as token ids, both completions closed by the end token. */
export function tokenizePair(pair: TextPair, index: number, tokenizer: Tokenizer): PreferencePair {
  const isControl = promptStyleOf(tokenizer) === 'control';
  const complete = (text: string): number[] => {
    const ids = tokenizer.encode(isControl ? text + END_TOKEN : text, { addSpecialTokens: false });
    if (!isControl && tokenizer.eosTokenId !== null) ids.push(tokenizer.eosTokenId);
    return ids;
  };
  return {
    id: `pair:${index}`,
    promptIds: promptIdsFor(tokenizer, pair.request),
    chosenIds: complete(pair.chosen),
    rejectedIds: complete(pair.rejected),
  };
}

/** Identifies a set of pairs: part of the key of cached reference log-probabilities. */
export function hashPairs(pairs: readonly (TextPair | PreferencePair)[]): string {
  return createHash('sha256').update(JSON.stringify(pairs)).digest('hex');
}

/** How many pairs teach each rule, commonest first: the data card of a preference run. */
export function countRules(pairs: readonly TextPair[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const { brokenRules: rules } of pairs) for (const rule of rules) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}
