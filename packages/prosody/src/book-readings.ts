// The readings that each rhyme book itself lists, decoded from the generated tables at the first call.

import type { Reading } from './book-types.ts';
import { useTable } from './table-store.ts';
import { PINGSHUI_LEVEL_COUNTS } from './tables/groups.ts';
import { GUANGYUN_CHARACTERS, GUANGYUN_LEVEL_COUNTS } from './tables/guangyun.ts';
import { PINGSHUI_CHARACTERS, PINGSHUI_USES } from './tables/pingshui.ts';
import type { BookName } from './verdict.ts';

export type OwnReadings = ReadonlyMap<string, readonly Reading[]>;

const ownReadings = new Map<BookName, OwnReadings>();

/** A book's own readings by character, decoded once. */
export function loadOwnReadings(name: BookName): OwnReadings {
  let own = ownReadings.get(name);
  if (!own) {
    own = compileReadings(name);
    ownReadings.set(name, own);
  }
  return own;
}

function compileReadings(name: BookName): OwnReadings {
  switch (name) {
    case 'pingshui':
      return compilePingshui();
    case 'cilin': {
      const { CILIN_LEVEL, CILIN_OBLIQUE } = useTable(name);
      return compileLists([interleave(CILIN_LEVEL, CILIN_OBLIQUE)]);
    }
    case 'xinyun': {
      const { XINYUN_FIRST, XINYUN_FURTHER } = useTable(name);
      return compileLists([XINYUN_FIRST, XINYUN_FURTHER]);
    }
    case 'tongyun': {
      const { TONGYUN_FIRST, TONGYUN_FURTHER } = useTable(name);
      return compileLists([TONGYUN_FIRST, TONGYUN_FURTHER]);
    }
    case 'guangyun':
      return compileGuangyun();
    default:
      return name satisfies never;
  }
}

/**
 * 平水韵: the readings of a character are ordered by how often it rhymes there, commonest first. Most characters have one
 * reading and never rhyme: those share the list of their group, which keeps the first check of a process quick.
 */
function compilePingshui(): OwnReadings {
  const uses = new Map<string, number[]>();
  const result = new Map<string, readonly Reading[]>();
  for (let index = 0; index < PINGSHUI_CHARACTERS.length; index++) {
    const reading: Reading = { group: index + 1, tone: levelOf(index) };
    const alone: readonly Reading[] = [reading];
    const counts = parseCounts(PINGSHUI_USES[index]!);
    let position = 0;
    for (const char of PINGSHUI_CHARACTERS[index]!) {
      const count = counts[position++] ?? 0;
      const known = result.get(char);
      if (known === undefined) {
        result.set(char, alone);
        if (count > 0) uses.set(char, [count]);
        continue;
      }
      const list = [...known];
      const listUses = uses.get(char) ?? list.map(() => 0);
      let place = list.length;
      while (place > 0 && listUses[place - 1]! < count) place--;
      list.splice(place, 0, reading);
      listUses.splice(place, 0, count);
      result.set(char, list);
      uses.set(char, listUses);
    }
  }
  return result;
}

const levelOf = (index: number): '平' | '仄' =>
  index < PINGSHUI_LEVEL_COUNTS[0]! + PINGSHUI_LEVEL_COUNTS[1]! ? '平' : '仄';

function compileGuangyun(): OwnReadings {
  const levelCount = GUANGYUN_LEVEL_COUNTS[0]! + GUANGYUN_LEVEL_COUNTS[1]!;
  const result = new Map<string, readonly Reading[]>();
  GUANGYUN_CHARACTERS.forEach((characters, index) => {
    const reading: Reading = { group: index + 1, tone: index < levelCount ? '平' : '仄' };
    const alone: readonly Reading[] = [reading];
    for (const char of characters) {
      const known = result.get(char);
      result.set(char, known === undefined ? alone : [...known, reading]);
    }
  });
  return result;
}

/** Lists of `group 1 level, group 1 oblique, group 2 level, …`; earlier lists hold the commoner readings. */
function compileLists(tables: readonly (readonly string[])[]): OwnReadings {
  const result = new Map<string, readonly Reading[]>();
  const slots = tables[0]!.map((_, slot): Reading => ({ group: (slot >> 1) + 1, tone: slot % 2 === 0 ? '平' : '仄' }));
  const alone = slots.map((reading): readonly Reading[] => [reading]);
  for (const table of tables) {
    for (let slot = 0; slot < table.length; slot++) {
      for (const char of table[slot]!) {
        const known = result.get(char);
        result.set(char, known === undefined ? alone[slot]! : [...known, slots[slot]!]);
      }
    }
  }
  return result;
}

function interleave(first: readonly string[], second: readonly string[]): string[] {
  return first.flatMap((item, index) => [item, second[index]!]);
}

/** Counts in base 36 between blanks. */
export function parseCounts(text: string): number[] {
  return text === '' ? [] : text.split(' ').map((count) => Number.parseInt(count, 36));
}
