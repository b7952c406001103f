import { describe, expect, it } from 'vitest';
import { breakStanzas, labelPoem } from './label-poem.ts';
import { themeOfTitle } from './theme.ts';

describe('labelPoem', () => {
  it('labels regulated verse by the checker', () => {
    const text = '白日依山盡，黃河入海流。欲窮千里目，更上一層樓。';
    expect(labelPoem({ text, tune: null })).toEqual({
      form: '五绝',
      start: '仄起',
      firstLineRhymes: false,
      rhyme: '尤',
      tune: null,
      faults: 0,
      isFlawless: true,
    });
  });

  it('calls four lines with too many faults old style', () => {
    // 柳宗元's 江雪 rhymes in an entering tone.
    const text = '千山鳥飛絕，萬徑人蹤滅。孤舟蓑笠翁，獨釣寒江雪。';
    expect(labelPoem({ text, tune: null })).toMatchObject({ form: '古', rhyme: null, faults: null, isFlawless: false });
  });

  it('names uneven verse old style and a fragment nothing', () => {
    expect(labelPoem({ text: '君不見，黃河之水天上來。奔流到海不復迴，君不見。', tune: null }).form).toBe('古');
    expect(labelPoem({ text: '楓落吳江冷。', tune: null }).form).toBeNull();
  });

  it('labels a ci with its tune and part, and knows its stanzas', () => {
    const text = '簌簌衣巾落棗花，村南村北響繅車。牛衣古柳賣黃瓜。酒困路長惟欲睡，日高人渴漫思茶。敲門試問野人家。';
    const labels = labelPoem({ text, tune: '浣溪沙' });
    expect(labels).toMatchObject({ form: '词', tune: '浣溪沙', rhyme: '第十部', faults: 0, stanzaEnds: [21] });
    expect(
      breakStanzas(text, labels.stanzaEnds!)
        .split('\n')
        .map((stanza) => stanza.length),
    ).toEqual([24, 24]);
  });

  it('takes the longer tune of the same name where the length asks for it', () => {
    const text =
      '簾外雨潺潺。春意闌珊。羅衾不耐五更寒。夢裏不知身是客，一晌貪歡。獨自莫憑闌。無限江山。別時容易見時難。流水落花春去也，天上人間。';
    expect(labelPoem({ text, tune: '浪淘沙' }).tune).toBe('浪淘沙令');
  });

  it('leaves an unknown tune unnamed', () => {
    expect(labelPoem({ text: '春去也，飛紅萬點愁如海。', tune: '失调名' })).toMatchObject({ form: '词', tune: null });
  });
});

describe('breakStanzas', () => {
  it('breaks only at a line end', () => {
    expect(breakStanzas('甲乙、丙。丁戊己。', [3])).toBe('甲乙、丙。\n丁戊己。');
    expect(breakStanzas('甲乙丙。丁戊己。', [2])).toBe('甲乙丙。丁戊己。');
    expect(breakStanzas('甲乙丙。丁戊己。', [6])).toBe('甲乙丙。丁戊己。');
  });
});

describe('themeOfTitle', () => {
  it.each([
    ['送元二使安西', '送别'],
    ['九日齊山登高', '节令'],
    ['出塞', '边塞'],
    ['梅花二首', '咏物'],
    ['歸田園居', '田园'],
    ['江村即事', '田园'],
    ['登樓', '写景'],
    ['無題', null],
  ])('%s: %s', (title, theme) => {
    expect(themeOfTitle(title)).toBe(theme);
  });
});
