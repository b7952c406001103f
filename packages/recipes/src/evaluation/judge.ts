/**
 * A language model as judge, behind an OpenAI-compatible address. Each pair is asked about twice with the sides swapped:
 * a judge who likes the left side says "left" both times, and that counts as a tie. Secondary to readers: such judges
 * overrate verse that breaks the rules (ACL 2026, arXiv 2510.15313).
 */
import { bootstrapMean, type Mean, type Rate, type Review, type ReviewItem, type Side, wilson } from '@tuiqiao/eval';
import { parseRung, type RunControls } from '@tuiqiao/schema';
import { RecipesError } from '../errors.ts';
import { askChat, type Endpoint, mapConcurrently } from './chat-client.ts';

export interface JudgeTally {
  readonly isSecondary: true;
  readonly model: string;
  readonly a: string;
  readonly b: string;
  /** Pairs. */
  readonly n: number;
  readonly seed: number;
  /** Share of pairs for a; ties, and answers that followed the side, half. */
  readonly winRate: Mean;
  /** Pairs on which the answer was the same with sides swapped. */
  readonly consistent: Rate;
  /** Answers that named no side. */
  readonly unreadable: number;
}

const MAX_ANSWER_TOKENS = 512;

const question = ({ form, title }: ReviewItem, left: string, right: string): string =>
  [
    `下面两首诗应同一题目而作：${form}${title === undefined ? '' : `《${title}》`}。`,
    `【左】\n${left || '（没有写出文字）'}`,
    `【右】\n${right || '（没有写出文字）'}`,
    '请从流畅、意义、连贯、切题、美感五方面比较，再给出结论。最后一行只写一个字：左、右，或平。',
  ].join('\n\n');

/** The last 左, 右 or 平 of the answer; null when it has none. */
export function readVerdict(text: string): Side | 'tie' | null {
  const last = text.replaceAll(/[^左右平]/gu, '').at(-1);
  if (last === '左') return 'left';
  if (last === '右') return 'right';
  return last === '平' ? 'tie' : null;
}

/** @throws RecipesError `recipe-bad-value` when `judge` is no address; as `askChat` */
export async function judgeReview(
  judge: string,
  { items, key }: Review,
  concurrency: number,
  controls: RunControls = {},
): Promise<JudgeTally> {
  const { url, model } = parseRung(judge);
  if (url === undefined) {
    throw new RecipesError(
      'recipe-bad-value',
      `judge: expected an address like http://localhost:8000/v1#MODEL, got ${judge}`,
    );
  }
  const endpoint: Endpoint = { url, model, apiKeyVariable: 'OPENAI_API_KEY' };
  const { signal } = controls;
  let unreadable = 0;
  const ask = async (content: string): Promise<Side | 'tie'> => {
    const reply = await askChat(endpoint, [{ role: 'user', content }], {
      temperature: 0,
      maxTokens: MAX_ANSWER_TOKENS,
      seed: key.seed,
      ...(signal === undefined ? {} : { signal }),
    });
    const verdict = readVerdict(reply.text);
    if (verdict === null) unreadable++;
    return verdict ?? 'tie';
  };
  let done = 0;
  const outcomes = await mapConcurrently(items, concurrency, async (item) => {
    const first = await ask(question(item, item.left, item.right));
    const swapped = await ask(question(item, item.right, item.left));
    const second = swapped === 'tie' ? 'tie' : swapped === 'left' ? 'right' : 'left';
    controls.onEvent?.({
      type: 'progress',
      label: `judge: ${model}`,
      done: ++done,
      total: items.length,
      unit: 'pairs',
    });
    return {
      side: first === second ? first : 'tie',
      isConsistent: first === second,
      a: key.items[item.id]!.a,
    } as const;
  });
  return {
    isSecondary: true,
    model,
    a: key.a,
    b: key.b,
    n: outcomes.length,
    seed: 1,
    winRate: bootstrapMean(outcomes.map(({ side, a }) => (side === 'tie' ? 0.5 : side === a ? 1 : 0))),
    consistent: wilson(outcomes.filter(({ isConsistent }) => isConsistent).length, outcomes.length),
    unreadable,
  };
}
