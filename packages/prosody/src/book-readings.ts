// The readings that each rhyme book itself lists, decoded from the generated tables at the first call.

import type { Reading } from './book-types.ts';
import { useTable } from './table-store.ts';
import { PINGSHUI_LEVEL_COUNTS } from './tables/groups.ts';
import { GUANGYUN_CHARACTERS, GUANGYUN_LEVEL_COUNTS } from './tables/guangyun.ts';
import { PINGSHUI_CHARACTERS, PINGSHUI_USES } from './tables/pingshui.ts';
import type { BookName } from './verdict.ts';

/** A book's own readings by character. */
export interface OwnReadings {
  has(char: string): boolean;
  get(char: string): readonly Reading[] | undefined;
  /** Every character of the book, in the order of its lists. */
  keys(): Iterable<string>;
}

const ownReadings = new Map<BookName, OwnReadings>();

/** A book's own readings, indexed once. */
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

/** A list of characters that share a reading. */
interface ReadingList {
  readonly characters: string;
  readonly reading: Reading;
  /** How often each character rhymes so, in the order of the characters; missing ones never. */
  readonly uses?: readonly number[];
}

/** Beyond the last CJK extension; larger code points are never characters of a book. */
const CODE_POINT_LIMIT = 0x34000;

/**
 * The lists as one table by code point. Of each character the first list is noted, further ones are chained, and the
 * readings are put in order (commonest first, else as the lists come) when a character is asked for: a first check in a
 * process asks for a hundred of forty thousand.
 */
function indexLists(lists: readonly ReadingList[]): OwnReadings {
  const alone = lists.map(({ reading }): readonly Reading[] => [reading]);
  // By code point: 0 = in no list, else one more than the first list's place.
  const first = new Uint16Array(CODE_POINT_LIMIT);
  const firstUses = new Map<number, number>();
  // By code point: 0 = in one list only, else one more than the place of the latest entry in `more`.
  const latest = new Uint16Array(CODE_POINT_LIMIT);
  const more: { readonly list: number; readonly uses: number; readonly before: number }[] = [];
  for (let list = 0; list < lists.length; list++) {
    const { characters, uses } = lists[list]!;
    let position = 0;
    for (let index = 0; index < characters.length; index++) {
      const code = characters.codePointAt(index)!;
      if (code > 0xffff) index++;
      const count = uses?.[position++] ?? 0;
      if (first[code] === 0) {
        first[code] = list + 1;
        if (count > 0) firstUses.set(code, count);
      } else latest[code] = more.push({ list, uses: count, before: latest[code]! });
    }
  }
  const ordered = new Map<number, readonly Reading[]>();
  const order = (code: number): readonly Reading[] => {
    const entries = [{ list: first[code]! - 1, uses: firstUses.get(code) ?? 0 }];
    const chained: typeof entries = [];
    for (let place = latest[code]!; place > 0; place = more[place - 1]!.before) chained.push(more[place - 1]!);
    entries.push(...chained.reverse());
    return entries.sort((a, b) => b.uses - a.uses).map(({ list }) => lists[list]!.reading);
  };
  const codeOf = (char: string): number => {
    const code = char.codePointAt(0) ?? CODE_POINT_LIMIT;
    return code < CODE_POINT_LIMIT && char.length === (code > 0xffff ? 2 : 1) ? code : 0;
  };
  return {
    has: (char) => first[codeOf(char)] !== 0,
    get: (char) => {
      const code = codeOf(char);
      if (first[code] === 0) return undefined;
      if (latest[code] === 0) return alone[first[code]! - 1];
      let list = ordered.get(code);
      if (list === undefined) {
        list = order(code);
        ordered.set(code, list);
      }
      return list;
    },
    keys: () => new Set(lists.flatMap(({ characters }) => [...characters])),
  };
}

/** 平水韵: the readings of a character are ordered by how often it rhymes there. */
function compilePingshui(): OwnReadings {
  return indexLists(
    PINGSHUI_CHARACTERS.map((characters, index) => ({
      characters,
      reading: { group: index + 1, tone: levelOf(index) },
      uses: parseCounts(PINGSHUI_USES[index]!),
    })),
  );
}

const levelOf = (index: number): '平' | '仄' =>
  index < PINGSHUI_LEVEL_COUNTS[0]! + PINGSHUI_LEVEL_COUNTS[1]! ? '平' : '仄';

function compileGuangyun(): OwnReadings {
  const levelCount = GUANGYUN_LEVEL_COUNTS[0]! + GUANGYUN_LEVEL_COUNTS[1]!;
  return indexLists(
    GUANGYUN_CHARACTERS.map((characters, index) => ({
      characters,
      reading: { group: index + 1, tone: index < levelCount ? '平' : '仄' },
    })),
  );
}

/** Lists of `group 1 level, group 1 oblique, group 2 level, …`; earlier lists hold the commoner readings. */
function compileLists(tables: readonly (readonly string[])[]): OwnReadings {
  const readings = tables[0]!.map(
    (_, slot): Reading => ({ group: (slot >> 1) + 1, tone: slot % 2 === 0 ? '平' : '仄' }),
  );
  return indexLists(
    tables.flatMap((table) => table.map((characters, slot) => ({ characters, reading: readings[slot]! }))),
  );
}

function interleave(first: readonly string[], second: readonly string[]): string[] {
  return first.flatMap((item, index) => [item, second[index]!]);
}

/** Counts in base 36 between blanks. */
export function parseCounts(text: string): number[] {
  return text === '' ? [] : text.split(' ').map((count) => Number.parseInt(count, 36));
}
