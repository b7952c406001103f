import { describe, expect, it } from 'vitest';
import { PAGE_SIZE, PageTable } from './page-table.ts';

const P = PAGE_SIZE;
const rowsOf = (table: PageTable, slot: number, positions: number[]) => [
  ...table.rowsOf(new Int32Array(positions.length).fill(slot), Int32Array.from(positions)),
];

describe('PageTable', () => {
  it('gives every position of every slot a row of its own', () => {
    const table = new PageTable(2);
    for (let length = 1; length <= 3 * P; length++) {
      table.reserve(0, length);
      table.reserve(1, length);
    }
    const positions = Array.from({ length: 3 * P }, (_, i) => i);
    const rows = [...rowsOf(table, 0, positions), ...rowsOf(table, 1, positions)];
    expect(new Set(rows).size).toBe(6 * P);
    expect(table.size).toBe(6);
    expect(table.tablesOf(Int32Array.of(1, 0))).toEqual({ tables: Int32Array.of(1, 3, 5, 0, 2, 4), width: 3 });
  });

  it('takes what was given back before it takes more', () => {
    const table = new PageTable(3);
    table.reserve(0, 2 * P);
    table.truncate(0, 0);
    expect(table.held).toBe(0);
    table.reserve(1, P);
    table.reserve(2, P);
    expect(table.size).toBe(2);
  });

  it('keeps the page that the last position lies in', () => {
    const table = new PageTable(1);
    table.reserve(0, 3 * P);
    table.truncate(0, P + 1);
    expect(table.held).toBe(2);
    table.truncate(0, P);
    expect(table.held).toBe(1);
  });

  it('shares whole pages and says which one is to be copied', () => {
    const table = new PageTable(3);
    table.reserve(0, 2 * P + 3);
    expect(table.share(0, 1, 2 * P)).toBeNull();
    const copied = table.share(0, 2, 2 * P + 3);
    expect(copied).toEqual({ from: 2, to: 3 });
    expect(table.held).toBe(4);
    expect(rowsOf(table, 1, [0, 2 * P - 1])).toEqual(rowsOf(table, 0, [0, 2 * P - 1]));
    expect(rowsOf(table, 2, [P])).toEqual(rowsOf(table, 0, [P]));
    expect(rowsOf(table, 2, [2 * P])).not.toEqual(rowsOf(table, 0, [2 * P]));
    // The others go on holding what one gives back.
    table.truncate(0, 0);
    expect(table.held).toBe(3);
    table.truncate(1, 0);
    table.truncate(2, 0);
    expect(table.held).toBe(0);
  });

  it('separates a shared page before it is written again', () => {
    const table = new PageTable(2);
    table.reserve(0, P);
    table.share(0, 1, P);
    table.truncate(1, 3);
    expect(table.isShared(1, 3)).toBe(true);
    expect(table.separate(1, 3)).toEqual({ from: 0, to: 1 });
    expect([table.isShared(0, 3), table.isShared(1, 3)]).toEqual([false, false]);
    expect(rowsOf(table, 0, [3])).toEqual([3]);
  });

  it('gives up what lies before a position, once, and keeps the places of the rest', () => {
    const table = new PageTable(2);
    table.reserve(0, 4 * P);
    table.share(0, 1, 4 * P);
    table.forgetBefore(0, 2 * P + 5);
    table.forgetBefore(0, 2 * P + 6);
    expect([table.holds(0, P), table.holds(0, 2 * P), table.holds(1, P)]).toEqual([false, true, true]);
    expect(rowsOf(table, 0, [3 * P])).toEqual([3 * P]);
    table.truncate(1, 0);
    expect(table.held).toBe(2);
    table.truncate(0, 0);
    expect(table.held).toBe(0);
  });
});
