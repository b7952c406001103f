/**
 * Rejected answers that keep the rules of the form and are wrong otherwise: a modern word, a couplet whose lines no longer
 * face each other, another poem than was asked for, another form. Seeded; where an edit is made, the checker finds the
 * edited poem as right as the poem.
 */
import { check, loadBook, scoreCouplet } from '@tuiqiao/prosody';
import { splitLines } from '../clean/lines.ts';
import type { Poem } from '../poem.ts';
import type { CharacterPool } from './character-pool.ts';
import { createRandom, type Random, shuffle } from './random.ts';

export const OTHER_NEGATIVES = ['modern', 'duizhang', 'theme', 'form'] as const;
export type OtherNegative = (typeof OTHER_NEGATIVES)[number];

export interface OtherNegativeOptions {
  readonly seed: number;
  readonly pool: CharacterPool;
  /** Poems to answer with for `theme` and `form`. */
  readonly others: readonly Poem[];
}

/** Two characters each, written traditionally; no poem of Tang or Song could have meant them. */
const MODERN_WORDS = [
  '電話 手機 電腦 電視 電影 火車 汽車 飛機 公司 經濟 科學 社會 政府 網絡 鐵路 銀行 工廠 咖啡 政策 警察 化學 物理 機器 郵箱 護照 冰箱',
  '空調 酒店 超市 沙發 客廳 股票 保險 足球 籃球 啤酒 牛奶 蛋糕 地鐵 機場 導彈 坦克 火箭 衛星 病毒 細胞 原子 數據 程序 軟件 博客 微信',
]
  .join(' ')
  .split(' ');

/** Places tried before a poem is given up. */
const MAX_TRIES = 48;
/** A couplet below this is no parallel one (outer couplets: −0.4 on average), and it must have been one: above. */
const NOT_PARALLEL = -0.2;
const PARALLEL = 0.6;
/** Characters replaced in the lower line: one alone hardly shows. */
const CHANGED_CHARACTERS = 2;
/** Other poems looked at. */
const MAX_OTHERS = 400;

/** The wrong answer's text, or null when this poem gives no occasion (a 绝句 has no couplet that must be parallel). */
export function createOtherNegative(poem: Poem, kind: OtherNegative, options: OtherNegativeOptions): string | null {
  const random = createRandom(options.seed, `${poem.id} ${kind}`);
  switch (kind) {
    case 'modern':
      return withModernWord(poem, random);
    case 'duizhang':
      return withBrokenCouplet(poem, options.pool, random);
    case 'theme':
      return otherPoem(
        poem,
        options,
        random,
        (other) => other.labels.form === poem.labels.form && !isAlike(poem, other),
      );
    case 'form':
      return otherPoem(poem, options, random, (other) => other.labels.form !== poem.labels.form);
    default:
      return kind satisfies never;
  }
}

function keepsRules({ labels }: Poem, text: string): boolean {
  const request = labels.tune === null ? { form: labels.form ?? '古' } : { tune: labels.tune };
  return check({ text, ...request }).strict.all;
}

/** The text with the characters of one line, from `position` on, replaced. */
function replaceAt(text: string, line: number, position: number, inserted: string): string {
  const characters = [...text];
  let lineNow = 0;
  let place = 0;
  for (const [i, character] of characters.entries()) {
    if ('，。\n'.includes(character)) {
      if (place > 0) lineNow++;
      place = 0;
      continue;
    }
    if (character === '、') continue;
    const offset = place - position;
    if (lineNow === line && offset >= 0 && offset < [...inserted].length) characters[i] = [...inserted][offset]!;
    place++;
  }
  return characters.join('');
}

function withModernWord(poem: Poem, random: Random): string | null {
  const book = loadBook('pingshui');
  const lines = splitLines(poem.text).map((line) => [...line]);
  // The last character carries the rhyme.
  const places = lines.flatMap((line, i) =>
    Array.from({ length: line.length - 2 }, (_, position) => [i, position] as const),
  );
  const words = shuffle(MODERN_WORDS, random);
  let tries = 0;
  for (const [line, position] of shuffle(places, random)) {
    const fits = (word: string): boolean =>
      [...word].every((char, i) => book.toneMask(char) === book.toneMask(lines[line]![position + i]!));
    const word = words.find(fits);
    if (word === undefined) continue;
    const text = replaceAt(poem.text, line, position, word);
    if (keepsRules(poem, text)) return text;
    if (++tries === MAX_TRIES) return null;
  }
  return null;
}

function withBrokenCouplet(poem: Poem, pool: CharacterPool, random: Random): string | null {
  if (poem.labels.form !== '五律' && poem.labels.form !== '七律') return null;
  const book = loadBook('pingshui');
  const lines = splitLines(poem.text).map((line) => [...line]);
  const used = new Set(poem.text);
  for (const upper of shuffle([2, 4], random)) {
    const before = scoreCouplet(lines[upper]!, lines[upper + 1]!, upper + 1);
    if (before === null || before.score < PARALLEL) continue;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const lower = [...lines[upper + 1]!];
      const places = shuffle([...lower.keys()].slice(0, -1), random).slice(0, CHANGED_CHARACTERS);
      for (const place of places) {
        const mask = book.toneMask(lower[place]!);
        if (mask === 1 || mask === 2)
          lower[place] = pool.draw(lower[place]!, mask === 1 ? '平' : '仄', used, random) ?? lower[place]!;
      }
      const after = scoreCouplet(lines[upper]!, lower, upper + 1);
      if (after === null || after.score > NOT_PARALLEL) continue;
      const text = replaceAt(poem.text, upper + 1, 0, lower.join(''));
      if (keepsRules(poem, text)) return text;
    }
  }
  return null;
}

/** Another poem in the same rhyme where the request names one, so that only what is asked about tells them apart. */
function otherPoem(
  poem: Poem,
  { others }: OtherNegativeOptions,
  random: Random,
  isWrong: (other: Poem) => boolean,
): string | null {
  if (others.length === 0) return null;
  const start = Math.floor(random() * others.length);
  for (let step = 0; step < Math.min(MAX_OTHERS, others.length); step++) {
    const other = others[(start + step) % others.length]!;
    if (other.id === poem.id || other.labels.tune !== null || other.labels.rhyme !== poem.labels.rhyme) continue;
    if (isWrong(other)) return other.text;
  }
  return null;
}

/** One theme, or a title that shares a character with the other's title or text. */
function isAlike(poem: Poem, other: Poem): boolean {
  if (poem.labels.theme !== null && poem.labels.theme === other.labels.theme) return true;
  return [...poem.title].some((char) => other.title.includes(char) || other.text.includes(char));
}
