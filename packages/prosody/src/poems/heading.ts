// What stands above (or below) a poem: its title and its author, in the ways people write them. No verse is judged here.

/** Title and author of a poem, as far as its heading tells them. */
export interface Heading {
  readonly title?: string;
  readonly author?: string;
}

const DYNASTIES =
  '先秦|两汉|东汉|西汉|[汉漢]|三国|[魏晋晉]|东晋|西晋|南北朝|南朝|北朝|隋|唐|五代|南唐|后蜀|北宋|南宋|宋|[辽遼]|金|元|明|清|近代|[现現]代|[当當]代';
const OPENING = '[\\[【〔（(]';
const CLOSING = '[\\]】〕）)]';
/** [唐] 李白, （宋）苏轼, 唐·李白, 唐代：李白. */
const WITH_DYNASTY = new RegExp(
  `^(?:${OPENING}(?:${DYNASTIES})代?${CLOSING}\\s*|(?:${DYNASTIES})代?\\s*[·‧•・：:]\\s*)([^\\s·，。：:]{1,8})$`,
  'u',
);
const LABELLED_AUTHOR = /^(?:作者|诗人|詩人|词人|詞人)\s*[：:]\s*(.+)$/u;
const LABELLED_TITLE = /^(?:题目|題目|标题|標題|诗题|詩題|题|題|词牌|詞牌|篇名)\s*[：:]\s*(.+)$/u;
const IN_BRACKETS = /^(.{0,12}?)\s*《([^《》]{1,60})》\s*(.{0,12})$/u;
const NUMBER = /^(?:#+\s*|(?:\d{1,4}|[一二三四五六七八九十百]{1,4})\s*[.．、]\s*)/u;
const IN_SERIES = /^[（(]?其[一二三四五六七八九十百]{1,3}[）)]?$/u;
const ATTRIBUTION = /^\s*(?:[-—–~]{1,3}|──)\s*(?=\S)/u;
/** A name has two to four characters, five where it is foreign or a monk's with his temple. */
const LONGEST_NAME = 5;
/** A title in one line; longer is prose. */
export const LONGEST_HEADING = 60;

/** 其二: a poem of a series, which shares the title before. */
export const isSeriesNumber = (line: string): boolean => IN_SERIES.test(line);

/** — 李白《静夜思》: who wrote it, said below. */
export const isAttribution = (line: string): boolean => ATTRIBUTION.test(line);

/** A line without the number of its poem (1. 一、) or the # of a heading. */
export const withoutNumber = (line: string): string => line.replace(NUMBER, '');

/** A line that can only be a heading, whatever stands below: marked as one. */
export function isMarkedHeading(line: string): boolean {
  if (isAttribution(line)) return false;
  return (
    /^#+\s*\S/u.test(line) ||
    isSeriesNumber(line) ||
    LABELLED_AUTHOR.test(line) ||
    LABELLED_TITLE.test(line) ||
    WITH_DYNASTY.test(line) ||
    (IN_BRACKETS.test(line) && !/[，。！？；]/u.test(line))
  );
}

/** A name without its dynasty, marks and brackets. */
function cleanName(text: string): string {
  const plain = text.trim();
  const named = WITH_DYNASTY.exec(plain)?.[1] ?? plain;
  return named.replace(/^[·‧•・：:\s/—-]+|[·‧•・：:\s/—-]+$/gu, '');
}

/** The heading that one or more lines make, first to last. */
export function readHeading(lines: readonly string[]): Heading {
  let title: string | undefined;
  let author: string | undefined;
  for (const raw of lines) {
    const line = raw.replace(ATTRIBUTION, '').replace(NUMBER, '').trim();
    if (line === '') continue;
    const labelledAuthor = LABELLED_AUTHOR.exec(line)?.[1];
    const labelledTitle = LABELLED_TITLE.exec(line)?.[1];
    const bracketed = IN_BRACKETS.exec(line);
    const dynastic = WITH_DYNASTY.exec(line)?.[1];
    if (labelledAuthor !== undefined) author ??= cleanName(labelledAuthor);
    else if (labelledTitle !== undefined) title ??= labelledTitle.trim();
    else if (dynastic !== undefined) author ??= dynastic;
    else if (bracketed !== null) {
      title ??= bracketed[2]!;
      const name = cleanName(bracketed[1]!) || cleanName(bracketed[3]!);
      if (name !== '') author ??= name;
    } else if (isAttribution(raw) && author === undefined) author = cleanName(line);
    else if (title === undefined) ({ title, author = author } = splitSpaced(line));
    else if (author === undefined && [...line].length <= LONGEST_NAME) author = cleanName(line);
    else title = `${title} ${line}`;
  }
  return { ...(title === undefined ? {} : { title }), ...(author === undefined ? {} : { author }) };
}

/** 静夜思 李白, 静夜思 [唐] 李白: a last word that can be a name is the author. */
function splitSpaced(line: string): { title: string; author?: string } {
  const dynastic = new RegExp(`^(.+?)\\s*(${OPENING}(?:${DYNASTIES})代?${CLOSING}\\s*\\S{1,8})$`, 'u').exec(line);
  if (dynastic !== null) return { title: dynastic[1]!.trim(), author: cleanName(dynastic[2]!) };
  const words = line.split(/\s+/u);
  const last = words.at(-1)!;
  const isName = words.length > 1 && [...last].length >= 2 && [...last].length <= LONGEST_NAME - 1;
  return isName ? { title: words.slice(0, -1).join(' '), author: last } : { title: line };
}
