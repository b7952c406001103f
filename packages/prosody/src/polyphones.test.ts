import { describe, expect, it } from 'vitest';
import { check } from './check.ts';
import { toneByContext } from './tone-context.ts';

describe('多音', () => {
  const read = (text: string, char: string) =>
    check(text, { polyphones: true }).polyphones!.filter((polyphone) => polyphone.char === char);

  it('is resolved by its slot, with both readings shown', () => {
    const [look] = read('遥看瀑布挂前川，日照香炉生紫烟。飞流直下三千尺，疑是银河落九天。', '看');
    expect(look).toMatchObject({ line: 1, position: 2, tone: '平', by: 'slot' });
    expect(look!.readings.map(({ tone, group }) => tone + group)).toEqual(['平寒', '仄翰']);
    expect(look!.readings[0]!.gloss).toContain('视');
    expect(look!.readings[0]!.share! + look!.readings[1]!.share!).toBeCloseTo(1, 2);
  });

  it('is resolved by its neighbours where the slot is free', () => {
    expect(toneByContext('勝', '不', undefined, 'traditional')).toBe(1);
    expect(toneByContext('勝', undefined, '地', 'traditional')).toBe(2);
    expect(toneByContext('胜', undefined, '地', 'simplified')).toBe(2);
    expect(toneByContext('重', '九', undefined, 'traditional')).toBe(1);
    expect(toneByContext('勝', '𠀀', undefined, 'traditional')).toBeNull();
    expect(toneByContext('山', '青', undefined, 'traditional')).toBeNull();
  });

  it('is never an error, and is only listed when asked for', () => {
    const verdict = check('昔人已乘黄鹤去，此地空余黄鹤楼。', { polyphones: true });
    expect(verdict.polyphones!.map(({ char }) => char)).toEqual(['乘', '空']);
    expect(check('昔人已乘黄鹤去，此地空余黄鹤楼。').polyphones).toBeUndefined();
  });
});
