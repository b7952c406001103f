/**
 * The chat templates that have a name in LLaMA-Factory, as Jinja. Each is what is written around the words of the system,
 * the user and the assistant; the strings are those of the models' own documentation.
 */
import type { TemplateName } from '@tuiqiao/schema';

export interface NamedTemplate {
  readonly source: string;
  /** Special tokens it is written with. */
  readonly tokens: readonly string[];
  /** Ends an answer; null: the tokenizer's own end token. */
  readonly end: string | null;
}

/** What stands before and after the words of a role; `EOS` in it is the tokenizer's end token. */
type Around = readonly [before: string, after: string];

interface Slots {
  /** Before everything. */
  readonly prefix?: string;
  readonly system?: Around;
  /** The opening of the answer is part of what follows the question. */
  readonly user: Around;
  readonly assistant?: Around;
  /** Of a conversation without one. */
  readonly defaultSystem?: string;
  /** The system's words stand inside the first question instead of before it. */
  readonly isSystemInQuestion?: boolean;
  readonly tokens?: readonly string[];
  readonly end?: string;
}

/** Marks in the strings of `Slots`, written with characters no template has. */
const BOS = '\ue000';
const EOS = '\ue001';
/** A tokenizer without one of the tokens writes nothing in its place, as LLaMA-Factory does. */
const MARKS: Readonly<Record<string, string>> = { [BOS]: "(bos_token or '')", [EOS]: "(eos_token or '')" };

/** A Jinja expression for a text with marks. */
function expression(text: string): string {
  return text
    .split(/([\ue000\ue001])/u)
    .filter((part) => part !== '')
    .map((part) => MARKS[part] ?? `'${part.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`)
    .join(' + ');
}

function around([before, after]: Around, words: string): string {
  return [expression(before), words, expression(after)].filter((part) => part !== '').join(' + ');
}

function fromSlots(slots: Slots): NamedTemplate {
  const { prefix = '', system = ['', ''], user, assistant = ['', EOS], defaultSystem = '' } = slots;
  const isInside = slots.isSystemInQuestion ?? false;
  const first = isInside ? "(before if loop.first else '') + " : '';
  const source = [
    prefix === '' ? '' : `{{ ${expression(prefix)} }}`,
    "{% if messages[0]['role'] == 'system' %}{% set said = messages[0]['content'] %}{% set turns = messages[1:] %}",
    `{% else %}{% set said = ${expression(defaultSystem) || "''"} %}{% set turns = messages %}{% endif %}`,
    `{% if said %}{% set before = ${around(system, 'said')} %}{% else %}{% set before = '' %}{% endif %}`,
    isInside ? '' : '{{ before }}',
    `{% for message in turns %}{% if message['role'] == 'assistant' %}{{ ${around(assistant, "message['content']")} }}`,
    `{% else %}{{ ${around(user, `${first}message['content']`)} }}{% endif %}{% endfor %}`,
  ].join('');
  return { source, tokens: slots.tokens ?? [], end: slots.end ?? null };
}

const QWEN_SYSTEM = 'You are Qwen, created by Alibaba Cloud. You are a helpful assistant.';
const INTERN_SYSTEM = `You are an AI assistant whose name is InternLM (书生·浦语).
- InternLM (书生·浦语) is a conversational language model that is developed by Shanghai AI Laboratory (上海人工智能实验室). It is designed to be helpful, honest, and harmless.
- InternLM (书生·浦语) can understand and communicate fluently in the language chosen by the user such as English and 中文.`;
const VICUNA_SYSTEM =
  "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the user's questions.";
const ALPACA_SYSTEM =
  'Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n';

/** <|im_start|>role\ncontent<|im_end|>\n for every turn. */
function chatml(before: string, afterAssistant: string): NamedTemplate {
  return {
    source: `${before}{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n${afterAssistant}' }}{% endif %}`,
    tokens: ['<|im_start|>', '<|im_end|>'],
    end: '<|im_end|>',
  };
}

function llama2(defaultSystem: string): NamedTemplate {
  return fromSlots({
    system: ['<<SYS>>\n', '\n<</SYS>>\n\n'],
    user: [`${BOS}[INST] `, ' [/INST]'],
    isSystemInQuestion: true,
    defaultSystem,
  });
}

