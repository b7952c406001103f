/**
 * Preference pairs by best-of-N: the policy writes several poems for one request, freely; the rewards of shape, novelty,
 * repetition, rhyme and tones say which is best and which is worst. Both are the policy's own, so that a pair says what to do
 * more of what it does already.
 */
import type { LineIndex, PoemRequest } from '@tuiqiao/corpus';
import type { RunControls } from '@tuiqiao/schema';
import {
  type ComposedReward,
  composeReward,
  namedReward,
  type RewardExample,
  type RewardName,
  type WrittenPoem,
  writePoems,
} from '@tuiqiao/verse';
import { writableRequests } from './poet/requests.ts';
import { brokenRules, type SampledPairs, type SamplePairsOptions, type TextPair } from './preference-pairs.ts';

export interface RankedPairsOptions extends SamplePairsOptions {
  /** How much better the chosen poem must be. */
  readonly margin: number;
  /** Where copied lines are looked up. */
  readonly lineIndexes: readonly LineIndex[];
}

/** In the order in which they open for one another; those that need no statistics of a corpus. */
const REWARDS: readonly RewardName[] = ['shape', 'novelty', 'repetition', 'rhyme', 'tones'];
/** Requests between two progress events. */
const BATCH = 64;

export async function sampleRankedPairs(
  options: RankedPairsOptions,
  controls: RunControls = {},
): Promise<SampledPairs> {
  const { lineIndexes, margin, samplesPerPrompt, seed, tokenizer } = options;
  const reward = composeReward(REWARDS.map((name) => namedReward(name, { lineIndexes, texts: [] })));
  const requests = writableRequests(options.requests, tokenizer);
  const pairs: TextPair[] = [];
  let [samples, flawless] = [0, 0];
  for (let start = 0; start < requests.length; start += BATCH) {
    const batch = requests.slice(start, start + BATCH);
    const written = await writePoems({
      model: options.model,
      tokenizer,
      requests: batch.flatMap((request) => Array<PoemRequest>(samplesPerPrompt).fill(request)),
      isConstrained: false,
      attempts: 1,
      seed: seed + start,
      sampling: { temperature: options.temperature },
      slots: options.slots,
      ...(controls.signal === undefined ? {} : { signal: controls.signal }),
    });
    samples += written.length;
    flawless += written.filter(({ verdict }) => verdict.strict.all).length;
    for (let first = 0; first < written.length; first += samplesPerPrompt) {
      const pair = rankedPair(written.slice(first, first + samplesPerPrompt), reward, margin);
      if (pair !== null) pairs.push(pair);
    }
    const done = Math.min(requests.length, start + BATCH);
    controls.onEvent?.({ type: 'progress', label: 'sampling pairs', done, total: requests.length, unit: 'prompts' });
  }
  return { pairs, samples, flawlessShare: samples === 0 ? 0 : flawless / samples };
}

/**
 * The best poem of one request against the worst; the worst of the right shape, where one of those is bad enough: a pair
 * should be about rules, not about length. A poem that did not end is not chosen, and not rejected: its end would be a lie.
 *
 * @returns null when no two are `margin` apart
 */
export function rankedPair(
  written: readonly WrittenPoem[],
  reward: Pick<ComposedReward<RewardExample>, 'score'>,
  margin: number,
): TextPair | null {
  const scored = written
    .filter((poem) => poem.isAccepted && poem.text !== '')
    .map((poem) => ({ poem, score: reward.score(poem.text, { request: poem.request, isFinished: true }) }))
    .sort((a, b) => b.score - a.score);
  const best = scored[0];
  const isWorse = ({ score }: { score: number }): boolean => best!.score - score >= margin;
  const worst = scored.findLast((entry) => isWorse(entry) && entry.poem.verdict.strict.length) ?? scored.at(-1);
  if (best === undefined || worst === undefined || best === worst || !isWorse(worst)) return null;
  return {
    request: best.poem.request,
    chosen: best.poem.text,
    rejected: worst.poem.text,
    brokenRules: brokenRules(worst.poem.verdict),
    margin: best.score - worst.score,
  };
}
