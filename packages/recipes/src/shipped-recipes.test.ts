import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadRecipe } from './recipe-file.ts';

const folder = fileURLToPath(new URL('../../../recipes/', import.meta.url));
let files: string[];
beforeAll(async () => {
  files = (await readdir(folder)).filter((name) => name.endsWith('.yaml'));
});

describe('the recipes that ship', () => {
  it('are read without a warning about their names, and each says how it is run', async () => {
    expect(files.length).toBeGreaterThanOrEqual(13);
    for (const file of files) {
      const { recipe } = await loadRecipe({ file: path.join(folder, file) });
      const text = await readFile(path.join(folder, file), 'utf8');
      expect(text, file).toMatch(new RegExp(`^# .*\\n(#.*\\n)*# +tuiqiao ${recipe.stage} `, 'u'));
    }
  });

  it('have one for every stage of the base and of Qwen3-0.6B', async () => {
    const stages = async (prefix: string) =>
      new Set(
        await Promise.all(
          files
            .filter((file) => file.startsWith(prefix))
            .map(async (file) => (await loadRecipe({ file: path.join(folder, file) })).recipe.stage),
        ),
      );
    expect(await stages('base-')).toEqual(new Set(['pretrain', 'sft', 'dpo', 'kto', 'rm', 'grpo', 'evaluate']));
    expect(await stages('qwen3-0.6b-')).toEqual(new Set(['sft', 'dpo', 'grpo', 'evaluate']));
  });

  it('go on from one another: each adapter is what another recipe leaves', async () => {
    const recipes = await Promise.all(
      files.map(async (file) => (await loadRecipe({ file: path.join(folder, file) })).recipe),
    );
    const outputs = new Set(recipes.map((recipe) => ('outputDir' in recipe ? recipe.outputDir : '')));
    for (const recipe of recipes) {
      const adapters =
        recipe.stage === 'evaluate'
          ? recipe.models.flatMap((rung) => rung.adapter)
          : 'adapter' in recipe
            ? recipe.adapter
            : [];
      for (const adapter of adapters) expect(outputs, adapter).toContain(adapter);
    }
  });
});
