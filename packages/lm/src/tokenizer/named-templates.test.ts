import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TEMPLATES, type TemplateName } from '@tuiqiao/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCharacterTokenizer } from './character-tokenizer.ts';
import { createTokenizer } from './load-tokenizer.ts';
import { saveTemplate, withStoredTemplate, withTemplate } from './named-templates.ts';
import type { Tokenizer } from './tokenizer.ts';

const specials = [
  '<|endoftext|>',
  '<unk>',
  '<|im_start|>',
  '<|im_end|>',
  '<|begin_of_text|>',
  '<|start_header_id|>',
  '<|end_header_id|>',
  '<|eot_id|>',
  '<bos>',
  '<start_of_turn>',
  '<end_of_turn>',
  '<reserved_106>',
  '<reserved_107>',
];
const base = (more: Partial<Parameters<typeof createCharacterTokenizer>[0]> = {}): Tokenizer =>
  createTokenizer(
    createCharacterTokenizer({
      specials,
      characters: ['春', '風'],
      unknownToken: '<unk>',
      eosToken: '<|endoftext|>',
      padToken: '<|endoftext|>',
      ...more,
    }),
  );

const said = [
  { role: 'system', content: '你是詩人' },
  { role: 'user', content: '春' },
  { role: 'assistant', content: '風' },
  { role: 'user', content: '再' },
];
const QWEN = '<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n';
const CHATML =
  '<|im_start|>system\n你是詩人<|im_end|>\n<|im_start|>user\n春<|im_end|>\n<|im_start|>assistant\n風<|im_end|>\n<|im_start|>user\n再<|im_end|>\n<|im_start|>assistant\n';

/** What LLaMA-Factory makes of a system message, a turn and a question; of a question alone; and what ends the answer. */
const EXPECTED: Readonly<Record<TemplateName, readonly [string, string, string]>> = {
  chatml: [CHATML, '<|im_start|>user\n春<|im_end|>\n<|im_start|>assistant\n', '<|im_end|>'],
  qwen: [CHATML, `${QWEN}<|im_start|>user\n春<|im_end|>\n<|im_start|>assistant\n`, '<|im_end|>'],
  qwen3: [
    `${CHATML}<think>\n\n</think>\n\n`,
    '<|im_start|>user\n春<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n',
    '<|im_end|>',
  ],
  qwen3_nothink: [CHATML, '<|im_start|>user\n春<|im_end|>\n<|im_start|>assistant\n', '<|im_end|>'],
  llama3: [
    '<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n你是詩人<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n春<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n風<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n再<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n',
    '<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n春<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n',
    '<|eot_id|>',
  ],
  gemma: [
    '<bos><start_of_turn>user\n你是詩人\n\n春<end_of_turn>\n<start_of_turn>model\n風<end_of_turn>\n<start_of_turn>user\n再<end_of_turn>\n<start_of_turn>model\n',
    '<bos><start_of_turn>user\n春<end_of_turn>\n<start_of_turn>model\n',
    '<end_of_turn>',
  ],
  baichuan2: [
    '你是詩人<reserved_106>春<reserved_107>風<reserved_106>再<reserved_107>',
    '<reserved_106>春<reserved_107>',
    '<|endoftext|>',
  ],
};

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'template-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe.each(TEMPLATES)('%s', (name) => {
  it('renders turns, names the end token, and is the same once stored beside an adapter', async () => {
    const tokenizer = withTemplate(base(), name);
    const [whole, single, end] = EXPECTED[name];
    const render = (from: Tokenizer, messages: typeof said) =>
      from.applyChatTemplate(messages, { addGenerationPrompt: true });
    expect(render(tokenizer, said)).toBe(whole);
    expect(render(tokenizer, said.slice(1, 2))).toBe(single);
    expect(tokenizer.eosTokenId).toBe(specials.indexOf(end));
    await saveTemplate(tokenizer, folder);
    const again = await withStoredTemplate(base(), folder);
    expect(render(again, said)).toBe(whole);
    expect(again.eosTokenId).toBe(tokenizer.eosTokenId);
  });
});

describe('a stored template', () => {
  it('of a tokenizer is its own, unchanged', async () => {
    const own = base({ chatTemplate: '{{ messages[0].content }}' });
    await saveTemplate(own, folder);
    expect(await readFile(path.join(folder, 'chat_template.jinja'), 'utf8')).toBe('{{ messages[0].content }}');
    expect(await withStoredTemplate(own, folder)).toBe(own);
  });

  it('is not written where there is none, and not needed', async () => {
    const empty = await mkdtemp(path.join(tmpdir(), 'template-'));
    await saveTemplate(base(), empty);
    expect(existsSync(path.join(empty, 'chat_template.jinja'))).toBe(false);
    const tokenizer = base();
    expect(await withStoredTemplate(tokenizer, empty)).toBe(tokenizer);
    await rm(empty, { recursive: true });
  });
});

it('a template of special tokens that the vocabulary lacks is refused by their names', () => {
  const tokenizer = base({ specials: ['<|endoftext|>', '<unk>', '<|im_start|>'] });
  expect(() => withTemplate(tokenizer, 'qwen')).toThrow(/none of <\|im_end\|>$/u);
});
