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
  '<reserved_102>',
  '<reserved_103>',
  '[gMASK]',
  '<sop>',
  'sop',
  '<|system|>',
  '<|user|>',
  '<|assistant|>',
  '<|end|>',
  '<｜User｜>',
  '<｜Assistant｜>',
];
const base = (more: Partial<Parameters<typeof createCharacterTokenizer>[0]> = {}): Tokenizer =>
  createTokenizer(
    createCharacterTokenizer({
      specials,
      characters: ['春', '風'],
      unknownToken: '<unk>',
      eosToken: '<|endoftext|>',
      bosToken: '<unk>',
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

const GEMMA =
  '<bos><start_of_turn>user\n你是詩人\n\n春<end_of_turn>\n<start_of_turn>model\n風<end_of_turn>\n<start_of_turn>user\n再<end_of_turn>\n<start_of_turn>model\n';
const GEMMA_ALONE = '<bos><start_of_turn>user\n春<end_of_turn>\n<start_of_turn>model\n';

/** What LLaMA-Factory makes of a system message, a turn and a question; of a question alone; and what ends the answer. */
const EXPECTED: Readonly<Record<TemplateName, readonly [string, string, string]>> = {
  default: [
    'System: 你是詩人<|endoftext|>\nHuman: 春<|endoftext|>\nAssistant:風<|endoftext|>\nHuman: 再<|endoftext|>\nAssistant:',
    'Human: 春<|endoftext|>\nAssistant:',
    '<|endoftext|>',
  ],
  alpaca: [
    '你是詩人### Instruction:\n春\n\n### Response:\n風<|endoftext|>\n\n### Instruction:\n再\n\n### Response:\n',
    'Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\n春\n\n### Response:\n',
    '<|endoftext|>',
  ],
  vicuna: [
    '你是詩人USER: 春 ASSISTANT:風<|endoftext|>USER: 再 ASSISTANT:',
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the user's questions.USER: 春 ASSISTANT:",
    '<|endoftext|>',
  ],
  chatml: [CHATML, '<|im_start|>user\n春<|im_end|>\n<|im_start|>assistant\n', '<|im_end|>'],
  qwen: [CHATML, `${QWEN}<|im_start|>user\n春<|im_end|>\n<|im_start|>assistant\n`, '<|im_end|>'],
  qwen3: [
    `${CHATML}<think>\n\n</think>\n\n`,
    '<|im_start|>user\n春<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n',
    '<|im_end|>',
  ],
  qwen3_nothink: [CHATML, '<|im_start|>user\n春<|im_end|>\n<|im_start|>assistant\n', '<|im_end|>'],
  yi: [CHATML, '<|im_start|>user\n春<|im_end|>\n<|im_start|>assistant\n', '<|im_end|>'],
  intern2: [
    `<unk>${CHATML}`,
    `<unk><|im_start|>system\nYou are an AI assistant whose name is InternLM (书生·浦语).\n- InternLM (书生·浦语) is a conversational language model that is developed by Shanghai AI Laboratory (上海人工智能实验室). It is designed to be helpful, honest, and harmless.\n- InternLM (书生·浦语) can understand and communicate fluently in the language chosen by the user such as English and 中文.<|im_end|>\n<|im_start|>user\n春<|im_end|>\n<|im_start|>assistant\n`,
    '<|im_end|>',
  ],
  glm4: [
    '[gMASK]<sop><|system|>\n你是詩人<|user|>\n春<|assistant|>\n風<|user|>\n再<|assistant|>\n',
    '[gMASK]<sop><|user|>\n春<|assistant|>\n',
    '<|endoftext|>',
  ],
  chatglm3: [
    '[gMASK]sop<|system|>\n你是詩人<|user|>\n春<|assistant|>\n風<|user|>\n再<|assistant|>\n',
    '[gMASK]sop<|user|>\n春<|assistant|>\n',
    '<|endoftext|>',
  ],
  baichuan: [
    '你是詩人<reserved_102>春<reserved_103>風<reserved_102>再<reserved_103>',
    '<reserved_102>春<reserved_103>',
    '<|endoftext|>',
  ],
  deepseek: [
    '<unk>你是詩人\n\nUser: 春\n\nAssistant:風<|endoftext|>User: 再\n\nAssistant:',
    '<unk>User: 春\n\nAssistant:',
    '<|endoftext|>',
  ],
  deepseek3: [
    '<unk>你是詩人<｜User｜>春<｜Assistant｜>風<|endoftext|><｜User｜>再<｜Assistant｜>',
    '<unk><｜User｜>春<｜Assistant｜>',
    '<|endoftext|>',
  ],
  llama2: [
    '<unk>[INST] <<SYS>>\n你是詩人\n<</SYS>>\n\n春 [/INST]風<|endoftext|><unk>[INST] 再 [/INST]',
    '<unk>[INST] 春 [/INST]',
    '<|endoftext|>',
  ],
  llama2_zh: [
    '<unk>[INST] <<SYS>>\n你是詩人\n<</SYS>>\n\n春 [/INST]風<|endoftext|><unk>[INST] 再 [/INST]',
    '<unk>[INST] <<SYS>>\nYou are a helpful assistant. 你是一个乐于助人的助手。\n<</SYS>>\n\n春 [/INST]',
    '<|endoftext|>',
  ],
  llama3: [
    '<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n你是詩人<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n春<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n風<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n再<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n',
    '<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n春<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n',
    '<|eot_id|>',
  ],
  gemma: [GEMMA, GEMMA_ALONE, '<end_of_turn>'],
  gemma2: [GEMMA, GEMMA_ALONE, '<end_of_turn>'],
  gemma3: [GEMMA, GEMMA_ALONE, '<end_of_turn>'],
  mistral: [
    '<unk>[INST] 你是詩人\n\n春[/INST] 風<|endoftext|>[INST] 再[/INST] ',
    '<unk>[INST] 春[/INST] ',
    '<|endoftext|>',
  ],
  phi: [
    '<|system|>\n你是詩人<|end|>\n<|user|>\n春<|end|>\n<|assistant|>\n風<|end|>\n<|user|>\n再<|end|>\n<|assistant|>\n',
    '<|user|>\n春<|end|>\n<|assistant|>\n',
    '<|end|>',
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
