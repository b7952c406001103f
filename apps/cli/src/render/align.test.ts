import { describe, expect, it } from 'vitest';
import { displayWidth, padStart } from './align.ts';

describe('displayWidth', () => {
  it.each([
    ['abc', 3],
    ['床前明月光', 10],
    ['〔平水韵〕七陽', 14],
    ['\u001B[31m疵\u001B[39m ✗', 4],
    // One grapheme each: a letter with its mark, a picture made of several, a flag.
    ['e\u0301', 1],
    ['👩‍👩‍👧', 2],
    ['🇨🇳', 2],
    ['❤\uFE0F', 2],
    ['月\u{E0100}', 2],
    ['𠮷', 2],
  ])('%s takes %i cells', (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });

  it('counts no character alone that joins the one before it', () => {
    const segmenter = new Intl.Segmenter();
    const wrong: string[] = [];
    for (let code = 0x20; code < 0xd800; code++) {
      const char = String.fromCharCode(code);
      const text = `月${char}月`;
      if ([...segmenter.segment(text)].length === 3) continue;
      // Joined, it is no wider than what it joins.
      if (displayWidth(text) !== 4) wrong.push(code.toString(16));
    }
    expect(wrong).toEqual([]);
  });

  it('pads by cells', () => {
    expect(padStart('月', 4)).toBe('  月');
  });
});
