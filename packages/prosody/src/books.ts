// The rhyme books: 平水韵, 词林正韵, 中华新韵, 中华通韵. A book answers which readings (group and tone) a character has;
// readings are sets, and choosing among them is the work of the rules. Loaded lazily from string tables, no file access.

import { type Script, simplifyCharacter, standardForm, traditionalForms } from './scripts.ts';
import { CILIN_LEVEL, CILIN_OBLIQUE } from './tables/cilin.ts';
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
import { CONFIRMED_LEVEL_ONLY, CONFIRMED_OBLIQUE_ONLY, PINGSHUI_CHARACTERS, PINGSHUI_USES } from './tables/pingshui.ts';
import { TONGYUN_FIRST, TONGYUN_FURTHER } from './tables/tongyun.ts';
import { XINYUN_FIRST, XINYUN_FURTHER } from './tables/xinyun.ts';
import type { BookName } from './verdict.ts';

/** One reading of a character. */
export interface Reading {
  /** Group of the book: 平水 1–106, 词林 1–19 (15–19 are the entering parts), 新韵 1–14, 通韵 1–16. */
  readonly group: number;
  readonly tone: '平' | '仄';
}

export interface RhymeGroup {
  readonly id: number;
  /** Traditional, e.g. 東, 第一部. */
  readonly name: string;
  readonly simplified: string;
  /** 上平 下平 上 去 入 in 平水韵; 平仄 or 入 in the books whose groups are divided by tone only inside. */
  readonly level: string;
  /** Tone of the whole group; 平 where the group holds both (level 平仄): then the reading has it. */
  readonly tone: '平' | '仄';
}

export interface Book {
  readonly name: BookName;
  readonly groups: readonly RhymeGroup[];
  /** Readings, variants folded; simplified characters through their traditional forms; [] when unknown. */
  readings(char: string): readonly Reading[];
  /** Bit 1 = 平, bit 2 = 仄, 0 unknown. */
  toneMask(char: string): 0 | 1 | 2 | 3;
  /**
   * The tones that the narrowest source of 平水韵 with the character gives; those of `toneMask` in the other books. A slot
   * that `toneMask` fits and this does not is no fault, but is reported as 多音. For a few characters (僊) the two have
   * nothing in common.
   */
  confirmedToneMask(char: string): 0 | 1 | 2 | 3;
  group(id: number): RhymeGroup | undefined;
  /** By name in either script (东, 東, 一东, 第七部, 7), else the group of a character's commonest rhyme reading. */
  findGroup(nameOrChar: string): RhymeGroup | undefined;
  /** Groups from which a first line may borrow its rhyme (首句借邻韵). */
  neighbours(id: number): readonly number[];
  /** Every character that the book itself lists. */
  characters(): Iterable<string>;
}

/** A rhyme word with how often it rhymes in its group in regulated Tang and Song verse. */
export interface RhymeWord {
  readonly char: string;
  readonly uses: number;
}

/** Beyond the last CJK extension; larger code points are never characters of a book. */
const CODE_POINT_LIMIT = 0x34000;
const NOT_COMPUTED = 255;
const NUMERALS = '零一二三四五六七八九';

const books = new Map<string, Book>();
const ownReadings = new Map<BookName, OwnReadings>();

type OwnReadings = ReadonlyMap<string, readonly Reading[]>;

/**
 * A rhyme book; built at the first call (about 20 ms), then cached.
 *
 * @param script `traditional` (default): a character that the book lists has just its own readings, others those of
 *   their traditional forms. `simplified`: every character has the union of its traditional forms' readings, as
 *   simplified text needs (干 is 乾, 幹 and 干).
 */
export function loadBook(name: BookName, script: Script = 'traditional'): Book {
  const key = `${name} ${script}`;
  let book = books.get(key);
  if (!book) {
    book = createBook(name, script);
    books.set(key, book);
  }
  return book;
}

function createBook(name: BookName, script: Script): Book {
  const own = loadOwnReadings(name);
  const groups = listGroups(name);
  const lookUp = script === 'simplified' ? readSimplified : readTraditional;
  // By code point: 0 = not asked yet, else one more than the place in `found`.
  const places = new Uint16Array(CODE_POINT_LIMIT);
  const found: (readonly Reading[])[] = [];

  const readings = (char: string): readonly Reading[] => {
    const code = char.codePointAt(0) ?? CODE_POINT_LIMIT;
    if (code >= CODE_POINT_LIMIT || char.length > (code > 0xffff ? 2 : 1)) return lookUp(own, char);
    const place = places[code]!;
    if (place !== 0) return found[place - 1]!;
    const list = lookUp(own, char);
    // What no book lists is not kept: only the tables bound what is.
    if (list.length > 0) places[code] = found.push(list);
    return list;
  };

  const toneMask = cacheByCodePoint((char) => maskOf(readings(char)));
  const confirmedToneMask =
    name === 'pingshui' ? cacheByCodePoint((char) => confirmedMaskOf(char, script, toneMask(char))) : toneMask;

  return {
    name,
    groups,
    readings,
    toneMask,
    confirmedToneMask,
    group: (id) => groups[id - 1],
    findGroup: (nameOrChar) => findByName(groups, nameOrChar) ?? groups[(readings(nameOrChar)[0]?.group ?? 0) - 1],
    neighbours: (id) => (name === 'pingshui' ? pingshuiNeighbours(id) : []),
    characters: () => own.keys(),
  };
}

type ToneMask = 0 | 1 | 2 | 3;

