import { describe, expect, it } from 'vitest';
import type { RewardExample } from './poem-reward.ts';
import { ruleCredits } from './rule-credits.ts';

const asked = (form: string, rhyme?: string): RewardExample => ({
  request: { form, ...(rhyme === undefined ? {} : { rhyme }) },
});
const charged = (text: string, example: RewardExample) =>
  [...ruleCredits(text, example)].map(([place, credit]) => [[...text][place] ?? 'end', credit]);

// 王之渙《登鸛雀樓》: keeps every rule, 尤.
const TOWER = '白日依山盡，黃河入海流。欲窮千里目，更上一層樓。';

describe('ruleCredits', () => {
  it('charges nothing to a poem that keeps the rules', () => {
    expect(charged(TOWER, asked('五绝', '尤'))).toEqual([]);
  });

  it('charges a word that does not rhyme, or rhymes twice, to that word', () => {
    expect(charged(TOWER.replace('樓', '山'), asked('五绝', '尤'))).toContainEqual(['山', -1]);
    expect(charged(TOWER.replace('樓', '流'), asked('五绝'))).toEqual([['流', -1]]);
    expect(ruleCredits(TOWER.replace('樓', '流'), asked('五绝')).has(22)).toBe(true);
  });

  it('charges rhymes of another group than was asked for', () => {
    expect(charged(TOWER, asked('五绝', '東'))).toEqual([
      ['流', -1],
      ['樓', -1],
    ]);
  });

  it('charges a wrong tone to its character', () => {
    // Poets wrote such a line; the strict verdict does not pass it.
    expect(charged(TOWER.replace('千', '萬'), asked('五绝'))).toEqual([['萬', -0.5]]);
    expect(charged(TOWER.replace('河', '水'), asked('五绝')).map(([char]) => char)).toContain('水');
  });

  it('charges a line to its first character too many, or to the mark that came too early', () => {
    expect(charged(TOWER.replace('山盡', '山水盡'), asked('五绝'))).toContainEqual(['盡', -1]);
    expect(charged(TOWER.replace('山盡', '山'), asked('五绝'))).toContainEqual(['，', -1]);
    expect([...ruleCredits('白日依山盡，黃河入海流。', asked('五绝'))]).toContainEqual([12, -1]);
    expect([...ruleCredits(TOWER + TOWER, asked('五绝'))]).toContainEqual([24, -1]);
  });
});
