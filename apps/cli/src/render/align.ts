/** Columns that line up though some characters are two cells wide. */
import { stripVTControlCharacters } from 'node:util';
import { eastAsianWidth } from 'get-east-asian-width';

const INVISIBLE = /^[\p{C}\p{M}]$/u;
const PLAIN = /^[\u0020-\u007e]*$/u;
let segmenter: Intl.Segmenter | undefined;

function cellsOf(grapheme: string): number {
  // Variation selector 16 asks for the coloured, wide picture.
  if (grapheme.includes('\uFE0F')) return 2;
  let cells = 0;
  for (const char of grapheme) {
    if (!INVISIBLE.test(char)) cells = Math.max(cells, eastAsianWidth(char.codePointAt(0)!));
  }
  return cells;
}

/** Cells a text takes in a terminal; colours take none. A grapheme is as wide as its widest part. */
export function displayWidth(text: string): number {
  const visible = stripVTControlCharacters(text);
  if (PLAIN.test(visible)) return visible.length;
  segmenter ??= new Intl.Segmenter();
  let width = 0;
  for (const { segment } of segmenter.segment(visible)) width += cellsOf(segment);
  return width;
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)));
}

export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - displayWidth(text))) + text;
}

/** Width of the widest, in terminal cells. */
export function widest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, displayWidth(text)), 0);
}
