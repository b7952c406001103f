import { describe, expect, it } from 'vitest';
import { DisjointSets } from './disjoint-sets.ts';
import { hashLine } from './line-hash.ts';
import { findDuplicates } from './near-duplicates.ts';

const A = ['白日依山盡', '黃河入海流', '欲窮千里目', '更上一層樓'];

describe('findDuplicates', () => {
  it('joins poems that share half of the shorter one’s lines', () => {
    const report = findDuplicates([
      A,
      ['白日依山盡', '黃河入海流', '甲乙丙丁戊', '己庚辛壬癸'],
      ['白日依山盡', '子丑寅卯辰', '巳午未申酉', '戌亥子丑寅'],
      ['欲窮千里目', '更上一層樓'],
    ]);
    expect([...report.cluster]).toEqual([0, 0, 2, 0]);
    expect([...report.isNearDuplicate]).toEqual([1, 1, 0, 1]);
    expect([...report.isExactCopy]).toEqual([0, 0, 0, 0]);
  });

  it('marks later exact copies only', () => {
    const report = findDuplicates([A, ['春眠不覺曉'], [...A]]);
    expect([...report.isExactCopy]).toEqual([0, 0, 1]);
    expect([...report.cluster]).toEqual([0, 1, 0]);
  });

  it('does not take a formula in many poems for a copy', () => {
    const poems = Array.from({ length: 80 }, (_, i) => ['南無阿彌陀佛', `第${i}句獨有之`]);
    expect(new Set(findDuplicates(poems).cluster).size).toBe(80);
  });

  it('gives the same clusters in any order', () => {
    const poems = [A, ['欲窮千里目', '更上一層樓'], ['更上一層樓', '子丑寅卯辰'], ['春眠不覺曉', '處處聞啼鳥']];
    const forward = findDuplicates(poems).cluster;
    const backward = findDuplicates([...poems].reverse()).cluster;
    const pairs = (cluster: Int32Array, flip: boolean): string[] => {
      const at = (i: number) => cluster[flip ? poems.length - 1 - i : i];
      return [0, 1, 2, 3].map((i) => [0, 1, 2, 3].map((j) => (at(i) === at(j) ? '1' : '0')).join(''));
    };
    expect(pairs(backward, true)).toEqual(pairs(forward, false));
  });
});

describe('DisjointSets', () => {
  it('represents a set by its smallest member', () => {
    const sets = new DisjointSets(6);
    sets.join(4, 5);
    sets.join(5, 2);
    sets.join(3, 4);
    expect([0, 1, 2, 3, 4, 5].map((i) => sets.find(i))).toEqual([0, 1, 2, 2, 2, 2]);
  });
});

describe('hashLine', () => {
  it('stays within 53 bits and spreads evenly', () => {
    const buckets = new Array<number>(16).fill(0);
    const seen = new Set<number>();
    for (let i = 0; i < 20_000; i++) {
      const hash = hashLine(
        `${String.fromCharCode(0x4e00 + (i % 500))}${String.fromCharCode(0x6000 + Math.floor(i / 500))}`,
      );
      expect(Number.isSafeInteger(hash) && hash >= 0).toBe(true);
      seen.add(hash);
      const bucket = Math.floor((hash / 2 ** 53) * 16);
      buckets[bucket] = buckets[bucket]! + 1;
    }
    expect(seen.size).toBe(20_000);
    // 1,250 expected a bucket, standard deviation 34: six of them.
    for (const count of buckets) expect(Math.abs(count - 1250)).toBeLessThan(205);
  });
});
