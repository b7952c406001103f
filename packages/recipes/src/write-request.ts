/** From the words of `write` (either script, free theme) to a writing request in the corpus's terms. */
import { toTraditional } from '@tuiqiao/corpus';
import {
  type BookName,
  type FixedCharacter,
  findTune,
  loadBook,
  type RhymeGroup,
  splitText,
  type Tune,
} from '@tuiqiao/prosody';
import type { ErrorWords, WriteOptions } from '@tuiqiao/schema';
import type { WritingRequest } from '@tuiqiao/verse';
import { RecipesError } from './errors.ts';

type RequestWords = Pick<
  WriteOptions,
  'form' | 'tune' | 'theme' | 'title' | 'style' | 'rhyme' | 'book' | 'acrostic' | 'keep' | 'firstLine'
> &
  Partial<
    Pick<
      WriteOptions,
      | 'variant'
      | 'lines'
      | 'start'
      | 'rhymeFirstLine'
      | 'neighbourFirstLine'
      | 'repeats'
      | 'parallelism'
      | 'embed'
      | 'acrosticEnd'
      | 'continue'
      | 'couplet'
    >
  >;

const DYNASTIES: readonly string[] = [
  '先秦',
  '汉',
  '魏晋',
  '南北朝',
  '隋',
  '唐',
  '五代',
  '宋',
  '辽',
  '金',
  '元',
  '明',
  '清',
];
const KEPT_LINE = /^(\d+)[:：](.+)$/u;

function badRequest(message: string, zh: ErrorWords, hint?: string): RecipesError {
  return new RecipesError('write-request', message, { zh, ...(hint === undefined ? {} : { hint }) });
}

/** Stands for a character that is left to the model. */
const FREE = /[□_＿○*]/u;

/** `2:清泉石上流` → the characters of line 2. */
function keptLine(text: string): FixedCharacter[] {
  const match = KEPT_LINE.exec(text);
  if (match === null)
    throw badRequest(`keep: expected LINE:TEXT such as 2:清泉石上流, got ${text}`, {
      message: `keep 应写作 句号:文字，如 2:清泉石上流，给的是 ${text}`,
    });
  return fixedLine(Number(match[1]), match[2]!);
}

function fixedLine(line: number, text: string): FixedCharacter[] {
  const characters = [...toTraditional(text)].filter(
    (character) => FREE.test(character) || /\p{Script=Han}/u.test(character),
  );
  const fixed = characters.flatMap((character, i) =>
    FREE.test(character) ? [] : [{ line, position: i + 1, character }],
  );
  if (fixed.length === 0)
    throw badRequest(`keep: expected Chinese characters in line ${line}, got ${text}`, {
      message: `第 ${line} 句应有汉字，给的是 ${text}`,
    });
  return fixed;
}

/** One character a line, `place` saying where in it. */
function oneEachLine(text: string, place: (line: number) => number): FixedCharacter[] {
  return [...toTraditional(text)].flatMap((character, i) =>
    FREE.test(character) ? [] : [{ line: i + 1, position: place(i + 1), character }],
  );
}

function fixedCharacters(words: RequestWords, lineLength: (line: number) => number): FixedCharacter[] {
  return [
    ...(words.acrostic === undefined ? [] : oneEachLine(words.acrostic, () => 1)),
    ...(words.acrosticEnd === undefined ? [] : oneEachLine(words.acrosticEnd, lineLength)),
    ...words.keep.flatMap(keptLine),
    ...(words.firstLine === undefined ? [] : fixedLine(1, words.firstLine)),
    ...(words.continue === undefined
      ? []
      : splitText(words.continue).lines.flatMap(({ text }, i) => fixedLine(i + 1, text))),
  ];
}

/** How many characters a line has, from 1; what is beyond the poem the plan refuses by itself. */
function lineLengths(words: RequestWords, tune: Tune | undefined): (line: number) => number {
  if (tune === undefined) return () => (words.form?.startsWith('五') ? 5 : 7);
  const commonest = tune.variants.reduce((best, each) => (each.corpusCount > best.corpusCount ? each : best));
  const variant = tune.variants.find(({ label }) => label === words.variant) ?? commonest;
  return (line) => variant.lines[line - 1]?.slots.length ?? 1;
}

const SHORT_FORMS: readonly string[] = ['五绝', '七绝', '五律', '七律'];

/** What may come again: see the option `repeats`. */
function repeatsOf(
  words: RequestWords,
  isCi: boolean,
): Pick<WritingRequest, 'noRepeatedCharacters' | 'allowsDoubling'> {
  const asked = words.repeats ?? 'auto';
  const isShort = !isCi && SHORT_FORMS.includes(words.form!);
  const rule = asked === 'auto' ? (isShort ? 'doubled' : 'free') : asked;
  return rule === 'free' ? {} : { noRepeatedCharacters: true, ...(rule === 'doubled' ? { allowsDoubling: true } : {}) };
}

/**
 * The request the model is asked and the automaton holds it to. A theme without a title stands where a title would:
 * that is where poems say what they are about.
 *
 * @throws RecipesError `write-request` when neither form nor tune is given, or a word is not understood
 */
