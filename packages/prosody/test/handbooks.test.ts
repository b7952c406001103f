import { describe, expect, it } from 'vitest';
import { measureHandbooks, readHandbooks } from '../../../tools/prosody/report/handbooks.mjs';
import { check } from '../src/check.ts';
import { simplifyCharacter } from '../src/scripts.ts';

describe('the regulated poems of 唐诗三百首 and 千家诗', () => {
  const poems = readHandbooks();

  it('show a 疵 only where one was judged by hand, and at most 2 % of the correct ones do', () => {
    const flagged = poems.filter(({ text }) => check(text).findings.some(({ verdict }) => verdict === '疵'));
    const judged = measureHandbooks();
    expect(judged.n).toBe(439);
    expect(flagged.map(({ text }) => text)).toEqual(judged.flagged.map(({ text }) => text));
    expect(judged.flagged.filter(({ kind }) => kind === 'unjudged')).toEqual([]);
    const wrong = judged.flagged.filter(({ kind }) => kind === 'false').length;
    const correct = judged.n - (judged.flagged.length - wrong);
    expect(wrong / correct).toBeLessThanOrEqual(0.02);
  });

  it('show no more in simplified characters', () => {
    const count = (text: string) => check(text).findings.filter(({ verdict }) => verdict === '疵').length;
    for (const { text } of poems) {
      expect(count(Array.from(text, simplifyCharacter).join('')), text).toBeLessThanOrEqual(count(text));
    }
  });
});
