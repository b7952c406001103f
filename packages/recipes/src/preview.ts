/** `preview`: what a fine-tuning recipe learns from, token by token: nothing is trained and no weight is read. */
import type { RunControls, SftRecipe } from '@tuiqiao/schema';
import { loadExamples } from './examples.ts';
import { openTokenizer } from './models.ts';

/** A run of tokens with one loss weight; 0: read, not learnt. */
export interface PreviewSpan {
  readonly text: string;
  readonly tokens: number;
  readonly weight: number;
}

export interface PreviewExample {
  readonly id: string;
  readonly spans: readonly PreviewSpan[];
  readonly tokens: number;
  readonly learntTokens: number;
}

export interface PreviewResult {
  readonly examples: readonly PreviewExample[];
  readonly totals: { readonly examples: number; readonly tokens: number; readonly learntTokens: number };
  readonly warnings: readonly string[];
}

/** Shown; the totals are of all examples. */
const SHOWN = 5;

/** @throws as `loadExamples` */
export async function runPreview(recipe: SftRecipe, controls: RunControls = {}): Promise<PreviewResult> {
  const tokenizer = await openTokenizer(recipe);
  const { training, warnings } = await loadExamples(recipe, tokenizer, controls);
  const weightOf = (weight: number | ArrayLike<number> | undefined, i: number): number =>
    typeof weight === 'number' ? weight : (weight?.[i] ?? 1);
  let tokens = 0;
  let learntTokens = 0;
  for (const { promptIds, completionIds, weight } of training) {
    tokens += promptIds.length + completionIds.length;
    for (let i = 0; i < completionIds.length; i++) if (weightOf(weight, i) !== 0) learntTokens++;
  }
  const examples = training.slice(0, SHOWN).map(({ id, promptIds, completionIds, weight }): PreviewExample => {
    const runs: { ids: number[]; weight: number }[] = [];
    const add = (ids: ArrayLike<number>, of: (i: number) => number): void => {
      for (let i = 0; i < ids.length; i++) {
        const last = runs.at(-1);
        if (last !== undefined && last.weight === of(i)) last.ids.push(ids[i]!);
        else runs.push({ ids: [ids[i]!], weight: of(i) });
      }
    };
    add(promptIds, () => 0);
    add(completionIds, (i) => weightOf(weight, i));
    const learnt = runs.reduce((sum, run) => sum + (run.weight === 0 ? 0 : run.ids.length), 0);
    return {
      id,
      spans: runs.map((run) => ({ text: tokenizer.decode(run.ids), tokens: run.ids.length, weight: run.weight })),
      tokens: promptIds.length + completionIds.length,
      learntTokens: learnt,
    };
  });
  return {
    examples,
    totals: { examples: training.length, tokens, learntTokens },
    warnings: warnings.map(({ message }) => message),
  };
}
