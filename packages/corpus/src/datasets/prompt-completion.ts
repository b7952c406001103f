/**
 * TRL's columns: {text}, {prompt, completion}, {prompt, chosen, rejected}, {prompt}. Each may be a string or a list of
 * messages; a string prompt is what the user says. A preference without `prompt` has it as the common beginning of both
 * lists.
 */
import { checkTurns, readMessages, writeMessage } from './chat-turns.ts';
import { OPENAI_TAGS } from './dataset-columns.ts';
import type { DatasetMessage, DatasetRow, RawRow } from './dataset-row.ts';
import {
  extraColumns,
  malformed,
  type RowPlace,
  readFilledText,
  readId,
  refuseKto,
  refuseTools,
  show,
} from './row-fields.ts';

function readPrompt(raw: RawRow, place: RowPlace): DatasetMessage[] {
  if (typeof raw.prompt === 'string') return [{ role: 'user', content: readFilledText(raw, 'prompt', place) }];
  const messages = readMessages(raw.prompt, OPENAI_TAGS, 'prompt', place);
  checkTurns(messages, 'prompt', place);
  if (messages.at(-1)?.role !== 'user') throw malformed(place, 'column "prompt" to end with the user', 'an answer');
  return messages;
}

function readAnswer(raw: RawRow, column: string, place: RowPlace): string {
  if (typeof raw[column] === 'string' || raw[column] === undefined) return readFilledText(raw, column, place);
  const messages = readMessages(raw[column], OPENAI_TAGS, column, place);
  const [answer] = messages;
  if (messages.length !== 1 || answer?.role !== 'assistant' || answer.content.trim() === '') {
    throw malformed(place, `one answer of the assistant in column "${column}"`, show(raw[column]));
  }
  return answer.content;
}

/** {chosen, rejected} as whole conversations that begin alike. */
function splitCommonPrompt(raw: RawRow, place: RowPlace): Pick<DatasetRow, 'messages' | 'chosen' | 'rejected'> {
  const [chosen, rejected] = (['chosen', 'rejected'] as const).map((column) => {
    if (typeof raw[column] === 'string') {
      throw malformed(place, 'a column "prompt" beside "chosen" and "rejected"', 'none');
    }
    const messages = readMessages(raw[column], OPENAI_TAGS, column, place);
    checkTurns(messages, column, place);
    return messages;
  }) as [DatasetMessage[], DatasetMessage[]];
  const prompt = chosen.slice(0, -1);
  const isCommon = JSON.stringify(prompt) === JSON.stringify(rejected.slice(0, -1));
  const [better, worse] = [chosen.at(-1)!, rejected.at(-1)!];
  if (prompt.length === 0 || !isCommon || better.role !== 'assistant' || worse.role !== 'assistant') {
    throw malformed(place, '"chosen" and "rejected" to differ in their last answer only', 'other differences');
  }
  return { messages: prompt, chosen: better.content, rejected: worse.content };
}

export function readTextRow(raw: RawRow, place: RowPlace, column: string): DatasetRow {
  return {
    id: readId(raw, place),
    messages: [],
    text: readFilledText(raw, column, place),
    extra: extraColumns(raw, [column]),
  };
}

export function readPromptCompletion(raw: RawRow, place: RowPlace): DatasetRow {
  refuseTools(raw, 'tools', place);
  refuseKto(raw, 'label', place);
  const id = readId(raw, place);
  const messages = readPrompt(raw, place);
  // A prompt alone: nothing to learn, something to sample for.
  if (raw.completion === undefined) return { id, messages, extra: extraColumns(raw, ['prompt', 'tools']) };
  return {
    id,
    messages,
    completion: readAnswer(raw, 'completion', place),
    extra: extraColumns(raw, ['prompt', 'completion', 'tools']),
  };
}

export function readPreference(raw: RawRow, place: RowPlace): DatasetRow {
  refuseTools(raw, 'tools', place);
  const id = readId(raw, place);
  const extra = extraColumns(raw, ['prompt', 'chosen', 'rejected', 'tools']);
  if (raw.prompt === undefined) return { id, ...splitCommonPrompt(raw, place), extra };
  return {
    id,
    messages: readPrompt(raw, place),
    chosen: readAnswer(raw, 'chosen', place),
    rejected: readAnswer(raw, 'rejected', place),
    extra,
  };
}

/** What the user says alone as a string; a conversation as messages, and then the answers too, as TRL wants it. */
export function writePromptCompletion(row: DatasetRow): RawRow {
  const [only] = row.messages;
  const isPlain = row.messages.length === 1 && only?.role === 'user';
  const answer = (content: string) => (isPlain ? content : [writeMessage({ role: 'assistant', content }, OPENAI_TAGS)]);
  return {
    prompt: isPlain ? only.content : row.messages.map((message) => writeMessage(message, OPENAI_TAGS)),
    ...(row.completion === undefined ? {} : { completion: answer(row.completion) }),
    ...(row.chosen === undefined ? {} : { chosen: answer(row.chosen) }),
    ...(row.rejected === undefined ? {} : { rejected: answer(row.rejected) }),
  };
}
