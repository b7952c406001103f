/** Verse lines and their punctuation. A line ends at ，。 or a stronger mark; 、 divides inside a ci line and is no end. */

const LINE_END = /[，。；：！？\n]+/u;

/** Lines without any punctuation, `、` included. */
export function splitLines(text: string): string[] {
  const lines: string[] = [];
  for (const part of text.split(LINE_END)) {
    const line = part.includes('、') ? part.replaceAll('、', '') : part;
    if (line !== '') lines.push(line);
  }
  return lines;
}

/** Characters, not UTF-16 units. */
export function characterCount(line: string): number {
  let count = line.length;
  for (let i = 0; i < line.length; i++) {
    const unit = line.charCodeAt(i);
    if (unit >= 0xd800 && unit < 0xdc00) count--;
  }
  return count;
}

/** The common line length of a poem whose lines are all equally long, else 0. */
export function uniformLength(lines: readonly string[]): number {
  if (lines.length === 0) return 0;
  const first = characterCount(lines[0]!);
  for (const line of lines) if (characterCount(line) !== first) return 0;
  return first;
}

/**
 * ，。 only. Verse in couplets of equal lines is punctuated anew (odd line ，, even line 。), other verse keeps its
 * divisions: ？！；。 become 。, ：， become ，; inside ci `、` stays.
 */
export function normalizePunctuation(text: string, isCi: boolean): string {
  const lines = splitLines(text);
  if (!isCi && lines.length % 2 === 0 && uniformLength(lines) > 0) {
    let out = '';
    for (let i = 0; i < lines.length; i++) out += lines[i] + (i % 2 === 0 ? '，' : '。');
    return out;
  }
  let out = text.replace(/[？！；?!;]/g, '。').replace(/[：:]/g, '，');
  if (!isCi) out = out.replaceAll('、', '，');
  out = out
    .replace(/、+/g, '、')
    .replace(/、?([，。])[，。、]*/g, '$1')
    .replace(/^[，。、]+/, '');
  if (!/[。\n]$/.test(out) && out !== '') out = `${out.replace(/[，、]$/, '')}。`;
  return out;
}
