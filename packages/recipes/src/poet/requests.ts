/** What poems are asked for in fine-tuning, sampling and evaluation: the same kind of request everywhere. */
import { type Poem, type PoemRequest, requestOf } from '@tuiqiao/corpus';
import type { Tokenizer } from '@tuiqiao/lm';
import { createRandom } from '@tuiqiao/tensor';
import { compileRequest, loadTokenInventory, VerseError } from '@tuiqiao/verse';

/**
 * A request as a person makes it: form (or tune), title, and a rhyme. Author, dynasty, opening pattern and theme label
 * are left to the model.
 */
export function plainRequest(poem: Poem): PoemRequest {
  const { form, tune, rhyme, title } = requestOf(poem);
  return {
    ...(form === undefined ? {} : { form }),
    ...(tune === undefined ? {} : { tune }),
    ...(rhyme === undefined ? {} : { rhyme }),
    ...(title === undefined ? {} : { title }),
  };
}

/** The form's name in reports: the tune of a ci, else the form. */
export function formNameOf(poem: Poem): string {
  return poem.labels.tune ?? poem.labels.form ?? '古';
}

/**
 * The first `count` poems of each named form in a seeded order; fewer where the corpus has fewer.
 *
 * @param names forms (五绝 …) and tunes (浣溪沙 …)
 */
export function choosePoems(poems: readonly Poem[], names: readonly string[], count: number, seed: number): Poem[] {
  const random = createRandom(seed);
  return names.flatMap((name) => {
    const own = poems.filter((poem) => formNameOf(poem) === name);
    random.fork(name).shuffle(own);
    return own.slice(0, count);
  });
}

/** Without those the automaton cannot satisfy (a ci whose label names a rhyme that its commonest variant does not take). */
export function writableRequests(requests: readonly PoemRequest[], tokenizer: Tokenizer): PoemRequest[] {
  const tokens = loadTokenInventory(tokenizer);
  return requests.filter((request) => {
    try {
      compileRequest(request, tokens);
      return true;
    } catch (error) {
      if (error instanceof VerseError && error.code === 'verse-request') return false;
      throw error;
    }
  });
}
