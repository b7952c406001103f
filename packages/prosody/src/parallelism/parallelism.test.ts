import { describe, expect, it } from 'vitest';
import { check } from '../check.ts';
import { scoreCouplet } from './parallelism.ts';

const CLIMBING =
  '风急天高猿啸哀，渚清沙白鸟飞回。无边落木萧萧下，不尽长江滚滚来。万里悲秋常作客，百年多病独登台。艰难苦恨繁霜鬓，潦倒新停浊酒杯。';
const YELLOW_CRANE =
  '昔人已乘黄鹤去，此地空余黄鹤楼。黄鹤一去不复返，白云千载空悠悠。晴川历历汉阳树，芳草萋萋鹦鹉洲。日暮乡关何处是，烟波江上使人愁。';

const score = (upper: string, lower: string) => scoreCouplet([...upper], [...lower], 1)!.score;

describe('对仗', () => {
  it('is scored for 律诗 only when asked for', () => {
    expect(check(CLIMBING).parallelism).toBeUndefined();
    expect(
      check('白日依山尽，黄河入海流。欲穷千里目，更上一层楼。', { parallelism: true }).parallelism,
    ).toBeUndefined();
    const { couplets } = check(CLIMBING, { parallelism: true }).parallelism!;
    expect(couplets.map(({ lines }) => lines)).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
    ]);
    // 登高 is parallel in all four couplets.
    expect(couplets.every((couplet) => couplet.score > 0.3)).toBe(true);
    expect(couplets[2]!.carrying[0]).toMatchObject({ position: 1, chars: '万百' });
  });

  it('finds the couplets of 黄鹤楼 that are not parallel, and the places that fail', () => {
    const [first, , third, last] = check(YELLOW_CRANE, { parallelism: true }).parallelism!.couplets;
    expect(first!.score).toBeLessThan(0.1);
    expect(third!.score).toBeGreaterThan(last!.score + 0.3);
    // 历历 and 萋萋 are nowhere else seen together; doubled characters face doubled ones.
    expect(third!.carrying.map(({ chars }) => chars)).toEqual(expect.arrayContaining(['历萋', '树洲']));
    // 黄鹤 faces 黄鹤.
    expect(first!.failing.map(({ chars }) => chars)).toEqual(expect.arrayContaining(['黄黄', '鹤鹤']));
  });

  it('is the same in both scripts and whichever line comes first', () => {
    expect(score('雲對雨', '雪對風')).toBe(score('云对雨', '雪对风'));
    expect(score('明月松间照', '清泉石上流')).toBe(score('清泉石上流', '明月松间照'));
    expect(score('明月松间照', '清泉石上流')).toBeGreaterThan(1);
    expect(score('明月松间照', '独钓寒江雪')).toBeLessThan(0);
  });

  it('has nothing to say of lines of different length and is 0 for characters nobody paired', () => {
    expect(scoreCouplet([...'春风'], [...'秋月明'], 1)).toBeNull();
    expect(scoreCouplet([], [], 1)).toBeNull();
    expect(score('😀', '□')).toBe(0);
  });
});
