/** Style of a set of poems: how many the classifiers give to the dynasty the prompt came from, and to the poet asked for. */
import { type Rate, wilson } from '../intervals.ts';
import type { StyleModel } from './style-file.ts';

export interface StyleScores {
  /** Given to the dynasty of the poet whose poem the prompt was taken from. */
  readonly dynasty: Rate;
  /** Given to the poet asked for, or (control row) to the poet who wrote it; absent when no poet was named. */
  readonly author?: Rate;
  /** Share of all poems that each dynasty was given. */
  readonly judged: Readonly<Record<string, number>>;
}

export interface StyledPoem {
  readonly text: string;
  readonly dynasty?: string | undefined;
  readonly author?: string | undefined;
}

/** Poems of dynasties and poets that a classifier does not know are left out; null when nothing is left. */
export function scoreStyle(model: StyleModel, poems: readonly StyledPoem[]): StyleScores | null {
  const written = poems.filter(({ text }) => /\p{Script=Han}/u.test(text));
  if (written.length === 0) return null;
  const rate = (part: 'dynasty' | 'author'): Rate => {
    const { classifier } = model[part];
    const asked = written.filter((poem) => poem[part] !== undefined && classifier.labels.includes(poem[part]));
    return wilson(asked.filter((poem) => classifier.classify(poem.text) === poem[part]).length, asked.length);
  };
  const judged = Object.fromEntries(model.dynasty.classifier.labels.map((label) => [label, 0]));
  for (const { text } of written) judged[model.dynasty.classifier.classify(text)]! += 1 / written.length;
  const author = rate('author');
  return { dynasty: rate('dynasty'), ...(author.n === 0 ? {} : { author }), judged };
}
