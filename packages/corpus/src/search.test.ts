import { describe, expect, it } from 'vitest';
import type { Poem } from './poem.ts';
import { searchPoems } from './search.ts';
import { corpusStats } from './stats.ts';

const POEMS = [
  ['t1', '王之渙', '登鸛雀樓', '白日依山盡，黃河入海流。欲窮千里目，更上一層樓。'],
  ['t2', '李白', '送友', '青山橫北郭，白水遶東城。此地一爲別，孤蓬萬里征。'],
  ['t3', '蘇軾', '水調歌頭', '明月幾時有，把酒問青天。不知天上宮闕，今夕是何年。'],
].map(
  ([id, author, title, text]): Poem => ({
    id: id!,
    source: 'shi.tang',
    dynasty: '唐',
    author: author!,
    title: title!,
    text: text!,
    labels: {
      form: '古',
      start: null,
      firstLineRhymes: null,
      rhyme: null,
      tune: null,
      theme: null,
      faults: null,
      isFlawless: false,
      cluster: 0,
      split: 'train',
    },
  }),
);

const find = (text: string, options = {}) =>
  [...searchPoems(POEMS, text, options)].map(({ poem, line }) => [poem.id, line]);

describe('searchPoems', () => {
  it('finds a line typed in either script', () => {
    expect(find('黄河入海流')).toEqual([['t1', 2]]);
    expect(find('黃河入海流')).toEqual([['t1', 2]]);
    expect(find('不知天上宫阙')).toEqual([['t3', 3]]);
  });

  it('finds a couplet with any punctuation, and a part of a line', () => {
    expect(find('明月几时有？把酒问青天')).toEqual([['t3', 1]]);
    expect(find('千里')).toEqual([['t1', 3]]);
  });

  it('looks into titles only when asked', () => {
    expect(find('登鹳雀楼')).toEqual([]);
    expect(find('登鹳雀楼', { inTitles: true })).toEqual([['t1', 0]]);
  });

  it('keeps the limit and finds nothing for nothing', () => {
    expect(find('白', { limit: 1 })).toEqual([['t1', 1]]);
    expect(find('，。')).toEqual([]);
  });
});

describe('corpusStats', () => {
  it('counts characters without punctuation', () => {
    expect(corpusStats(POEMS)).toMatchObject({
      poems: 3,
      lines: 12,
      characters: 61,
      authors: 3,
      bySource: { 'shi.tang': 3 },
    });
  });
});
