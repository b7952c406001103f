import { describe, expect, it } from 'vitest';
import { CorpusError } from '../errors.ts';
import { buildLineIndex, LineIndex } from './line-index.ts';

const POEMS = [
  { author: '孟浩然', title: '春曉', text: '春眠不覺曉，處處聞啼鳥。夜來風雨聲，花落知多少。' },
  { author: '王之渙', title: '登鸛雀樓', text: '白日依山盡，黃河入海流。欲窮千里目，更上一層樓。' },
  { author: '某', title: '借句', text: '白日依山盡，孤帆入海遲。' },
  { author: '晏殊', title: '浣溪沙', text: '一曲新詞酒一杯。去年天氣舊亭臺。夕陽西下幾時迴。' },
];

describe('LineIndex', () => {
  const index = buildLineIndex(POEMS);

  it('names the first poem that has a line', () => {
    expect(index.find('白日依山盡')).toEqual({ author: '王之渙', title: '登鸛雀樓' });
    expect(index.find('白日依山盡，')).toEqual({ author: '王之渙', title: '登鸛雀樓' });
  });

  it('folds variants before comparing', () => {
    expect(index.find('黄河入海流')).toEqual({ author: '王之渙', title: '登鸛雀樓' });
  });

  it('finds nothing for a changed or a short line', () => {
    expect(index.find('白日依山遠')).toBeNull();
    expect(index.find('春眠')).toBeNull();
    expect(index.find('')).toBeNull();
  });

  it('lists the copied lines of a poem', () => {
    expect(index.findCopiedLines('春眠不覺曉，明月照高樓。').map(({ line }) => line)).toEqual(['春眠不覺曉']);
  });

  it('measures the longest run inside a line', () => {
    expect(index.longestSharedNgram('月落烏啼霜，江楓漁火眠。')).toBe(0);
    expect(index.longestSharedNgram('春眠不覺遲，')).toBe(4);
    expect(index.longestSharedNgram('去年天氣好，')).toBe(4);
    expect(index.longestSharedNgram('夕陽西下幾時迴')).toBe(7);
    // 曉處處聞 runs across a line end in the corpus.
    expect(index.longestSharedNgram('曉處處聞啼')).toBe(4);
  });

  it('is the same after serialize and parse', () => {
    for (const withGrams of [true, false]) {
      const built = buildLineIndex(POEMS, { withGrams });
      const read = LineIndex.parse(built.serialize());
      expect(read.lineCount).toBe(built.lineCount);
      for (const line of ['白日依山盡', '更上一層樓', '去年天氣舊亭臺', '不在其中者']) {
        expect(read.find(line)).toEqual(built.find(line));
        expect(read.longestSharedNgram(line)).toBe(built.longestSharedNgram(line));
      }
    }
  });

  it('knows the lines of several together, each under its first source', () => {
    const further = buildLineIndex([
      { author: '某', title: '又', text: '白日依山盡，長河落日圓。' },
      { author: '孟浩然', title: '春曉', text: '夜來風雨聲。' },
    ]);
    const both = LineIndex.parse(LineIndex.union([index, further]).serialize());
    expect(both.lineCount).toBe(index.lineCount + 1 + (index.find('夜來風雨聲') === null ? 1 : 0));
    expect(both.find('白日依山盡')).toEqual({ author: '王之渙', title: '登鸛雀樓' });
    expect(both.find('長河落日圓')).toEqual({ author: '某', title: '又' });
    expect(both.find('月落烏啼霜')).toBeNull();
  });

  it('refuses a file that is cut or foreign', () => {
    const bytes = index.serialize();
    for (const length of [0, 5, 11, 40, bytes.length - 1])
      expect(() => LineIndex.parse(bytes.subarray(0, length))).toThrow(CorpusError);
    expect(() => LineIndex.parse(Buffer.from('PK\u0003\u0004 something else altogether'))).toThrow(CorpusError);
  });

  it('keeps many lines apart', () => {
    const character = (n: number) => String.fromCharCode(0x4e00 + n);
    const poems = Array.from({ length: 3000 }, (_, i) => ({
      author: `a${i}`,
      title: '',
      text: `${character(i)}${character(i * 2)}山水${character(i * 3)}。`,
    }));
    const many = LineIndex.parse(buildLineIndex(poems).serialize());
    expect(many.lineCount).toBe(3000);
    poems.forEach((poem) => {
      expect(many.find(poem.text)?.author).toBe(poem.author);
    });
  });
});
