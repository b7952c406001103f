/**
 * Preference pairs of single characters. The policy writes under the rules; wherever they took away a part of its choice, the
 * character it was left with is preferred to one it would have written, after the same beginning. Every pair is about a
 * rule and about nothing else: length, topic and all that follows are the same on both sides. A poem gives as many pairs as
 * it has places where the policy would have broken a rule, and none where it would not.
 */
import type { PoemRequest } from '@tuiqiao/corpus';
import type { Tokenizer } from '@tuiqiao/lm';
import { check } from '@tuiqiao/prosody';
import type { RunControls } from '@tuiqiao/schema';
import { createRandom } from '@tuiqiao/tensor';
import type { PreferencePair } from '@tuiqiao/tune';
import { promptIdsFor, type WrittenPoem, writePoems } from '@tuiqiao/verse';
import { writableRequests } from './poet/requests.ts';
import { brokenRules, type SamplePairsOptions } from './preference-pairs.ts';

export interface CharacterPairs {
  readonly pairs: readonly PreferencePair[];
  /** Poems they were taken from. */
  readonly poems: number;
  /** Mean over characters of the probability that the rules took away. */
  readonly removedShare: number;
}

/** Places where the rules took away less are not looked at: there is next to nothing to learn. */
const REFUSED_FROM = 0.01;
/** Poems between two progress events. */
const BATCH = 512;

export async function sampleCharacterPairs(
  options: SamplePairsOptions,
  controls: RunControls = {},
): Promise<CharacterPairs> {
  const { tokenizer, seed } = options;
  const requests = writableRequests(options.requests, tokenizer).flatMap((request) =>
    Array<PoemRequest>(options.samplesPerPrompt).fill(request),
  );
  const pairs: PreferencePair[] = [];
  let [poems, removed, tokens] = [0, 0, 0];
  for (let start = 0; start < requests.length; start += BATCH) {
    const written = await writePoems({
      model: options.model,
      tokenizer,
      requests: requests.slice(start, start + BATCH),
      isConstrained: true,
      attempts: 1,
      seed: seed + start,
      sampling: { temperature: options.temperature },
      refusedFrom: REFUSED_FROM,
      slots: options.slots,
      ...(controls.signal === undefined ? {} : { signal: controls.signal }),
    });
    for (const [i, poem] of written.entries()) {
      if (!poem.isAccepted) continue;
      poems++;
      removed += poem.allowedMass.reduce((sum, mass) => sum + 1 - mass, 0);
      tokens += poem.allowedMass.length;
      pairs.push(...characterPairs(poem, `own:${start + i}`, tokenizer, seed));
    }
    const done = Math.min(requests.length, start + BATCH);
    controls.onEvent?.({ type: 'progress', label: 'sampling pairs', done, total: requests.length, unit: 'poems' });
  }
  return { pairs, poems, removedShare: tokens === 0 ? 0 : removed / tokens };
}

/**
 * Chosen: the poem up to a place; rejected: the same with the refused character there. What they share falls out of the
 * comparison, and is what `dpo.sftWeight` keeps likely: the policy's own writing.
 *
 * A place is taken with the probability that the rules took away there: as training begins, the gradient of the pairs is
 * then in expectation that of the log-probability of keeping to the rules, Σ log P(allowed).
 */
export function characterPairs(poem: WrittenPoem, id: string, tokenizer: Tokenizer, seed: number): PreferencePair[] {
  const random = createRandom(seed).fork(`characters ${id}`);
  const promptIds = promptIdsFor(tokenizer, poem.request);
  const written = tokenizer.eosTokenId === null ? poem.ids : [...poem.ids, tokenizer.eosTokenId];
  const pairs: PreferencePair[] = [];
  for (const [place, refused] of poem.refused.entries()) {
    const isTaken = random.uniform() < 1 - poem.allowedMass[place]!;
    if (refused === null || !isTaken) continue;
    const beginning = written.slice(0, place);
    pairs.push({
      id: `${id} ${place}`,
      promptIds,
      chosenIds: [...beginning, written[place]!],
      rejectedIds: [...beginning, refused],
      tags: rulesBrokenBy(poem, place, refused, tokenizer),
    });
  }
  return pairs;
}

/** Of the poem with the refused token in its place; none where only the rhyme asked for was missed. */
function rulesBrokenBy(poem: WrittenPoem, place: number, refused: number, tokenizer: Tokenizer): string[] {
  const ids = place < poem.ids.length ? poem.ids.with(place, refused) : [...poem.ids, refused];
  const { form, tune, book } = poem.request;
  const verdict = check({
    text: tokenizer.decode(ids, { skipSpecialTokens: true }).trim(),
    ...(form === undefined ? {} : { form }),
    ...(tune === undefined ? {} : { tune }),
    ...(book === undefined ? {} : { book }),
  });
  return brokenRules(verdict);
}
