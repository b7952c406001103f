import { describe, expect, it } from 'vitest';
import { diversityOf } from './diversity.ts';

describe('diversityOf', () => {
  it('counts distinct characters and pairs inside lines only', () => {
    const { distinct1, distinct2 } = diversityOf(['山山水，水山山。']);
    expect(distinct1).toBeCloseTo(2 / 6, 12);
    // 山山 山水 | 水山 山山
    expect(distinct2).toBeCloseTo(3 / 4, 12);
  });
  it('gives identical poems a self-BLEU of 1 and unrelated ones a much lower value', () => {
    const poem = '白日依山盡，黃河入海流。欲窮千里目，更上一層樓。';
    expect(diversityOf([poem, poem]).selfBleu).toBeCloseTo(1, 12);
    expect(diversityOf([poem, '空階夜雨頻，孤館曉鐘聞。舊友書來少，清霜髮染新。']).selfBleu).toBeLessThan(0.2);
  });
  it('is defined for an empty set', () => expect(diversityOf([])).toEqual({ distinct1: 0, distinct2: 0, selfBleu: 0 }));
});
