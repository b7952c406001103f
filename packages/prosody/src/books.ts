// The rhyme books: 平水韵, 词林正韵, 中华新韵, 中华通韵, 廣韻. A book answers which readings (group and tone) a character has;
// readings are sets, and choosing among them is the work of the rules. Loaded lazily from string tables, no file access.

import { findByName, guangyunTogether, listGroups, pingshuiNeighbours } from './book-groups.ts';
import { loadOwnReadings, type OwnReadings } from './book-readings.ts';
import type { Book, Reading } from './book-types.ts';
import { type Script, simplifyCharacter, standardForm, traditionalForms } from './scripts.ts';
import { CONFIRMED_LEVEL_ONLY, CONFIRMED_OBLIQUE_ONLY } from './tables/pingshui.ts';
import type { BookName } from './verdict.ts';

/** Beyond the last CJK extension; larger code points are never characters of a book. */
const CODE_POINT_LIMIT = 0x34000;
const NOT_COMPUTED = 255;

const books = new Map<string, Book>();

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

  const toneMasks = cacheByCodePoint((char) => {
    const mask = maskOf(readings(char));
    return mask | ((name === 'pingshui' ? confirmedMaskOf(char, script, mask) : mask) << 2);
  });

  return {
    name,
    groups,
    readings,
    toneMask: (char) => (toneMasks(char) & 3) as ToneMask,
    confirmedToneMask: (char) => (toneMasks(char) >> 2) as ToneMask,
    toneMasks,
    group: (id) => groups[id - 1],
    findGroup: (nameOrChar) => findByName(groups, nameOrChar) ?? groups[(readings(nameOrChar)[0]?.group ?? 0) - 1],
    neighbours: (id) => (name === 'pingshui' ? pingshuiNeighbours(id) : []),
    together: name === 'guangyun' ? guangyunTogether : (id) => id,
    characters: () => own.keys(),
  };
}

type ToneMask = 0 | 1 | 2 | 3;

function cacheByCodePoint(compute: (char: string) => number): (char: string) => number {
  const masks = new Uint8Array(CODE_POINT_LIMIT).fill(NOT_COMPUTED);
  return (char) => {
    const code = char.codePointAt(0);
    if (code === undefined || code >= CODE_POINT_LIMIT) return compute(char);
    const known = masks[code]!;
    if (known !== NOT_COMPUTED) return known;
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
