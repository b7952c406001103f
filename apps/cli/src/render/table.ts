/** Tables for a terminal: no frame but a rule under the head, numbers to the right. */
import Table from 'cli-table3';
import type { Colours } from '../session.ts';

export interface Column {
  readonly title: string;
  readonly isNumber?: boolean;
}

const NO_FRAME = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly (string | number)[])[],
  colours: Colours,
): string {
  const table = new Table({
    head: columns.map((column) => colours.bold(column.title)),
    colAligns: columns.map((column) => (column.isNumber === true ? 'right' : 'left')),
    chars: NO_FRAME,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  for (const row of rows) table.push(row.map(String));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
