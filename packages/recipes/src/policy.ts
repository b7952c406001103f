/** What preference and on-policy stages go on training: the last adapter of the recipe, or a new one. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { DpoRecipe } from '@tuiqiao/schema';
import { attachLora, isLowRank, loadAdapter } from '@tuiqiao/tune';
import { RecipesError } from './errors.ts';
import { type OpenedModel, parseAdapter } from './models.ts';
import { checkPromptFormat } from './prompt-format.ts';
import { type Trained, trainedAdapter } from './sft.ts';

/**
 * The last adapter goes on being trained; without one, a new adapter on the base, which is then the reference. Earlier
 * adapters of the list must be on the model already.
 *
 * @throws RecipesError `recipe-bad-value` when the adapter has a scale, `model-not-found` when it is not there,
 *   `template-mismatch` when it learnt another prompt
 */
export async function openPolicy(
  recipe: Pick<DpoRecipe, 'adapter' | 'lora' | 'seed'>,
  { model, tokenizer }: Pick<OpenedModel, 'model' | 'tokenizer'>,
): Promise<Trained> {
  const start = recipe.adapter.at(-1);
  if (start === undefined) return trainedAdapter(attachLora(model, { ...recipe.lora, seed: recipe.seed }));
  const { folder, scale } = parseAdapter(start);
  if (scale !== 1) {
    throw new RecipesError(
      'recipe-bad-value',
      `adapter: expected the adapter to go on from at its own scale, got ${start}`,
      {
        hint: 'Leave the :scale away for the last adapter.',
      },
    );
  }
  if (!existsSync(path.join(folder, 'adapter_config.json'))) {
    throw new RecipesError('model-not-found', `${folder}: no adapter there (no adapter_config.json)`, {
      hint: 'Run SFT first: `tuiqiao sft recipes/base-sft.yaml`.',
    });
  }
  await checkPromptFormat(tokenizer, folder);
  const adapter = await loadAdapter(model, folder, { isTrainable: true });
  if (!isLowRank(adapter)) {
    const kind = adapter.softPrompt === null ? 'bottleneck adapters' : 'virtual tokens';
    throw new RecipesError('recipe-bad-value', `adapter: expected LoRA to go on from, got ${kind} in ${folder}`, {
      hint: 'Preferences are learnt by a LoRA adapter: start from one, or from the base.',
    });
  }
  return trainedAdapter(adapter);
}
