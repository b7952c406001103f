/** The judges of a ladder that have learnt something: theme from poems outside the test split, style as shipped. */
import { type LadderScorers, loadStyle, trainThemeRelevance } from '@tuiqiao/eval';
import type { EvaluateRecipe, RunControls } from '@tuiqiao/schema';
import { openCorpus } from '../corpus-source.ts';

/** Poems the theme scorer learns from at most: it keeps counts of every pair of title part and character. */
const MAX_THEME_POEMS = 60_000;

/** Never learns from a poem that a prompt or the control row can be taken from. */
export async function openScorers(
  recipe: Pick<EvaluateRecipe, 'dataset'>,
  controls: RunControls = {},
): Promise<LadderScorers> {
  const corpora = await Promise.all(recipe.dataset.map((name) => openCorpus(name, controls)));
  const titled = corpora
    .flatMap(({ poems }) => poems.filter(({ labels, title }) => labels.split !== 'test' && title !== ''))
    .slice(0, MAX_THEME_POEMS);
  return {
    theme: trainThemeRelevance(titled),
    themeFacts: { trainedOn: titled.length, corpus: recipe.dataset.join(', ') },
    style: await loadStyle(),
  };
}