function cacheByCodePoint(compute: (char: string) => ToneMask): (char: string) => ToneMask {
  const masks = new Uint8Array(CODE_POINT_LIMIT).fill(NOT_COMPUTED);
  return (char) => {
    const code = char.codePointAt(0);
    if (code === undefined || code >= CODE_POINT_LIMIT) return compute(char);
    const known = masks[code]!;
    if (known !== NOT_COMPUTED) return known as ToneMask;
    const mask = compute(char);
    masks[code] = mask;
    return mask;
  };
}

let narrowedMasks: ReadonlyMap<string, ToneMask> | undefined;

/** The tones of the narrowest source, for one character as it stands. */
function narrow(char: string, mask: ToneMask): ToneMask {
  if (!narrowedMasks) {
    const masks = new Map<string, ToneMask>();
    for (const each of CONFIRMED_LEVEL_ONLY) masks.set(each, 1);
    for (const each of CONFIRMED_OBLIQUE_ONLY) masks.set(each, 2);
    narrowedMasks = masks;
  }
  return narrowedMasks.get(char) ?? mask;
}

function confirmedMaskOf(char: string, script: Script, mask: ToneMask): ToneMask {
  const own = loadOwnReadings('pingshui');
  const standard = standardForm(char);
  const isOwn = script === 'traditional' && !standard && own.has(char);
  const forms = isOwn ? [char] : [char, ...(standard ? [standard] : []), ...traditionalForms(char)];
  let confirmed = 0;
  for (const form of forms) {
    const readings = own.get(form);
    if (readings) confirmed |= narrow(form, maskOf(readings));
  }
  return confirmed === 0 ? mask : (confirmed as ToneMask);
}

function maskOf(readings: readonly Reading[]): 0 | 1 | 2 | 3 {
  let mask = 0;
  for (const reading of readings) mask |= reading.tone === '平' ? 1 : 2;
  return mask as 0 | 1 | 2 | 3;
}

// ── readings ───────────────────────────────────────────────────────────────────────────────────────────────────────

function readTraditional(own: OwnReadings, char: string): readonly Reading[] {
  const standard = standardForm(char);
  const direct = standard ? union(own, [char, standard]) : own.get(char);
  if (direct && direct.length > 0) return direct;
  const forms = union(own, traditionalForms(char));
  if (forms.length > 0) return forms;
  return readFolded(own, char);
}

function readSimplified(own: OwnReadings, char: string): readonly Reading[] {
  const forms = [char, ...traditionalForms(char)];
  for (const form of [...forms]) {
    const standard = standardForm(form);
    if (standard) forms.push(standard, ...traditionalForms(standard));
  }
  const found = union(own, forms);
  return found.length > 0 ? found : readFolded(own, char);
}

/** The last resort: the simplified form, or the character that a compatibility code point stands for. */
function readFolded(own: OwnReadings, char: string): readonly Reading[] {
  const simplified = own.get(simplifyCharacter(char));
  if (simplified) return simplified;
  const folded = char.normalize('NFKC');
  return (folded !== char ? own.get(folded) : undefined) ?? [];
}

function union(own: OwnReadings, chars: readonly string[]): readonly Reading[] {
  const result: Reading[] = [];
  for (const char of chars) {
    for (const reading of own.get(char) ?? []) if (!result.includes(reading)) result.push(reading);
  }
  return result;
}

function loadOwnReadings(name: BookName): OwnReadings {
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
    case 'cilin':
      return compileLists([interleave(CILIN_LEVEL, CILIN_OBLIQUE)]);
    case 'xinyun':
      return compileLists([XINYUN_FIRST, XINYUN_FURTHER]);
    case 'tongyun':
      return compileLists([TONGYUN_FIRST, TONGYUN_FURTHER]);
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

function parseCounts(text: string): number[] {
  return text === '' ? [] : text.split(' ').map((count) => Number.parseInt(count, 36));
}

// ── groups ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function listGroups(name: BookName): readonly RhymeGroup[] {
  switch (name) {
    case 'pingshui':
      return listPingshuiGroups();
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
    default:
      return name satisfies never;
  }
}

function listPingshuiGroups(): readonly RhymeGroup[] {
  const levels = ['上平', '下平', '上', '去', '入'].flatMap((level, index) =>
    Array.from({ length: PINGSHUI_LEVEL_COUNTS[index]! }, () => level),
  );
  const simplified = [...PINGSHUI_SIMPLIFIED_NAMES];
  return [...PINGSHUI_NAMES].map((name, index) => ({
    id: index + 1,
    name,
    simplified: simplified[index]!,
    level: levels[index]!,
    tone: levelOf(index),
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

function findByName(groups: readonly RhymeGroup[], name: string): RhymeGroup | undefined {
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

function pingshuiNeighbours(id: number): readonly number[] {
  const found = new Set<number>();
  for (const family of PINGSHUI_NEIGHBOURS) if (family.includes(id)) for (const other of family) found.add(other);
  found.delete(id);
  return [...found];
}

// ── rhyme words ────────────────────────────────────────────────────────────────────────────────────────────────────

const rhymeWordLists = new Map<number, readonly RhymeWord[]>();

/** The characters of a 平水 group that poets rhymed on, commonest first; [] for an unknown group. */
export function rhymeWords(groupId: number): readonly RhymeWord[] {
  const known = rhymeWordLists.get(groupId);
  if (known) return known;
  const counts = parseCounts(PINGSHUI_USES[groupId - 1] ?? '');
  const words: RhymeWord[] = [];
  for (const char of PINGSHUI_CHARACTERS[groupId - 1] ?? '') {
    const uses = counts[words.length];
    if (uses === undefined) break;
    words.push({ char, uses });
  }
  if (PINGSHUI_CHARACTERS[groupId - 1] !== undefined) rhymeWordLists.set(groupId, words);
  return words;
}
