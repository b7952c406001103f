import { buildLineIndex } from '@tuiqiao/corpus';
import { describe, expect, it } from 'vitest';
import { traceLines } from './copying.ts';

const index = buildLineIndex([
  { title: '登鸛雀樓', author: '王之渙', text: '白日依山盡，黃河入海流。欲窮千里目，更上一層樓。' },
]);

describe('traceLines', () => {
  it('names the poem a whole line comes from', () => {
    expect(traceLines('黃河入海流。', [index])).toEqual([
      { line: '黃河入海流', source: { title: '登鸛雀樓', author: '王之渙' }, shared: '黃河入海流' },
    ]);
  });
  it('finds the longest shared run of other lines, and none where there is none', () => {
    expect(traceLines('獨上一層臺，空階夜雨頻。', [index])).toEqual([
      { line: '獨上一層臺', source: null, shared: '上一層' },
      { line: '空階夜雨頻', source: null, shared: '' },
    ]);
  });
  it('looks in every index, and names the first that has the line', () => {
    const other = buildLineIndex([{ title: '相思', author: '王維', text: '紅豆生南國，春來發幾枝。' }]);
    expect(traceLines('紅豆生南國，黃河入海流。', [index, other]).map(({ source }) => source?.title)).toEqual([
      '相思',
      '登鸛雀樓',
    ]);
  });
  it('has nothing to say of an empty text', () => expect(traceLines(' \n', [index])).toEqual([]));
});
