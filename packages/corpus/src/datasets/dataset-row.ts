/**
 * One example of a dataset file, whatever the file's format: what is asked, and the answer (or a better and a worse one,
 * or just a text). Everything else a row says (poem metadata above all) stays in `extra` and is written back.
 */

export type DatasetRole = 'system' | 'user' | 'assistant';

export interface DatasetMessage {
  readonly role: DatasetRole;
  readonly content: string;
  /** An answer that is read, not learnt (`train: false`, `loss: false`, `weight: 0`). */
  readonly isContext?: true;
}

export interface DatasetRow {
  /** The row's own `id`, else `<file>:<row>`. */
  readonly id: string;
  /** What is asked: the conversation before the answer. Empty for `text`. */
  readonly messages: readonly DatasetMessage[];
  readonly completion?: string;
  /** The completion is read, not learnt: only earlier answers are. */
  readonly isCompletionContext?: true;
  readonly chosen?: string;
  readonly rejected?: string;
  readonly text?: string;
  /** Columns with no meaning for training, as they stood in the file. */
  readonly extra: Readonly<Record<string, unknown>>;
}

/**
 * `alpaca` {instruction, input, output} · `sharegpt` {conversations} · `messages` {messages} · `prompt-completion`
 * {prompt, completion} · `text` {text} · `preference` {prompt, chosen, rejected}, and the first two with chosen and
 * rejected (LLaMA-Factory's `ranking`).
 */
export const DATASET_FORMATS = [
  'alpaca',
  'sharegpt',
  'messages',
  'prompt-completion',
  'text',
  'preference',
  'alpaca-preference',
  'sharegpt-preference',
] as const;
export type DatasetFormat = (typeof DATASET_FORMATS)[number];

export function isPreferenceFormat(format: DatasetFormat): boolean {
  return format.endsWith('preference');
}

/** What a row teaches: one answer, a preference, a text, or nothing (a prompt to sample for). */
export type RowKind = 'answer' | 'preference' | 'text' | 'prompt';

export function kindOf(row: DatasetRow): RowKind {
  if (row.text !== undefined) return 'text';
  if (row.chosen !== undefined) return 'preference';
  return row.completion === undefined ? 'prompt' : 'answer';
}

/** A JSON object of a file, not yet understood. */
export type RawRow = Readonly<Record<string, unknown>>;

export function isRawRow(value: unknown): value is RawRow {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
