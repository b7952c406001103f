/**
 * Lists of chat messages, under any tags: sharegpt's {from, value} and OpenAI's {role, content}. Reads them into our
 * three roles and splits off the answer; writes them back.
 */
import { CorpusError } from '../errors.ts';
import type { DatasetTags } from './dataset-columns.ts';
import { type DatasetMessage, type DatasetRole, isRawRow, type RawRow } from './dataset-row.ts';
import { isEmptyValue, MAX_MESSAGES, malformed, type RowPlace, readText, show, unsupported } from './row-fields.ts';

/**
 * One message of a list.
 * @throws CorpusError `dataset-malformed`, `dataset-unsupported` for roles of tool calls
 */
export function readMessage(value: unknown, tags: DatasetTags, column: string, place: RowPlace): DatasetMessage {
  if (!isRawRow(value)) {
    throw malformed(place, `messages {"${tags.role}", "${tags.content}"} in column "${column}"`, show(value));
  }
  const role = readText(value, tags.role, place);
  if (role === tags.observation || role === tags.functionCall || !isEmptyValue(value.tool_calls)) {
    throw unsupported(place, `column "${column}" has a turn of "${role}", and tool calls are not trained`);
  }
  const roles: readonly (readonly [string, DatasetRole])[] = [
    [tags.user, 'user'],
    [tags.assistant, 'assistant'],
    [tags.system, 'system'],
  ];
  const known = roles.find(([name]) => name === role);
  if (known === undefined) {
    throw malformed(place, `"${tags.role}" to be one of ${roles.map(([name]) => name).join(', ')}`, show(role));
  }
  const isLearnt = readMask(value, column, place);
  if (isLearnt === true && known[1] !== 'assistant') {
    throw unsupported(
      place,
      `column "${column}" asks to learn a turn of "${role}", and only answers are learnt one by one`,
    );
  }
  const message = { role: known[1], content: readText(value, tags.content, place) };
  return isLearnt === false && known[1] === 'assistant' ? { ...message, isContext: true } : message;
}

/** The names other projects give a message's own loss mask: axolotl's, ms-swift's and OpenAI's. */
const MASKS = ['train', 'loss', 'weight'] as const;

/** Whether a message says of itself that it is learnt; undefined when it says nothing. */
function readMask(value: RawRow, column: string, place: RowPlace): boolean | undefined {
  let said: boolean | undefined;
  for (const name of MASKS) {
    const mask = value[name];
    if (mask === undefined || mask === null) continue;
    if (![true, false, 0, 1].some((known) => known === mask)) {
      throw malformed(place, `"${name}" of a message in column "${column}" to be true, false, 1 or 0`, show(mask));
    }
    if (said !== undefined && said !== Boolean(mask)) {
      throw malformed(place, `the masks of a message in column "${column}" to agree`, show(value));
    }
    said = Boolean(mask);
  }
  return said;
}

/** @throws CorpusError `dataset-malformed` for anything but a list of messages, or one of none or too many */
export function readMessages(value: unknown, tags: DatasetTags, column: string, place: RowPlace): DatasetMessage[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw malformed(
      place,
      `a list of messages in column "${column}"`,
      Array.isArray(value) ? 'an empty one' : show(value),
    );
  }
  if (value.length > MAX_MESSAGES) {
    throw malformed(place, `at most ${MAX_MESSAGES} messages in column "${column}"`, `${value.length}`);
  }
  return value.map((entry: unknown) => readMessage(entry, tags, column, place));
}

/** User and assistant in turn, the user first, after at most one system message. */
export function checkTurns(messages: readonly DatasetMessage[], column: string, place: RowPlace): void {
  const turns = messages[0]?.role === 'system' ? messages.slice(1) : messages;
  turns.forEach(({ role }, index) => {
    const wanted = index % 2 === 0 ? 'user' : 'assistant';
    if (role !== wanted) {
      throw malformed(place, `user and assistant in turn in column "${column}"`, `${role} as turn ${index + 1}`);
    }
  });
}

/** The conversation and, where the assistant has the last word, that word. */
export function splitAnswer(messages: readonly DatasetMessage[]): {
  messages: readonly DatasetMessage[];
  completion?: string;
  isCompletionContext?: true;
} {
  const last = messages.at(-1);
  if (last?.role !== 'assistant') return { messages };
  const mask = last.isContext === true ? ({ isCompletionContext: true } as const) : {};
  return { messages: messages.slice(0, -1), completion: last.content, ...mask };
}

export function writeMessage({ role, content, isContext }: DatasetMessage, tags: DatasetTags): Record<string, unknown> {
  return { [tags.role]: tags[role], [tags.content]: content, ...(isContext === true ? { train: false } : {}) };
}

/** Splits off a leading system message. */
export function splitSystem(messages: readonly DatasetMessage[]): {
  system?: string;
  turns: readonly DatasetMessage[];
} {
  const first = messages[0];
  return first?.role === 'system' ? { system: first.content, turns: messages.slice(1) } : { turns: messages };
}

/** A row that a format has no room for. */
export function cannotWrite(format: string, id: string, reason: string): CorpusError {
  return new CorpusError('dataset-unsupported', `write ${format}: row ${id}: ${reason}`, {
    hint: 'Choose another format, for example messages.',
  });
}
