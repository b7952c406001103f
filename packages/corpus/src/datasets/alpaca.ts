/** alpaca: {instruction, input, output, system?, history?}, with chosen and rejected instead of output for preferences. */
import { cannotWrite, splitSystem } from './chat-turns.ts';
import type { DatasetColumns } from './dataset-columns.ts';
import type { DatasetMessage, DatasetRow, RawRow } from './dataset-row.ts';
import {
  extraColumns,
  MAX_MESSAGES,
  malformed,
  type RowPlace,
  readFilledText,
  readId,
  readOptionalText,
  readText,
  refuseKto,
  refuseTools,
  show,
} from './row-fields.ts';

function readHistory(raw: RawRow, column: string | null, place: RowPlace): DatasetMessage[] {
  const value = column === null ? null : raw[column];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > MAX_MESSAGES) {
    throw malformed(place, `a list of at most ${MAX_MESSAGES} turns in column "${column}"`, show(value));
  }
  return value.flatMap((turn: unknown): DatasetMessage[] => {
    if (!Array.isArray(turn) || turn.length !== 2 || turn.some((text) => typeof text !== 'string')) {
      throw malformed(place, `turns [question, answer] in column "${column}"`, show(turn));
    }
    const [question, answer] = turn as [string, string];
    return [
      { role: 'user', content: question },
      { role: 'assistant', content: answer },
    ];
  });
}

/** The prompt is `instruction` and, on a new line below, `input`; either may be empty. */
export function readAlpaca(raw: RawRow, place: RowPlace, columns: DatasetColumns, isPreference: boolean): DatasetRow {
  refuseTools(raw, columns.tools, place);
  refuseKto(raw, columns.ktoTag, place);
  const system = readOptionalText(raw, columns.system, place);
  const input = readOptionalText(raw, columns.query, place);
  const instruction = input === '' ? readFilledText(raw, columns.prompt, place) : readText(raw, columns.prompt, place);
  const messages: DatasetMessage[] = [
    ...(system === '' ? [] : [{ role: 'system', content: system } as const]),
    ...readHistory(raw, columns.history, place),
    { role: 'user', content: [instruction, input].filter((text) => text !== '').join('\n') },
  ];
  const asked = [columns.prompt, columns.query, columns.system, columns.history, columns.tools, columns.ktoTag];
  if (isPreference) {
    return {
      id: readId(raw, place),
      messages,
      chosen: readFilledText(raw, columns.chosen, place),
      rejected: readFilledText(raw, columns.rejected, place),
      extra: extraColumns(raw, [...asked, columns.chosen, columns.rejected]),
    };
  }
  return {
    id: readId(raw, place),
    messages,
    completion: readFilledText(raw, columns.response, place),
    extra: extraColumns(raw, [...asked, columns.response]),
  };
}

export function writeAlpaca(row: DatasetRow): RawRow {
  const { system, turns } = splitSystem(row.messages);
  const last = turns.at(-1);
  const isInTurn = turns.every(({ role }, index) => role === (index % 2 === 0 ? 'user' : 'assistant'));
  if (last?.role !== 'user' || !isInTurn) {
    throw cannotWrite('alpaca', row.id, 'the prompt must be user and assistant in turn and end with the user');
  }
  const history = Array.from({ length: (turns.length - 1) / 2 }, (_, i) => [
    turns[2 * i]!.content,
    turns[2 * i + 1]!.content,
  ]);
  return {
    instruction: last.content,
    input: '',
    ...(row.chosen === undefined ? { output: row.completion } : { chosen: row.chosen, rejected: row.rejected }),
    ...(system === undefined ? {} : { system }),
    ...(history.length === 0 ? {} : { history }),
  };
}
