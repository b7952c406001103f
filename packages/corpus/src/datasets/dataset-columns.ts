/**
 * Under which names a file keeps what we look for: LLaMA-Factory's `columns` and `tags`, with its defaults. A column of
 * another name can be mapped in `dataset_info.json`; null: the file has no such column, whatever it contains.
 */

export interface DatasetColumns {
  readonly prompt: string;
  readonly query: string | null;
  readonly response: string;
  readonly history: string | null;
  readonly system: string | null;
  readonly tools: string | null;
  readonly messages: string;
  readonly chosen: string;
  readonly rejected: string;
  readonly ktoTag: string | null;
}

export interface DatasetTags {
  readonly role: string;
  readonly content: string;
  readonly user: string;
  readonly assistant: string;
  readonly system: string;
  readonly observation: string;
  readonly functionCall: string;
}

export const ALPACA_COLUMNS: DatasetColumns = {
  prompt: 'instruction',
  query: 'input',
  response: 'output',
  history: 'history',
  system: 'system',
  tools: 'tools',
  messages: 'conversations',
  chosen: 'chosen',
  rejected: 'rejected',
  ktoTag: 'kto_tag',
};

/** Hugging Face's own names, for files without an entry in `dataset_info.json`. */
export const MESSAGES_COLUMNS: DatasetColumns = { ...ALPACA_COLUMNS, messages: 'messages' };

export const SHAREGPT_TAGS: DatasetTags = {
  role: 'from',
  content: 'value',
  user: 'human',
  assistant: 'gpt',
  system: 'system',
  observation: 'observation',
  functionCall: 'function_call',
};

export const OPENAI_TAGS: DatasetTags = {
  role: 'role',
  content: 'content',
  user: 'user',
  assistant: 'assistant',
  system: 'system',
  observation: 'tool',
  functionCall: 'function_call',
};
