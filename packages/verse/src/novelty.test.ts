import { buildLineIndex } from '@tuiqiao/corpus';
import { describe, expect, it } from 'vitest';
import { noveltyOf } from './novelty.ts';

const index = buildLineIndex([{ author: '柳永', title: '雨霖鈴', text: '多情自古傷離別，更那堪、冷落清秋節。' }]);

describe('noveltyOf', () => {
  it('names lines that stand in the corpus, and the longest run of characters', () => {
    const { copiedLines, longestSharedNgram } = noveltyOf('多情自古傷離別，一夜秋風起。', [index]);
    expect(copiedLines).toMatchObject([{ line: '多情自古傷離別', source: { author: '柳永' } }]);
    expect(longestSharedNgram).toBe(7);
  });

  it('asks nothing of what was given, whole or parted by a mark', () => {
    const text = '多情自古傷離別，更那堪、冷落清秋節。';
    expect(noveltyOf(text, [index], ['多情自古傷離別', '更那堪冷落清秋節'])).toEqual({
      copiedLines: [],
      longestSharedNgram: 0,
    });
    expect(noveltyOf(text, [index], ['更那堪冷落清秋節']).copiedLines).toHaveLength(1);
  });
});
