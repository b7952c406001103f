/** Every shipped recipe through what `--dry-run` does: it needs data, tokenizer and configuration of each, so it is slow. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Recipe } from '@tuiqiao/schema';
import { expect, it } from 'vitest';
import { resolveModelFolder } from './models.ts';
import { loadRecipe, parseOverride } from './recipe-file.ts';
import { planStage } from './stage-plan.ts';

const folder = fileURLToPath(new URL('../../../recipes/', import.meta.url));

/** The recipe, with what a fresh machine has not (other models, earlier runs, the full corpus) replaced by what ships. */
async function loadHere(file: string): Promise<Recipe> {
  const { recipe } = await loadRecipe({ file: path.join(folder, file) });
  if (recipe.stage === 'prepare' || recipe.stage === 'evaluate') return recipe;
  const overrides = recipe.stage === 'pretrain' ? ['corpus=starter'] : ['dataset=[starter]', 'maxSamples='];
  if (recipe.model !== undefined && !existsSync(resolveModelFolder(recipe.model))) {
    overrides.push('model=models/base-poet');
    // Its vocabulary has none of the tokens of another model's template.
    if ('template' in recipe) overrides.push('template=');
  }
  const usable = recipe.stage === 'grpo' ? overrides.filter((text) => text !== 'maxSamples=') : overrides;
  return (await loadRecipe({ file: path.join(folder, file), overrides: usable.map(parseOverride) })).recipe;
}

it('the recipes that ship can be planned: steps, samples and memory without a run', async () => {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml'));
  for (const file of files) {
    const recipe = await loadHere(file);
    if (recipe.stage === 'prepare' || recipe.stage === 'evaluate') continue;
    const plan = await planStage({ ...recipe, kernels: 'reference' }, { isTimed: false });
    expect(plan.totalSteps, file).toBeGreaterThan(0);
    expect(plan.samples, file).toBeGreaterThan(0);
    expect(plan.trainableParameters, file).toBeGreaterThan(0);
  }
}, 120_000);
