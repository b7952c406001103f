import { describe, expect, it } from 'vitest';
import { check } from '../check.ts';

const show = (text: string, form?: string) =>
  check(text, form === undefined ? {} : { form })
    .findings.filter(({ rule }) => rule !== 'chongzi')
    .map(({ line, position, name, verdict }) => `${line}.${position ?? ''} ${name} ${verdict}`);

describe('六言', () => {
  const pond = '杨柳鸣蜩绿暗，荷花落日红酣。三十六陂春水，白头想见江南。';

  it('is recognised where its pairs alternate and its couplets are opposite', () => {
    const verdict = check(pond);
    expect(verdict).toMatchObject({ form: '六绝', start: '仄起', firstLineRhymes: false, strict: { all: true } });
    expect(verdict.rhyme).toEqual({ group: '覃', level: '下平', lines: [2, 4], offLines: [] });
    expect(verdict.lines[0]!.tones).toBe('平仄平平仄仄');
    expect(check(pond.replaceAll('，', ' ')).form).toBe('六绝');
  });

  it('has its faults named, and by name in either script', () => {
    expect(show(pond.replace('落日', '清风'))).toEqual(['2.4 失对 疵']);
    expect(show(pond.replace('江南', '江北'), '六言絕句')).toEqual(['4.6 平仄 疵', '4.6 出韵 疵']);
    expect(show('杨柳鸣蜩绿暗，荷花落日红酣。', '六绝')).toEqual(['2. 句数 疵']);
    expect(check('', { form: '六律' }).strict.all).toBe(false);
    expect(check(`${pond}${pond}`, { form: '六律' })).toMatchObject({ form: '六律', strict: { length: true } });
  });

  it('is old style where it keeps no pattern', () => {
    expect(check('桃红复含宿雨，柳绿更带朝烟。花落家童未扫，莺啼山客犹眠。').form).toBe('古体');
  });
});
