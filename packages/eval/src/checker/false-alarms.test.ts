import { check } from '@tuiqiao/prosody';
import { describe, expect, it } from 'vitest';
import { CANON } from './canon.ts';
import { measureFalseAlarms } from './false-alarms.ts';

describe('measureFalseAlarms', () => {
  it('finds none in the canon', () => {
    const { strict, lenient, poems } = measureFalseAlarms();
    expect([strict.n, lenient.n]).toEqual([120, 130]);
    expect(poems).toEqual([]);
    expect(strict.ci[1]).toBeLessThan(0.035);
  });

  it('counts a poem called faulty that the table says is not', () => {
    const wrong = { ...CANON[0]!, text: '白日依山盡，黃河入海樓。欲窮千里目，更上一層山。', form: '五绝' };
    const { strict, poems } = measureFalseAlarms([wrong, ...CANON.filter(({ grade }) => grade === '合').slice(0, 3)]);
    expect([strict.k, strict.n]).toEqual([1, 4]);
    expect(poems).toHaveLength(1);
  });

  it('has poems with real faults, and the checker finds them', () => {
    const broken = CANON.filter(({ grade }) => grade === '疵');
    expect(broken.length).toBe(15);
    for (const { text, form, title } of broken) expect(check({ text, form }).lenient.all, title).toBe(false);
    for (const { text, form, title } of CANON.filter(({ grade }) => grade === '拗')) {
      expect(check({ text, form }).strict.all, title).toBe(false);
    }
  });
});
