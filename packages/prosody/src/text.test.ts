import { describe, expect, it } from 'vitest';
import { ProsodyError } from './errors.ts';
import { MAX_TEXT_LENGTH, splitText } from './text.ts';

const lines = (text: string): string[] => splitText(text).lines.map((line) => line.text);

describe('splitText', () => {
  it('divides at Chinese and ASCII punctuation and line feeds', () => {
    const expected = ['床前明月光', '疑是地上霜', '举头望明月', '低头思故乡'];
    expect(lines('床前明月光，疑是地上霜。举头望明月，低头思故乡。')).toEqual(expected);
    expect(lines('床前明月光,疑是地上霜.\n举头望明月,低头思故乡.')).toEqual(expected);
    expect(lines('床前明月光\r\n疑是地上霜\r\n\r\n举头望明月\n低头思故乡')).toEqual(expected);
    expect(lines('床前明月光 疑是地上霜　举头望明月 低头思故乡')).toEqual(expected);
  });

  it('reads text spaced character by character', () => {
    expect(lines('床 前 明 月 光，疑 是 地 上 霜。')).toEqual(['床前明月光', '疑是地上霜']);
  });

  it('leaves out notes, quotes and title marks', () => {
    expect(lines('「床前」明月光（一作（看）月光），《疑》是地上霜。')).toEqual(['床前明月光', '疑是地上霜']);
    expect(lines('床前（明月光，疑是地上霜。')).toEqual(['床前明月光', '疑是地上霜']);
  });

  it('counts code points, also beyond the BMP and broken ones', () => {
    expect(splitText('𣂏前明月光，').lines[0]!.chars.length).toBe(5);
    expect(splitText('床\uD800前明月光').lines[0]!.chars.length).toBe(6);
    expect(splitText('床\uFE00前明月光').lines[0]!.chars.length).toBe(5);
    expect(splitText('床😀前').lines[0]!.chars).toEqual(['床', '😀', '前']);
  });

  it('keeps the mark after a line and the pauses inside it', () => {
    const [first, second] = splitText('大江东去、浪淘尽，千古风流人物。\n').lines;
    expect(first).toMatchObject({ text: '大江东去浪淘尽', mark: '，', pauses: [4] });
    expect(second!.mark).toContain('。');
  });

  it('has no lines for a text without verse', () => {
    for (const text of ['', ' \n', '，。！', '（注）']) expect(lines(text)).toEqual([]);
  });

  it('refuses what is no poem but a file', () => {
    expect(() => splitText('春'.repeat(MAX_TEXT_LENGTH + 1))).toThrow(ProsodyError);
  });
});
