/** The chat template of a stage that reads conversations, by LLaMA-Factory's names. */
import * as z from 'zod';
import { option } from './option.ts';

export const TEMPLATES = [
  'default',
  'alpaca',
  'vicuna',
  'chatml',
  'qwen',
  'qwen3',
  'qwen3_nothink',
  'yi',
  'intern2',
  'glm4',
  'chatglm3',
  'baichuan',
  'baichuan2',
  'deepseek',
  'deepseek3',
  'llama2',
  'llama2_zh',
  'llama3',
  'mistral',
  'gemma',
  'gemma2',
  'gemma3',
  'phi',
] as const;
export type TemplateName = (typeof TEMPLATES)[number];

export const templateFields = {
  template: option(
    z.enum(TEMPLATES).optional(),
    "Chat template by LLaMA-Factory's name; absent: the one stored with the adapter gone on from, else the tokenizer's own. It is stored with what is trained and used again when that is loaded.",
    '对话模板（LLaMA-Factory 的名称）；不填则用所续适配器自带的模板，再则分词器自己的。所用模板随结果保存，载入时沿用。',
  ),
};
