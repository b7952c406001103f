import { describe, expect, it } from 'vitest';
import { uniform } from '../intervals.ts';
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
  it('is defined for an empty set', () =>
    expect(diversityOf([])).toMatchObject({ distinct1: 0, distinct2: 0, selfBleu: 0 }));

  it('looks at equally many poems of sets of different size, evenly spread', () => {
    const many = Array.from({ length: 40 }, (_, i) => `春風${String.fromCodePoint(0x4e00 + i)}柳綠，花開${i}月明。`);
    const few = diversityOf(many, 10);
    expect(few.n).toBe(10);
    expect(few.distinct1).toBe(diversityOf(many.filter((_, i) => i % 4 === 0)).distinct1);
    expect(few.distinct1).toBeGreaterThan(diversityOf(many).distinct1);
  });
  it('gives intervals that hold the figure and are narrow for many poems', () => {
    const random = uniform(5);
    const poems = (count: number): string[] =>
      Array.from({ length: count }, () =>
        Array.from({ length: 20 }, () => String.fromCodePoint(0x4e00 + Math.floor(random() ** 2 * 300))).join(''),
      );
    const width = ({ ci }: ReturnType<typeof diversityOf>): number => ci.distinct2[1] - ci.distinct2[0];
    const small = diversityOf(poems(40));
    expect(small.ci.distinct2[0]).toBeLessThanOrEqual(small.distinct2);
    expect(small.ci.distinct2[1]).toBeGreaterThanOrEqual(small.distinct2);
    expect(width(small)).toBeGreaterThan(0);
    expect(width(diversityOf(poems(400)))).toBeLessThan(0.05);
  });
});
