/**
 * Reads the strings of the generated table of tunes. A tune is `;`-separated:
 * name (`traditional` or `traditional=simplified`); Song ci under it; aliases (`name`, or `name:hits:misses` with `?`
 * behind when only collections use it); then variants `Q1@poet#count pattern` (Q 钦定词谱, L 唐宋词格律) and practices
 * `~count pattern`. A pattern: p 平, z 仄, o 中; line ends `.` 韵 `,` 句 `/` 读, before `.` the rhyme set's digit
 * (0 is not written) and `*` for 叶; `|` begins a stanza.
 */
import type { LineEnd, Slot, TuneBook, TuneLine, TunePractice, TuneVariant } from './tune.ts';

const SLOTS: Readonly<Record<string, Slot>> = { p: '平', z: '仄', o: '中' };
const ENDS: Readonly<Record<string, LineEnd>> = { '.': '韵', ',': '句', '/': '读' };

export interface TuneAlias {
  readonly name: string;
  /** Song ci under this name that fit the tune, and that do not. */
  readonly hits: number;
  readonly misses: number;
  /** The book itself lists it. */
  readonly isInBook: boolean;
}

export interface TuneHeader {
  readonly traditional: string;
  readonly name: string;
  readonly corpusCount: number;
  readonly aliases: readonly TuneAlias[];
}

/** Names only: what looking a tune up needs, without parsing its patterns. */
export function parseHeader(encoded: string): TuneHeader {
  const [names = '', count = '0', aliases = ''] = encoded.split(';', 3);
  const [traditional = '', name = traditional] = names.split('=');
  return {
    traditional,
    name,
    corpusCount: Number(count),
    aliases: aliases === '' ? [] : aliases.split(',').map(parseAlias),
  };
}

function parseAlias(encoded: string): TuneAlias {
  const isInBook = !encoded.endsWith('?');
  const [name = '', hits = '0', misses = '0'] = (isInBook ? encoded : encoded.slice(0, -1)).split(':');
  return { name, hits: Number(hits), misses: Number(misses), isInBook };
}

/** The variants and practices of a tune, in the table's order. */
export function parseBody(encoded: string): { variants: TuneVariant[]; practices: TunePractice[] } {
  const variants: TuneVariant[] = [];
  const practices: TunePractice[] = [];
  for (const entry of encoded.split(';').slice(3)) {
    const space = entry.indexOf(' ');
    const head = entry.slice(0, space);
    const { lines, stanzas } = parsePattern(entry.slice(space + 1));
    if (head.startsWith('~')) practices.push(practiceOf(Number(head.slice(1)), lines));
    else variants.push(variantOf(head, lines, stanzas));
  }
  return { variants, practices };
}

function variantOf(head: string, lines: readonly TuneLine[], stanzas: readonly number[]): TuneVariant {
  const at = head.indexOf('@');
  const hash = head.lastIndexOf('#');
  const book: TuneBook = head.startsWith('Q') ? '钦定词谱' : '唐宋词格律';
  const number = Number(head.slice(1, at));
  return {
    label: `${book} ${number}`,
    book,
    number,
    poet: head.slice(at + 1, hash),
    characterCount: lines.reduce((sum, line) => sum + line.slots.length, 0),
    stanzas,
    lines,
    rhymeSetCount: new Set(lines.filter((line) => line.end === '韵').map((line) => line.rhymeSet)).size,
    corpusCount: Number(head.slice(hash + 1)),
  };
}

function practiceOf(count: number, lines: readonly TuneLine[]): TunePractice {
  return { count, slots: lines.flatMap((line) => line.slots), breaks: breaksOf(lines) };
}

/** Characters before each line end, pauses (读) left out. */
export function breaksOf(lines: readonly TuneLine[]): number[] {
  const breaks: number[] = [];
  let characters = 0;
  for (const line of lines) {
    characters += line.slots.length;
    if (line.end !== '读') breaks.push(characters);
  }
  return breaks;
}

function parsePattern(pattern: string): { lines: TuneLine[]; stanzas: number[] } {
  const lines: TuneLine[] = [];
  const stanzas: number[] = [];
  for (const stanza of pattern.split('|')) {
    const before = lines.length;
    for (const [, letters = '', digits = '', star = '', end = ''] of stanza.matchAll(/([pzo]+)(\d*)(\*?)([.,/])/g)) {
      lines.push({
        slots: Array.from(letters, (letter) => SLOTS[letter]!),
        end: ENDS[end]!,
        rhymeSet: digits === '' ? 0 : Number(digits),
        isYe: star === '*',
      });
    }
    stanzas.push(lines.length - before);
  }
  return { lines, stanzas };
}