const gemma: NamedTemplate = {
  // No role of its own for the system: its words come before the first question.
  source:
    "{{ '<bos>' }}{% if messages[0]['role'] == 'system' %}{% set before = messages[0]['content'] + '\\n\\n' %}{% set turns = messages[1:] %}{% else %}{% set before = '' %}{% set turns = messages %}{% endif %}{% for message in turns %}{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else 'user') + '\\n' + (before if loop.first else '') + message['content'] + '<end_of_turn>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}",
  tokens: ['<bos>', '<start_of_turn>', '<end_of_turn>'],
  end: '<end_of_turn>',
};

export const TEMPLATES: Readonly<Record<TemplateName, NamedTemplate>> = {
  default: fromSlots({
    system: ['System: ', `${EOS}\n`],
    user: ['Human: ', `${EOS}\nAssistant:`],
    assistant: ['', `${EOS}\n`],
  }),
  alpaca: fromSlots({
    user: ['### Instruction:\n', '\n\n### Response:\n'],
    assistant: ['', `${EOS}\n\n`],
    defaultSystem: ALPACA_SYSTEM,
  }),
  vicuna: fromSlots({ user: ['USER: ', ' ASSISTANT:'], defaultSystem: VICUNA_SYSTEM }),
  chatml: chatml('', ''),
  qwen: chatml(
    `{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\n${QWEN_SYSTEM}<|im_end|>\\n' }}{% endif %}`,
    '',
  ),
  // An answer without a train of thought comes after an empty one.
  qwen3: chatml('', '<think>\\n\\n</think>\\n\\n'),
  qwen3_nothink: chatml('', ''),
  yi: chatml('', ''),
  intern2: fromSlots({
    prefix: BOS,
    system: ['<|im_start|>system\n', '<|im_end|>\n'],
    user: ['<|im_start|>user\n', '<|im_end|>\n<|im_start|>assistant\n'],
    assistant: ['', '<|im_end|>\n'],
    defaultSystem: INTERN_SYSTEM,
    tokens: ['<|im_start|>', '<|im_end|>'],
    end: '<|im_end|>',
  }),
  glm4: fromSlots({
    prefix: '[gMASK]<sop>',
    system: ['<|system|>\n', ''],
    user: ['<|user|>\n', '<|assistant|>\n'],
    assistant: ['', ''],
    tokens: ['[gMASK]', '<sop>', '<|system|>', '<|user|>', '<|assistant|>'],
  }),
  chatglm3: fromSlots({
    prefix: '[gMASK]sop',
    system: ['<|system|>\n', ''],
    user: ['<|user|>\n', '<|assistant|>\n'],
    assistant: ['', ''],
    tokens: ['[gMASK]', 'sop', '<|system|>', '<|user|>', '<|assistant|>'],
  }),
  baichuan: fromSlots({
    user: ['<reserved_102>', '<reserved_103>'],
    assistant: ['', ''],
    tokens: ['<reserved_102>', '<reserved_103>'],
  }),
  baichuan2: fromSlots({
    user: ['<reserved_106>', '<reserved_107>'],
    assistant: ['', ''],
    tokens: ['<reserved_106>', '<reserved_107>'],
  }),
  deepseek: fromSlots({ prefix: BOS, system: ['', '\n\n'], user: ['User: ', '\n\nAssistant:'] }),
  deepseek3: fromSlots({
    prefix: BOS,
    user: ['<｜User｜>', '<｜Assistant｜>'],
    tokens: ['<｜User｜>', '<｜Assistant｜>'],
  }),
  llama2: llama2(''),
  llama2_zh: llama2('You are a helpful assistant. 你是一个乐于助人的助手。'),
  llama3: {
    source:
      "{{ '<|begin_of_text|>' }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] + '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}",
    tokens: ['<|begin_of_text|>', '<|start_header_id|>', '<|end_header_id|>', '<|eot_id|>'],
    end: '<|eot_id|>',
  },
  // The space before an answer is part of the template.
  mistral: fromSlots({ prefix: BOS, system: ['', '\n\n'], user: ['[INST] ', '[/INST] '], isSystemInQuestion: true }),
  gemma,
  gemma2: gemma,
  gemma3: gemma,
  phi: fromSlots({
    system: ['<|system|>\n', '<|end|>\n'],
    user: ['<|user|>\n', '<|end|>\n<|assistant|>\n'],
    assistant: ['', '<|end|>\n'],
    tokens: ['<|system|>', '<|user|>', '<|assistant|>', '<|end|>'],
    end: '<|end|>',
  }),
};
