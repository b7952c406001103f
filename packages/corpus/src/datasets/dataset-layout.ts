/** How the rows of one file are laid out: the format with its column names and tags, given or seen from the first row. */
import { readAlpaca } from './alpaca.ts';
import { readConversationRow } from './conversations.ts';
import {
  ALPACA_COLUMNS,
  type DatasetColumns,
  type DatasetTags,
  MESSAGES_COLUMNS,
  OPENAI_TAGS,
  SHAREGPT_TAGS,
} from './dataset-columns.ts';
import { type DatasetFormat, type DatasetRow, isRawRow, type RawRow } from './dataset-row.ts';
import { readPreference, readPromptCompletion, readTextRow } from './prompt-completion.ts';
import { malformed, type RowPlace, show } from './row-fields.ts';

export interface DatasetLayout {
  readonly format: DatasetFormat;
  readonly columns: DatasetColumns;
  readonly tags: DatasetTags;
  /** Column of `text` rows. */
  readonly textColumn: string;
}

/** A format under its usual names. */
export function usualLayout(format: DatasetFormat): DatasetLayout {
  const isOpenAi = format === 'messages';
  return {
    format,
    columns: isOpenAi ? MESSAGES_COLUMNS : ALPACA_COLUMNS,
    tags: isOpenAi ? OPENAI_TAGS : SHAREGPT_TAGS,
    textColumn: 'text',
  };
}

/** `conversations` is used with both kinds of tags: the first message tells. */
function tagsOf(messages: unknown): DatasetTags {
  const first: unknown = Array.isArray(messages) ? messages[0] : undefined;
  return isRawRow(first) && 'role' in first ? OPENAI_TAGS : SHAREGPT_TAGS;
}

/**
 * The layout of a file from its first row.
 * @throws CorpusError `dataset-malformed` when its columns are of no known format
 */
export function detectLayout(raw: RawRow, place: RowPlace): DatasetLayout {
  const has = (...names: string[]): boolean => names.every((name) => raw[name] !== undefined);
  const isPreference = has('chosen', 'rejected');
  if (has('messages')) return usualLayout('messages');
  if (has('conversations')) {
    const format = isPreference ? 'sharegpt-preference' : 'sharegpt';
    return { ...usualLayout(format), tags: tagsOf(raw.conversations) };
  }
  if (has('instruction')) return usualLayout(isPreference ? 'alpaca-preference' : 'alpaca');
  if (isPreference) return usualLayout('preference');
  if (has('prompt')) return usualLayout('prompt-completion');
  if (has('text')) return usualLayout('text');
  throw malformed(
    place,
    'columns of a known format',
    show(Object.keys(raw)),
    'Known are instruction/output, conversations, messages, prompt/completion, prompt/chosen/rejected and text; other names are mapped by `columns` in dataset_info.json.',
  );
}

/** @throws CorpusError `dataset-malformed`, `dataset-unsupported` */
export function readRow(raw: unknown, place: RowPlace, layout: DatasetLayout): DatasetRow {
  if (!isRawRow(raw)) throw malformed(place, 'an object', show(raw));
  const { format, columns, tags } = layout;
  switch (format) {
    case 'alpaca':
    case 'alpaca-preference':
      return readAlpaca(raw, place, columns, format === 'alpaca-preference');
    case 'sharegpt':
    case 'sharegpt-preference':
    case 'messages':
      return readConversationRow(raw, place, columns, tags, format === 'sharegpt-preference');
    case 'prompt-completion':
      return readPromptCompletion(raw, place);
    case 'preference':
      return readPreference(raw, place);
    case 'text':
      return readTextRow(raw, place, layout.textColumn);
    default:
      return format satisfies never;
  }
}
