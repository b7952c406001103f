/**
 * A blind review: poems of two models on the same prompts, side by side, which side is whose hidden and seeded. Readers
 * fill sheets (the offline page or a CSV); the key stays with whoever made the review.
 */
import { uniform } from '../intervals.ts';

/** 1–5 each; the five of CharPoet (ACL 2024). */
export const CRITERIA = ['fluency', 'meaning', 'coherence', 'relevance', 'aesthetics'] as const;
export type Criterion = (typeof CRITERIA)[number];

export type Side = 'left' | 'right';
export type Preference = Side | 'tie';

/** What both models answered to one prompt. */
export interface ReviewAnswers {
  readonly form: string;
  readonly title?: string;
  /** The request in words, as it goes into a preference dataset. */
  readonly prompt: string;
  readonly a: string;
  readonly b: string;
}

/** What a reader sees. */
export interface ReviewItem {
  readonly id: string;
  readonly form: string;
  readonly title?: string;
  readonly left: string;
  readonly right: string;
}

/** Whose side is whose; a reader must not see it. */
export interface ReviewKey {
  readonly a: string;
  readonly b: string;
  readonly seed: number;
  /** By item: which side is model a's, and what was asked. */
  readonly items: Readonly<Record<string, { readonly a: Side; readonly prompt: string }>>;
}

export interface Review {
  readonly items: readonly ReviewItem[];
  readonly key: ReviewKey;
}

/** One reader's judgement of one item. */
export interface Vote {
  readonly reader: string;
  readonly id: string;
  readonly preference: Preference;
  /** Left and right, 1–5; what the reader left empty is absent. */
  readonly scores: Readonly<Partial<Record<Criterion, Partial<Record<Side, number>>>>>;
}

/**
 * Sides and order by the seed: model a is on the left in half of the items, so that a reader's liking for one side
 * cancels. Prompts that both models answered alike are left out: there is nothing to prefer.
 */
export function makeReview(
  answers: readonly ReviewAnswers[],
  names: { readonly a: string; readonly b: string },
  seed: number,
): Review {
  const random = uniform(seed);
  const different = answers.filter(({ a, b }) => a !== b);
  const sides = shuffle(
    different.map((_, i): Side => (i % 2 === 0 ? 'left' : 'right')),
    random,
  );
  const shuffled = shuffle(
    different.map((answer, i) => ({ answer, side: sides[i]! })),
    random,
  );
  const items: ReviewItem[] = [];
  const keyItems: Record<string, ReviewKey['items'][string]> = {};
  const width = String(shuffled.length).length;
  for (const [i, { answer, side }] of shuffled.entries()) {
    const id = String(i + 1).padStart(width, '0');
    const { form, title, prompt, a, b } = answer;
    items.push({
      id,
      form,
      ...(title === undefined ? {} : { title }),
      left: side === 'left' ? a : b,
      right: side === 'left' ? b : a,
    });
    keyItems[id] = { a: side, prompt };
  }
  return { items, key: { ...names, seed, items: keyItems } };
}

function shuffle<T>(values: readonly T[], random: () => number): T[] {
  const shuffled = [...values];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
  }
  return shuffled;
}
