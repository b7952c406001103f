/**
 * Poems as pretraining sequences: a control prompt that says a random part of what is known, then the poem. The loss
 * falls on the poem and its end only; titles and controls are read, not learned.
 */
import { controlPrompt, END_TOKEN, type Poem, type PoemRequest, requestOf } from '@tuiqiao/corpus';
import type { Tokenizer } from '@tuiqiao/lm';
import type { Random } from '@tuiqiao/tensor';
import { promptStyleOf } from '@tuiqiao/verse';

/** Probability that a property of the request is said. A tune is always said: without it a ci has no shape to learn. */
export interface KeepRates {
  readonly form: number;
  readonly rhyme: number;
  readonly start: number;
  readonly firstLineRhymes: number;
  readonly dynasty: number;
  readonly author: number;
  readonly theme: number;
  readonly title: number;
}

export const DEFAULT_KEEP_RATES: KeepRates = {
  form: 0.95,
  rhyme: 0.8,
  start: 0.5,
  firstLineRhymes: 0.5,
  dynasty: 0.5,
  author: 0.4,
  theme: 0.5,
  title: 0.6,
};

const PROPERTIES = ['form', 'rhyme', 'start', 'firstLineRhymes', 'dynasty', 'author', 'theme', 'title'] as const;

/** The request of a poem with each property kept at its rate. Draws the same number of randoms for every poem. */
export function sampledRequest(poem: Poem, rates: KeepRates, random: Random): PoemRequest {
  const full = requestOf(poem);
  const said: Record<string, unknown> = {};
  if (full.tune !== undefined) said.tune = full.tune;
  for (const property of PROPERTIES) {
    const isKept = random.uniform() < rates[property];
    if (isKept && full[property] !== undefined) said[property] = full[property];
  }
  return said as PoemRequest;
}

export interface SequenceExample {
  readonly id: string;
  readonly promptIds: number[];
  readonly completionIds: number[];
}

/**
 * What is read before a poem, without a loss: the control prompt; for a vocabulary without control tokens the title, as
 * books print it.
 */
export function poemToExample(poem: Poem, request: PoemRequest, tokenizer: Tokenizer): SequenceExample {
  if (promptStyleOf(tokenizer) === 'instruction') {
    const completionIds = tokenizer.encode(poem.text, { addSpecialTokens: false });
    if (tokenizer.eosTokenId !== null) completionIds.push(tokenizer.eosTokenId);
    return { id: poem.id, promptIds: tokenizer.encode(`${poem.title}\n`), completionIds };
  }
  const prompt = controlPrompt(request, (token) => tokenizer.tokenToId(token) !== null);
  return {
    id: poem.id,
    promptIds: tokenizer.encode(prompt),
    completionIds: tokenizer.encode(poem.text + END_TOKEN),
  };
}
