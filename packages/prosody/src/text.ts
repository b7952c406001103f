// Text to lines: punctuation and line feeds divide, bracketed notes and typographic marks vanish, everything else is one
// character of verse, known to the books or not. Works by code point, so that characters beyond the BMP count as one.

import { characterOfUnit } from './characters.ts';
import { ProsodyError } from './errors.ts';

/** One line of verse without its punctuation. */
export interface PoemLine {
  /** One entry per code point. */
  readonly chars: readonly string[];
  readonly text: string;
  /** Punctuation and line feeds between this line and the next, as they stand, e.g. `。` or `，\n`. */
  readonly mark: string;
  /** Counts of characters before each 、 inside the line (the 读 of ci). */
  readonly pauses: readonly number[];
}

export interface PoemText {
  readonly lines: readonly PoemLine[];
}

/** The longest poem of the corpus has some 3,000 characters; a text far beyond is a file, not a poem. */
export const MAX_TEXT_LENGTH = 200_000;

const VERSE = 1;
const BREAK = 2;
const DROP = 3;
const SPACE = 4;
const PAUSE = 5;
const OPEN = 6;
const CLOSE = 7;
type CharacterClass = 1 | 2 | 3 | 4 | 5 | 6 | 7;

const BREAKS = new Set('，。！？；：｡､,.!?;:…—|/\n\r\u2028\u2029\u0085');
const OPENING = '（(〔[【{';
const CLOSING = '）)〕]】}';
const IGNORED = /^[\p{P}\p{M}\p{C}\p{Sm}\p{Sc}\p{Sk}]$/u;
const LONE_SURROGATE_OR_PRIVATE = /^[\p{Cs}\p{Co}\p{Cn}]$/u;

/** Classes of the code points of the BMP, filled on demand: 0 = not asked yet. */
const classes = new Uint8Array(0x10000);

function classify(char: string, unit: number): CharacterClass {
  if (char.length > 1) return computeClass(char);
  const known = classes[unit]!;
  if (known !== 0) return known as CharacterClass;
  const result = computeClass(char);
  classes[unit] = result;
  return result;
}

const isLeading = (unit: number): boolean => unit >= 0xd800 && unit < 0xdc00;
const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit < 0xe000;
const isTrailing = (unit: number): boolean => unit >= 0xdc00 && unit < 0xe000;

function characterAt(text: string, index: number, unit: number): string {
  if (isLeading(unit) && isTrailing(text.charCodeAt(index + 1))) return text.slice(index, index + 2);
  return characterOfUnit(unit);
}

function computeClass(char: string): CharacterClass {
  if (BREAKS.has(char)) return BREAK;
  if (char === '、') return PAUSE;
  if (/^[\s\t]$/u.test(char)) return SPACE;
  if (OPENING.includes(char)) return OPEN;
  if (CLOSING.includes(char)) return CLOSE;
  // Broken or private code points stand where a character should: they count, and are unknown to every book.
  if (LONE_SURROGATE_OR_PRIVATE.test(char)) return VERSE;
  return IGNORED.test(char) ? DROP : VERSE;
}

/**
 * The lines of a poem. Notes in round, square or curly brackets are left out; a blank between characters divides lines
 * as a comma does, unless the text is spaced character by character.
 *
 * @throws ProsodyError PROSODY_TEXT_TOO_LONG beyond {@link MAX_TEXT_LENGTH} UTF-16 units.
 */
export function splitText(text: string): PoemText {
  if (text.length > MAX_TEXT_LENGTH) {
    throw new ProsodyError(
      'PROSODY_TEXT_TOO_LONG',
      `check: expected a poem of at most ${MAX_TEXT_LENGTH} characters, got ${text.length}`,
      'separate the poems of a file with blank lines',
    );
  }
  const plain = removeNotes(text);
  const lines = divide(plain, true);
  const isSpacedOut = lines.length > 2 && lines.filter((line) => line.chars.length === 1).length * 2 > lines.length;
  return { lines: isSpacedOut ? divide(plain, false) : lines };
}

/**
 * Leaves out bracketed notes, nested or not; a bracket without its partner is a mark like others. One pass: a closing
 * bracket takes away what stands since the last open one of its kind.
 */
function removeNotes(text: string): string {
  if (!hasOpenBracket(text)) return text;
  const kept: string[] = [];
  /** For each kind of bracket, where in `kept` those stand that are open still. */
  const open: number[][] = Array.from(OPENING, () => []);
  for (const char of text) {
    const opened = OPENING.indexOf(char);
    if (opened >= 0) open[opened]!.push(kept.length);
    const closed = CLOSING.indexOf(char);
    const start = closed < 0 ? undefined : open[closed]!.pop();
    if (start === undefined) {
      kept.push(char);
      continue;
    }
    kept.length = start;
    for (const places of open) while ((places.at(-1) ?? -1) >= start) places.pop();
  }
  return kept.join('');
}

function hasOpenBracket(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (classes[unit] === OPEN || (classes[unit] === 0 && classify(characterOfUnit(unit), unit) === OPEN)) return true;
  }
  return false;
}

const NO_PAUSES: readonly number[] = [];

function closeLine(chars: readonly string[], text: string, pauses: readonly number[], mark: string): PoemLine {
  return {
    chars,
    text,
    mark: mark.length < 2 || mark.trimEnd() === '' ? mark : mark.trim(),
    pauses: pauses.length === 0 ? NO_PAUSES : pauses.filter((pause) => pause < chars.length),
  };
}

/** Characters of the BMP from `start` on that stand in verse, up to the first unit that is something else. */
function endOfRun(text: string, start: number): number {
  let end = start;
  for (; end < text.length; end++) {
    const unit = text.charCodeAt(end);
    if (classes[unit] !== VERSE || isSurrogate(unit)) break;
  }
  return end;
}

function charactersOfRun(text: string, start: number, end: number): string[] {
  const chars = new Array<string>(end - start);
  for (let index = start; index < end; index++) chars[index - start] = characterOfUnit(text.charCodeAt(index));
  return chars;
}

function divide(text: string, spaceDivides: boolean): PoemLine[] {
  const lines: PoemLine[] = [];
  let chars: string[] = [];
  /** The characters together; '' where they do not stand together in the text. */
  let whole = '';
  let pauses: number[] = [];
  let mark = '';
  const close = (): void => {
    if (chars.length > 0) lines.push(closeLine(chars, whole === '' ? chars.join('') : whole, pauses, mark));
    chars = [];
    whole = '';
    if (pauses.length > 0) pauses = [];
    mark = '';
  };
  for (let index = 0; index < text.length; ) {
    const unit = text.charCodeAt(index);
    const char = characterAt(text, index, unit);
    switch (classify(char, unit)) {
      case VERSE: {
        if (mark !== '') close();
        const end = endOfRun(text, index);
        if (chars.length > 0 || end === index) {
          chars.push(char);
          whole = '';
          break;
        }
        // Nearly every line is one run of characters.
        chars = charactersOfRun(text, index, end);
        whole = text.slice(index, end);
        index = end;
        continue;
      }
      case BREAK:
        mark = mark === '' ? char : mark + char;
        break;
      case SPACE:
        if (mark !== '' || (spaceDivides && chars.length > 0)) mark += char;
        break;
      case PAUSE:
        if (mark === '' && chars.length > 0) pauses.push(chars.length);
        break;
      default:
        break;
    }
    index += char.length;
  }
  close();
  return lines;
}
