/**
 * Conversations: sharegpt {conversations: [{from, value}]} and OpenAI's {messages: [{role, content}]}. The answer is the
 * assistant's last turn. Preferences: sharegpt's {conversations, chosen, rejected}, and ms-swift's {messages,
 * rejected_response}, whose better answer is the conversation's own.
 */
import { checkTurns, readMessage, readMessages, splitAnswer, writeMessage } from './chat-turns.ts';
import { type DatasetColumns, type DatasetTags, OPENAI_TAGS, SHAREGPT_TAGS } from './dataset-columns.ts';
import { type DatasetMessage, type DatasetRow, isRawRow, type RawRow } from './dataset-row.ts';
import {
  extraColumns,
  malformed,
  type RowPlace,
  readFilledText,
  readId,
  readOptionalText,
  refuseKto,
  refuseTools,
  show,
} from './row-fields.ts';

/** ms-swift's columns of the worse answer. */
const REJECTED_RESPONSE = 'rejected_response';
const REJECTED_MESSAGES = 'rejected_messages';

function readAnswer(raw: RawRow, column: string, tags: DatasetTags, place: RowPlace): string {
  const value = raw[column];
  if (!isRawRow(value)) {
    throw malformed(place, `one message {"${tags.role}", "${tags.content}"} in column "${column}"`, show(value));
  }
  const { role, content } = readMessage(value, tags, column, place);
  if (role !== 'assistant' || content.trim() === '') {
    throw malformed(place, `an answer of "${tags.assistant}" in column "${column}"`, show(value));
  }
  return content;
}

function readConversation(raw: RawRow, place: RowPlace, columns: DatasetColumns, tags: DatasetTags): DatasetMessage[] {
  refuseTools(raw, columns.tools, place);
  refuseKto(raw, columns.ktoTag, place);
  const messages = readMessages(raw[columns.messages], tags, columns.messages, place);
  const system = readOptionalText(raw, columns.system, place);
  if (system === '') return messages;
  if (messages[0]?.role === 'system') {
    throw malformed(place, 'one system message', `one in "${columns.system}" and one in "${columns.messages}"`);
  }
  return [{ role: 'system', content: system }, ...messages];
}

/** Without an answer at the end the row is a prompt: nothing to learn, something to sample for. */
export function readConversationRow(
  raw: RawRow,
  place: RowPlace,
  columns: DatasetColumns,
  tags: DatasetTags,
  isPreference: boolean,
): DatasetRow {
  const conversation = readConversation(raw, place, columns, tags);
  checkTurns(conversation, columns.messages, place);
  const used = [columns.messages, columns.system, columns.tools, columns.ktoTag];
  const id = readId(raw, place);
  if (isPreference) {
    if (conversation.at(-1)?.role !== 'user') {
      throw malformed(place, `column "${columns.messages}" to end with the user`, 'an answer as its last turn');
    }
    return {
      id,
      messages: conversation,
      chosen: readAnswer(raw, columns.chosen, tags, place),
      rejected: readAnswer(raw, columns.rejected, tags, place),
      extra: extraColumns(raw, [...used, columns.chosen, columns.rejected]),
    };
  }
  const { messages, completion, isCompletionContext } = splitAnswer(conversation);
  if (completion !== undefined && completion.trim() === '') {
    throw malformed(place, `an answer at the end of column "${columns.messages}"`, 'an empty one');
  }
  const rejected = readRejected(raw, tags, place);
  if (rejected !== undefined) {
    if (completion === undefined) {
      throw malformed(
        place,
        `column "${columns.messages}" to end with the better answer`,
        'a conversation without one',
      );
    }
    const extra = extraColumns(raw, [...used, REJECTED_RESPONSE, REJECTED_MESSAGES]);
    return { id, messages, chosen: completion, rejected, extra };
  }
  return {
    id,
    messages,
    ...(completion === undefined ? {} : { completion }),
    ...(isCompletionContext === undefined ? {} : { isCompletionContext }),
    extra: extraColumns(raw, used),
  };
}

function readRejected(raw: RawRow, tags: DatasetTags, place: RowPlace): string | undefined {
  if (raw[REJECTED_RESPONSE] !== undefined && raw[REJECTED_RESPONSE] !== null) {
    return readFilledText(raw, REJECTED_RESPONSE, place);
  }
  if (raw[REJECTED_MESSAGES] === undefined || raw[REJECTED_MESSAGES] === null) return undefined;
  const { completion } = splitAnswer(readMessages(raw[REJECTED_MESSAGES], tags, REJECTED_MESSAGES, place));
  if (completion === undefined) {
    throw malformed(place, `column "${REJECTED_MESSAGES}" to end with the worse answer`, 'a conversation without one');
  }
  return completion;
}

/** As sharegpt, chosen and rejected as one message each. The system message stays in the list. */
export function writeSharegpt(row: DatasetRow): RawRow {
  const message = (entry: DatasetMessage) => writeMessage(entry, SHAREGPT_TAGS);
  const answer = (content: string) => message({ role: 'assistant', content });
  if (row.chosen !== undefined && row.rejected !== undefined) {
    return {
      conversations: row.messages.map(message),
      chosen: answer(row.chosen),
      rejected: answer(row.rejected),
    };
  }
  const learnt = row.isCompletionContext === true ? ({ isContext: true } as const) : {};
  const answers = answersOf(row).map((content) => message({ role: 'assistant', content, ...learnt }));
  return { conversations: [...row.messages.map(message), ...answers] };
}

export function writeMessages(row: DatasetRow): RawRow {
  const learnt = row.isCompletionContext === true ? ({ isContext: true } as const) : {};
  const answers = answersOf(row).map((content): DatasetMessage => ({ role: 'assistant', content, ...learnt }));
  return { messages: [...row.messages, ...answers].map((entry) => writeMessage(entry, OPENAI_TAGS)) };
}

function answersOf(row: DatasetRow): string[] {
  return row.completion === undefined ? [] : [row.completion];
}