export function toWritingRequest(words: RequestWords): WritingRequest {
  const tune = words.tune === undefined ? undefined : findTune(words.tune);
  if (words.tune !== undefined && tune === undefined) {
    throw badRequest(
      `tune: there is no tune called ${words.tune} in the tables`,
      {
        message: `词谱里没有 ${words.tune} 这个词牌`,
        hint: '常用的有浣溪沙、菩萨蛮、西江月、临江仙、蝶恋花、水调歌头。',
      },
      'Common ones are 浣溪沙, 菩萨蛮, 西江月, 临江仙, 蝶恋花, 水调歌头.',
    );
  }
  if (words.couplet !== undefined) return coupletRequest(words, words.couplet);
  if (tune === undefined && words.form === undefined) {
    throw badRequest(
      'write: expected --form or --tune, got neither',
      { message: '要写什么体？请给 --form 或 --tune', hint: '例如 --form 七绝，或 --tune 浣溪沙。' },
      'For example --form 七绝, or --tune 浣溪沙.',
    );
  }
  const group = groupOf(words.rhyme, words.book ?? (tune === undefined ? 'pingshui' : 'cilin'));
  const title = words.title ?? words.theme;
  const fixed = fixedCharacters(words, lineLengths(words, tune));
  const embedded =
    words.embed === undefined ? [] : [...toTraditional(words.embed)].filter((each) => /\p{Script=Han}/u.test(each));
  return {
    ...(tune === undefined ? { form: words.form! } : { form: '词', tune: tune.name }),
    ...(words.book === undefined ? {} : { book: words.book }),
    ...(group === undefined ? {} : { rhyme: group.name }),
    ...(title === undefined ? {} : { title: toTraditional(title) }),
    ...styleOf(words.style),
    ...(fixed.length === 0 ? {} : { fixed }),
    ...(embedded.length === 0 ? {} : { embedded }),
    ...repeatsOf(words, tune !== undefined),
    ...(tune === undefined
      ? {
          weighsReadings: true,
          ...(words.start === undefined ? {} : { start: words.start }),
          ...(words.rhymeFirstLine === undefined ? {} : { firstLineRhymes: words.rhymeFirstLine }),
          ...(words.neighbourFirstLine ? { neighbourFirstLine: true } : {}),
          ...(words.lines === undefined ? {} : { lineCount: words.lines }),
          ...(words.parallelism && /[律排]$/u.test(words.form!) ? { parallelism: words.parallelism } : {}),
        }
      : words.variant === undefined
        ? {}
        : { variant: words.variant }),
  };
}

function groupOf(rhyme: string | undefined, book: BookName): RhymeGroup | undefined {
  if (rhyme === undefined) return undefined;
  const group = loadBook(book).findGroup(rhyme);
  if (group !== undefined) return group;
  throw badRequest(
    `rhyme: ${rhyme} is no group of the book ${book}`,
    { message: `${rhyme} 不是此韵书的韵部`, hint: '写韵部名如东、尤，或该部的一个字。' },
    'Name a group such as 东 or 尤, or a character that rhymes in it.',
  );
}

/** A line to be answered: what concerns whole poems (form, tune, kept lines, …) is not asked of it. */
function coupletRequest(words: RequestWords, line: string): WritingRequest {
  const other = (['form', 'tune', 'acrostic', 'acrosticEnd', 'firstLine', 'continue', 'embed'] as const).find(
    (name) => words[name] !== undefined,
  );
  if (other !== undefined || words.keep.length > 0) {
    const name = other ?? 'keep';
    throw badRequest(
      `couplet: expected a line alone, got ${name} as well`,
      { message: `couplet 只要一句上联，不能同时给 ${name}`, hint: `去掉 --${name}。` },
      `Leave out --${name}.`,
    );
  }
  const upper = toTraditional(line);
  if (!/\p{Script=Han}/u.test(upper)) {
    throw badRequest(`couplet: expected a line of Chinese characters, got ${line}`, {
      message: `上联应是汉字，给的是 ${line}`,
    });
  }
  const group = groupOf(words.rhyme, words.book ?? 'pingshui');
  return {
    form: '联',
    couplet: upper,
    ...(words.book === undefined ? {} : { book: words.book }),
    ...(group === undefined ? {} : { rhyme: group.name }),
    ...(words.theme === undefined && words.title === undefined
      ? {}
      : { title: toTraditional(words.title ?? words.theme!) }),
    ...styleOf(words.style),
    ...(words.repeats === 'free'
      ? {}
      : { noRepeatedCharacters: true, ...(words.repeats === 'none' ? {} : { allowsDoubling: true }) }),
    ...(words.parallelism ? { parallelism: words.parallelism } : {}),
    weighsReadings: true,
  };
}

/** `李白` is an author, `宋` or `宋代` a dynasty. */
export function styleOf(style: string | undefined): Pick<WritingRequest, 'author' | 'dynasty'> {
  if (style === undefined) return {};
  const name = style.replace(/(代|朝)$/u, '');
  return DYNASTIES.includes(name) ? { dynasty: name } : { author: toTraditional(style) };
}
