/** What a ladder asks: held-out poems, the prompts made of them, and the control row. The same for every rung. */
import type { JudgedPoem } from '@tuiqiao/eval';
import type { EvaluateRecipe, RunControls } from '@tuiqiao/schema';
import { RecipesError } from '../errors.ts';
import { type HeldOutPoem, heldOutPoems } from '../held-out.ts';
import { type LoadedTask, loadTasks } from './tasks.ts';

/** Made once, so that rungs may be run at different times. */
export interface LadderPlan {
  readonly recipe: EvaluateRecipe;
  readonly heldOut: readonly HeldOutPoem[];
  readonly prompts: readonly HeldOutPoem[];
  readonly control: readonly HeldOutPoem[];
  readonly tasks: readonly LoadedTask[];
}

/** @throws RecipesError `dataset-empty` when a form or tune has no held-out poem; as `openCorpus` */
export async function planLadder(recipe: EvaluateRecipe, controls: RunControls = {}): Promise<LadderPlan> {
  const names = [...recipe.forms, ...recipe.tunes];
  const count = Math.max(recipe.count, recipe.controlCount);
  const heldOut = await heldOutPoems(names, count, recipe.seed, recipe.dataset, controls);
  for (const name of names) {
    if (!heldOut.some((entry) => entry.name === name)) {
      throw new RecipesError('dataset-empty', `evaluate: no held-out poem of ${name} to take prompts from`, {
        hint: 'Forms are 五绝 七绝 五律 七律; tunes are those of the corpus, e.g. 浣溪沙.',
      });
    }
  }
  const prompts = names.flatMap((name) => cycle(ofName(heldOut, name), recipe.count));
  return {
    recipe,
    heldOut,
    prompts: withStyles(prompts, recipe.styles),
    control: names.flatMap((name) => ofName(heldOut, name).slice(0, recipe.controlCount)),
    tasks: await loadTasks(recipe, heldOut),
  };
}

function ofName(heldOut: readonly HeldOutPoem[], name: string): HeldOutPoem[] {
  return heldOut.filter((entry) => entry.name === name);
}

/** The first `count` prompts, from the start again when there are fewer; the same prompt then has another seed. */
function cycle(entries: readonly HeldOutPoem[], count: number): HeldOutPoem[] {
  return Array.from({ length: count }, (_, i) => entries[i % entries.length]!);
}

/** Asks for the manner of one poet after the other. */
function withStyles(prompts: readonly HeldOutPoem[], styles: readonly string[]): HeldOutPoem[] {
  if (styles.length === 0) return [...prompts];
  return prompts.map((prompt, i) => ({
    ...prompt,
    request: { ...prompt.request, author: styles[i % styles.length]! },
  }));
}

export function askedOf({ name, poem }: HeldOutPoem): JudgedPoem['asked'] {
  return poem.labels.tune === null ? { form: name } : { form: '词', tune: name };
}

/** What the judges need to know of a prompt, beside the text that answers it. */
export function factsOf(prompt: HeldOutPoem): Omit<JudgedPoem, 'text' | 'copiedLines' | 'longestSharedNgram'> {
  const { request, poem } = prompt;
  return {
    asked: askedOf(prompt),
    ...(request.title === undefined ? {} : { title: poem.title }),
    ...(request.author === undefined ? {} : { author: request.author }),
    dynasty: poem.dynasty,
  };
}
