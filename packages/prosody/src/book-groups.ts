// The groups of the rhyme books: names, levels, neighbours, and how a reader may call them.

import type { RhymeGroup } from './book-types.ts';
import {
  PINGSHUI_LEVEL_COUNTS,
  PINGSHUI_NAMES,
  PINGSHUI_NEIGHBOURS,
  PINGSHUI_SIMPLIFIED_NAMES,
  TONGYUN_NAMES,
  TONGYUN_SIMPLIFIED_NAMES,
  XINYUN_NAMES,
  XINYUN_SIMPLIFIED_NAMES,
} from './tables/groups.ts';
import {
  GUANGYUN_LEVEL_COUNTS,
  GUANGYUN_NAMES,
  GUANGYUN_SIMPLIFIED_NAMES,
  GUANGYUN_TOGETHER,
} from './tables/guangyun.ts';
import type { BookName } from './verdict.ts';

const NUMERALS = '零一二三四五六七八九';

/** The groups of a book in its order. */
export function listGroups(name: BookName): readonly RhymeGroup[] {
  switch (name) {
    case 'pingshui':
      return listLevelledGroups(PINGSHUI_NAMES, PINGSHUI_SIMPLIFIED_NAMES, PINGSHUI_LEVEL_COUNTS);
    case 'cilin':
      return Array.from({ length: 19 }, (_, index): RhymeGroup => {
        const title = `第${numeral(index + 1)}部`;
        const isEntering = index >= 14;
        const level = isEntering ? '入' : '平仄';
        return { id: index + 1, name: title, simplified: title, level, tone: isEntering ? '仄' : '平' };
      });
    case 'xinyun':
      return listModernGroups(XINYUN_NAMES, XINYUN_SIMPLIFIED_NAMES);
    case 'tongyun':
      return listModernGroups(TONGYUN_NAMES, TONGYUN_SIMPLIFIED_NAMES);
    case 'guangyun':
      return listLevelledGroups(GUANGYUN_NAMES, GUANGYUN_SIMPLIFIED_NAMES, GUANGYUN_LEVEL_COUNTS);
    default:
      return name satisfies never;
  }
}

/** Books divided by the five levels, of which the first two are 平. */
function listLevelledGroups(names: string, simplifiedNames: string, counts: readonly number[]): readonly RhymeGroup[] {
  const levels = ['上平', '下平', '上', '去', '入'].flatMap((level, index) =>
    Array.from({ length: counts[index]! }, () => level),
  );
  const simplified = [...simplifiedNames];
  return [...names].map((name, index) => ({
    id: index + 1,
    name,
    simplified: simplified[index]!,
    level: levels[index]!,
    tone: levels[index]!.endsWith('平') ? '平' : '仄',
  }));
}

function listModernGroups(names: string, simplifiedNames: string): readonly RhymeGroup[] {
  const simplified = [...simplifiedNames];
  return [...names].map((name, index) => ({
    id: index + 1,
    name,
    simplified: simplified[index]!,
    level: '平仄',
    tone: '平',
  }));
}

/** 1 → 一, 12 → 十二; up to 99. */
function numeral(value: number): string {
  const tens = Math.floor(value / 10);
  const units = value % 10;
  const head = tens === 0 ? '' : tens === 1 ? '十' : `${NUMERALS[tens]}十`;
  return head + (units === 0 && tens > 0 ? '' : NUMERALS[units]);
}

/** A group by its name in either script, with or without level and number (东, 一东, 上平一东, 第七部, 7). */
export function findByName(groups: readonly RhymeGroup[], name: string): RhymeGroup | undefined {
  const plain = name.trim().replace(/[韻韵]$/u, '');
  const exact = groups.find((group) => group.name === plain || group.simplified === plain);
  if (exact) return exact;
  const number =
    plain.match(/^(?:第)?([0-9]{1,3}|[一二三四五六七八九十]{1,3})部$/u)?.[1] ?? plain.match(/^[0-9]{1,3}$/u)?.[0];
  if (number) return groups.find((group) => String(group.id) === number || numeral(group.id) === number);
  // 一东, 上平一东, 下平七阳: the level and the number only repeat what the name says.
  const bare = plain.replace(/^(?:上平聲?声?|下平聲?声?|[上去入][聲声])?[一二三四五六七八九十]{0,3}/u, '');
  return bare === '' ? undefined : groups.find((group) => group.name === bare || group.simplified === bare);
}

/** Groups near enough for a first line to borrow its rhyme. */
export function pingshuiNeighbours(id: number): readonly number[] {
  const found = new Set<number>();
  for (const family of PINGSHUI_NEIGHBOURS) if (family.includes(id)) for (const other of family) found.add(other);
  found.delete(id);
  return [...found];
}

let togetherById: ReadonlyMap<number, number> | undefined;

/** The first of the rhymes of 廣韻 that are used together (同用) with this one. */
export function guangyunTogether(id: number): number {
  if (togetherById === undefined) {
    const ids = new Map([...GUANGYUN_NAMES].map((name, index) => [name, index + 1]));
    const firsts = new Map<number, number>();
    for (const names of GUANGYUN_TOGETHER.split(' ')) {
      const first = ids.get([...names][0]!)!;
      for (const name of names) firsts.set(ids.get(name)!, first);
    }
    togetherById = firsts;
  }
  return togetherById.get(id) ?? id;
}
