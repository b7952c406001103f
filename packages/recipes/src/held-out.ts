/**
 * The held-out poems that ask the questions and give the control row: the corpus's test split, chosen by shape and
 * chance alone, faults and all. What poets keep of the rules is the mark that models are measured against.
 */
import { type Poem, type PoemRequest, splitLines } from '@tuiqiao/corpus';
import type { RunControls } from '@tuiqiao/schema';
import { createRandom } from '@tuiqiao/tensor';
import { openCorpus } from './corpus-source.ts';

export interface HeldOutPoem {
  /** Form by shape (五绝 …) or tune. */
  readonly name: string;
  readonly poem: Poem;
  /** What a person would ask for to get such a poem. */
  readonly request: PoemRequest;
}

const SHAPES: Readonly<Record<string, string>> = { '4×5': '五绝', '4×7': '七绝', '8×5': '五律', '8×7': '七律' };

function shapeOf(poem: Poem): string | null {
  const lines = splitLines(poem.text);
  const lengths = new Set(lines.map((line) => [...line].length));
  return lengths.size === 1 ? (SHAPES[`${lines.length}×${[...lengths][0]}`] ?? null) : null;
}

/** Test poems of the named forms and tunes, at most `count` of each, in a seeded order. @throws as `openCorpus` */
export async function heldOutPoems(
  names: readonly string[],
  count: number,
  seed: number,
  corpora: readonly string[] = ['starter'],
  controls: RunControls = {},
): Promise<HeldOutPoem[]> {
  const opened = await Promise.all(corpora.map((corpus) => openCorpus(corpus, controls)));
  const test = opened.flatMap(({ poems }) => poems.filter((poem) => poem.labels.split === 'test'));
  const random = createRandom(seed);
  return names.flatMap((name) => {
    const own = test.filter((poem) => (poem.labels.tune ?? shapeOf(poem)) === name);
    random.fork(name).shuffle(own);
    return own.slice(0, count).map((poem) => ({ name, poem, request: requestFor(name, poem) }));
  });
}

function requestFor(name: string, poem: Poem): PoemRequest {
  const { labels, title } = poem;
  return {
    ...(labels.tune === null ? { form: name } : { form: '词', tune: labels.tune }),
    ...(labels.rhyme === null ? {} : { rhyme: labels.rhyme }),
    ...(title === '' ? {} : { title }),
  };
}
