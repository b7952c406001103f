/** Columns that line up though some characters are two cells wide. */
import { stripVTControlCharacters } from 'node:util';
import { eastAsianWidth } from 'get-east-asian-width';

const INVISIBLE = /^[\p{C}\p{M}]$/u;
const FLAG = /^[\u{1F1E6}-\u{1F1FF}]{2}$/u;
const PLAIN = /^[\u0020-\u007e]*$/u;
/**
 * Characters that each stand alone: ASCII, general punctuation and marks, CJK and its punctuation. To find where graphemes
 * end takes the first text of a process 10 ms, and every text longer.
 */
const SINGLE =
  /^[ -~·×\u2010-\u2027\u2030-\u205e\u2190-\u21ff\u2460-\u25ff\u2713\u2717\u3000-\u3029\u3030-\u303e\u3400-\u9fff\uff01-\uff60]*$/u;
let segmenter: Intl.Segmenter | undefined;

function cellsOf(grapheme: string): number {
  // Variation selector 16 asks for the coloured, wide picture; two regional indicators are a flag.
  if (grapheme.includes('\uFE0F') || FLAG.test(grapheme)) return 2;
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
  let width = 0;
  if (SINGLE.test(visible)) {
    for (let index = 0; index < visible.length; index++) width += eastAsianWidth(visible.charCodeAt(index));
    return width;
  }
  segmenter ??= new Intl.Segmenter();
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
