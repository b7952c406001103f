import { describe, expect, it } from 'vitest';
import { toSimplified } from './to-simplified.ts';
import { toTraditional } from './to-traditional.ts';

describe('toTraditional', () => {
  it.each([
    ['泪痕干。', '淚痕乾。'],
    ['倚遍阑干。', '倚遍闌干。'],
    ['白发三千丈，', '白髮三千丈，'],
    ['花发江边，', '花發江邊，'],
    ['千里共婵娟。', '千里共嬋娟。'],
    ['夜阑卧听风吹雨，', '夜闌臥聽風吹雨，'],
    ['别后不知君远近，', '別後不知君遠近，'],
    ['只应碧落重相见，', '只應碧落重相見，'],
    ['征人。', '征人。'],
    ['雕梁画栋，', '雕梁畫棟，'],
    ['水沉烟，', '水沉煙，'],
    ['沈吟至今。', '沈吟至今。'],
    ['背人低语。', '背人低語。'],
  ])('%s → %s', (simplified, traditional) => {
    expect(toTraditional(simplified)).toBe(traditional);
  });

  it('keeps text that is traditional already', () => {
    const line = '夢魂尋遍，忽向尊前見。';
    expect(toTraditional(line)).toBe(line);
  });

  it('returns to the same simplified text', () => {
    const text = '严夜警，铜莲漏迟迟。清禁肃，森陛戟，羽卫俨皇闱。';
    expect(toSimplified(toTraditional(text))).toBe(text);
  });
});
