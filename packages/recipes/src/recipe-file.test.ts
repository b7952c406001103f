import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { TuiqiaoError } from '@tuiqiao/schema';
import { beforeEach, describe, expect, it } from 'vitest';
import { loadRecipe, parseOverride, writeRecipe } from './recipe-file.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-recipe-'));
});

async function recipeFile(text: string): Promise<string> {
  const file = path.join(folder, 'recipe.yaml');
  await writeFile(file, text);
  return file;
}

async function refusal(run: () => Promise<unknown>): Promise<TuiqiaoError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof TuiqiaoError) return error;
    throw error;
  }
  throw new Error('expected a refusal');
}

describe('loadRecipe', () => {
  it('reads YAML with the names of any project and fills in defaults', async () => {
    const file = await recipeFile('stage: sft\nlora_rank: 8\nlearning_rate: 1.0e-4\nlora: { alpha: 16 }\n');
    const { recipe } = await loadRecipe({ file });
    expect(recipe).toMatchObject({ stage: 'sft', learningRate: 1e-4, lora: { rank: 8, alpha: 16, dropout: 0 } });
  });

  it('lets overrides win over the file and over earlier ones, whatever name each uses', async () => {
    const file = await recipeFile('stage: sft\nlearning_rate: 1.0e-4\nlora: { rank: 8, alpha: 16 }\nmax_steps: 9\n');
    const overrides = ['learningRate=5', 'lr=3e-3', 'lora.rank=2', 'lora_dropout=0.1', 'maxSteps=', 'dataset=[a, b]'];
    const { recipe } = await loadRecipe({ file, overrides: overrides.map(parseOverride) });
    expect(recipe).toMatchObject({
      learningRate: 3e-3,
      lora: { rank: 2, alpha: 16, dropout: 0.1 },
      dataset: ['a', 'b'],
    });
    expect(recipe).not.toHaveProperty('maxSteps', 9);
  });

  it('needs no file when the command says the stage', async () => {
    const { recipe } = await loadRecipe({ stage: 'dpo', overrides: [parseOverride('beta=0.3')] });
    expect(recipe).toMatchObject({ stage: 'dpo', dpo: { beta: 0.3 } });
  });

  it('writes a resolved recipe that reads back as the same recipe', async () => {
    for (const stage of ['pretrain', 'sft', 'dpo', 'evaluate'] as const) {
      const { recipe } = await loadRecipe({ stage });
      const file = path.join(folder, `${stage}.yaml`);
      await writeRecipe(file, recipe);
      expect((await loadRecipe({ file })).recipe).toEqual(JSON.parse(JSON.stringify(recipe)));
      expect(await readFile(file, 'utf8')).toContain(`tuiqiao train ${file}`);
    }
  });

  it.each([
    ['stage: sft\nlora_rank: 8\nlora_rank: 9\n', 'recipe-bad-yaml', /recipe\.yaml, line 3: a key is given twice$/],
    ['stage: sft\ndataset: [a\n', 'recipe-bad-yaml', /recipe\.yaml, line \d: /],
    ['', 'recipe-bad-yaml', /the recipe is empty$/],
    ['# nothing\n', 'recipe-bad-yaml', /the recipe is empty$/],
    ['- a\n- b\n', 'recipe-bad-yaml', /expected a map of options, got a list$/],
    ['stage: sft\nbatchsizes: 3\n', 'option-unknown', /did you mean "batchSize"\?$/],
    [`stage: sft\nmodel: "${'x'.repeat(2 ** 20)}"\n`, 'recipe-too-large', /a recipe of \d+ bytes/],
    [
      `a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c]\n`,
      'recipe-bad-yaml',
      /too many YAML aliases$/,
    ],
  ])('refuses %j', async (text, code, message) => {
    const file = await recipeFile(text);
    const error = await refusal(() => loadRecipe({ file }));
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
  });

  it('says which file is missing', async () => {
    const error = await refusal(() => loadRecipe({ file: path.join(folder, 'none.yaml') }));
    expect(error.code).toBe('recipe-not-found');
    expect(error.message).toContain('none.yaml');
  });

  it('refuses an override without a key or with broken YAML', async () => {
    expect((await refusal(async () => parseOverride('=3'))).code).toBe('recipe-bad-override');
    expect((await refusal(() => loadRecipe({ stage: 'sft', overrides: [parseOverride('dataset=[a')] }))).code).toBe(
      'recipe-bad-override',
    );
  });
});

describe('the recipes that ship', () => {
  const shipped = path.resolve(import.meta.dirname, '../../../recipes');
  it.each([
    ['base-poet.yaml', 'pretrain'],
    ['base-sft.yaml', 'sft'],
    ['base-dpo.yaml', 'dpo'],
    ['base-grpo.yaml', 'grpo'],
    ['qwen3-0.6b-lora.yaml', 'sft'],
  ])('%s is a %s recipe without warnings', async (name, stage) => {
    const { recipe, warnings } = await loadRecipe({ file: path.join(shipped, name) });
    expect(recipe.stage).toBe(stage);
    expect(warnings).toEqual([]);
  });
});
