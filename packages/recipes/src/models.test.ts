/** The chat template an adapter was trained with comes back with it. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { CHAT_TEMPLATE } from '@tuiqiao/corpus';
import { type DpoRecipe, parseRecipe, type SftRecipe } from '@tuiqiao/schema';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTinyPoet, type TinyPoet } from '../test/tiny-poet.ts';
import { runDpo } from './dpo.ts';
import { openTokenizer } from './models.ts';
import { PROMPT_FORMAT_FILE } from './prompt-format.ts';
import { runSft } from './sft.ts';

let folder = '';
let poet: TinyPoet;
const at = (name: string) => path.join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-template-'));
  poet = await createTinyPoet(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const recipe = (more: object) =>
  parseRecipe({
    model: poet.model,
    dataset: [poet.corpus],
    kernels: 'reference',
    computeType: 'f32',
    lora: { rank: 2 },
    batchSize: 4,
    maxSteps: 1,
    saveSteps: 0,
    ...more,
  }).recipe;

it('is stored, used by what loads the adapter, and handed on', async () => {
  await runSft(recipe({ stage: 'sft', outputDir: at('sft') }) as SftRecipe);
  const file = (run: string) => path.join(at(run), 'chat_template.jinja');
  expect(await readFile(file('sft'), 'utf8')).toBe(CHAT_TEMPLATE);
  const other = `{{ '再' }}${CHAT_TEMPLATE}`;
  await writeFile(file('sft'), other);
  await rm(path.join(at('sft'), PROMPT_FORMAT_FILE)); // it tells of the template before this change
  const rendered = async (adapter: string[]) =>
    (await openTokenizer({ model: poet.model, adapter })).applyChatTemplate([{ role: 'user', content: '春' }]);
  const own = await rendered([]);
  expect(await rendered([at('sft')])).toBe(`再${own}`);
  expect(await rendered([`${at('sft')}:0.5`])).toBe(`再${own}`);
  const pairs = { source: 'negatives', prompts: 4 };
  await runDpo(recipe({ stage: 'dpo', adapter: [at('sft')], pairs, outputDir: at('dpo') }) as DpoRecipe);
  expect(await readFile(file('dpo'), 'utf8')).toBe(other);
  // This vocabulary has none of Qwen's tokens, and says so.
  const named = recipe({ stage: 'sft', template: 'qwen', outputDir: at('named') });
  await expect(runSft(named as SftRecipe)).rejects.toMatchObject({ code: 'chat-template-failed' });
  expect(() => recipe({ stage: 'sft', template: 'qwen4', outputDir: at('named') })).toThrow(/chatml/);
});
