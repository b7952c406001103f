import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createKernels } from '@tuiqiao/kernels';
import { createTokenizer, loadTokenizer, type Tokenizer } from '@tuiqiao/lm';
import { type DpoRecipe, parseRecipe } from '@tuiqiao/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTinyPoet, type TinyPoet } from '../test/tiny-poet.ts';
import { runDpo } from './dpo.ts';
import { openModel } from './models.ts';
import { checkPromptFormat, savePromptFormat } from './prompt-format.ts';

let folder = '';
let poet: TinyPoet;
let tokenizer: Tokenizer;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-prompt-'));
  poet = await createTinyPoet(folder);
  tokenizer = await loadTokenizer(poet.model);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const withTemplate = (template: string): Tokenizer => {
  const { tokenizerJson, tokenizerConfig } = tokenizer.files;
  return createTokenizer({ tokenizerJson, tokenizerConfig: { ...tokenizerConfig, chat_template: template } });
};
const empty = (name: string) => mkdtemp(path.join(folder, name));

describe('checkPromptFormat', () => {
  it('passes the tokenizer it was taught with, and a template that says the same in other words', async () => {
    const adapter = await empty('same');
    await checkPromptFormat(tokenizer, adapter);
    await savePromptFormat(tokenizer, adapter);
    await checkPromptFormat(tokenizer, adapter);
    const template = String(tokenizer.files.tokenizerConfig.chat_template);
    await checkPromptFormat(withTemplate(`{# the same #}${template}`), adapter);
  });

  it('stops with the reason when template or style is another', async () => {
    const adapter = await empty('other');
    await savePromptFormat(tokenizer, adapter);
    const other = withTemplate("{% for m in messages %}<|user|>{{ m['content'] }}{% endfor %}");
    await expect(checkPromptFormat(other, adapter)).rejects.toThrow(
      /the adapter learnt another prompt.*renders a message as .*賦詩一首.* the model's as .*<\|user\|>賦詩一首/u,
    );
    const file = path.join(adapter, 'prompt-format.json');
    const note = JSON.parse(await readFile(file, 'utf8')) as object;
    await writeFile(file, JSON.stringify({ ...note, style: 'instruction' }));
    await expect(checkPromptFormat(tokenizer, adapter)).rejects.toMatchObject({ code: 'template-mismatch' });
    await writeFile(file, JSON.stringify({ ...note, endToken: '<|im_end|>' }));
    await expect(checkPromptFormat(tokenizer, adapter)).rejects.toThrow(/its answers end with <\|im_end\|>/u);
  });

  it('reads the template that other programs leave beside an adapter', async () => {
    const adapter = await empty('foreign');
    await writeFile(path.join(adapter, 'chat_template.jinja'), String(tokenizer.files.tokenizerConfig.chat_template));
    await checkPromptFormat(tokenizer, adapter);
    await writeFile(path.join(adapter, 'chat_template.jinja'), "{{ messages[0]['content'] }}");
    await expect(checkPromptFormat(tokenizer, adapter)).rejects.toMatchObject({ code: 'template-mismatch' });
  });

  it('stands between a stage and the adapter it would go on from, and before writing', async () => {
    const outputDir = path.join(folder, 'first');
    const options = { kernels: 'reference', computeType: 'f32', lora: { rank: 2 }, maxSteps: 1 } as const;
    const recipe = (changes: object) =>
      parseRecipe({
        stage: 'dpo',
        model: poet.model,
        dataset: [poet.corpus],
        pairs: { source: 'negatives', prompts: 4 },
        ...options,
        ...changes,
      }).recipe as DpoRecipe;
    await runDpo(recipe({ outputDir }));
    const note = path.join(outputDir, 'prompt-format.json');
    const text = await readFile(note, 'utf8');
    expect(JSON.parse(text)).toMatchObject({ style: 'control' });
    const opening = () =>
      openModel(poet.model, {
        kernels: createKernels({ prefer: 'reference' }),
        computeType: 'f32',
        adapters: [outputDir],
      });
    expect((await opening()).adapters).toHaveLength(1);
    await writeFile(note, text.replace('"control"', '"instruction"'));
    await expect(opening()).rejects.toMatchObject({ code: 'template-mismatch' });
    const second = recipe({ outputDir: path.join(folder, 'second'), adapter: [outputDir] });
    await expect(runDpo(second)).rejects.toMatchObject({ code: 'template-mismatch' });
  });
});
