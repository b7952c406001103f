import { describe, expect, it } from 'vitest';
import { check } from '../check.ts';

const MEANING =
  '明月几时有，把酒问青天。不知天上宫阙，今夕是何年。我欲乘风归去，又恐琼楼玉宇，高处不胜寒。起舞弄清影，何似在人间。转朱阁，低绮户，照无眠。不应有恨，何事长向别时圆。人有悲欢离合，月有阴晴圆缺，此事古难全。但愿人长久，千里共婵娟。';
const DREAM = '常记溪亭日暮。沉醉不知归路。兴尽晚回舟，误入藕花深处。争渡。争渡。惊起一滩鸥鹭。';
const STREAM = '山下兰芽短浸溪。松间沙路净无泥。萧萧暮雨子规啼。谁道人生无再少，门前流水尚能西。休将白发唱黄鸡。';

const bare = (text: string) => text.replaceAll(/\P{Script=Han}/gu, '');

describe('a ci without a name', () => {
  it('is recognised by breaks, tones and rhymes', () => {
    for (const [text, tune] of [
      [MEANING, '水调歌头'],
      [DREAM, '如梦令'],
      [STREAM, '浣溪沙'],
    ] as const) {
      expect(check(text)).toEqual(check(text, { tune }));
      expect(check(text).tune).toBe(tune);
    }
  });

  it('without a pause is divided as its tune is', () => {
    const verdict = check(bare(MEANING));
    expect(verdict.tune).toBe('水调歌头');
    expect(verdict.strict.all).toBe(true);
    expect(verdict.lines.map(({ text }) => text).join('')).toBe(bare(MEANING));
    expect(verdict.lines).toHaveLength(19);
    expect(verdict.lines[4]!.text).toBe('我欲乘风归去');
  });

  it('is none where shi of its shape exist, or where tones and rhymes are no tune’s', () => {
    // 生查子 and 玉楼春 have the shape of old-style poems.
    expect(
      check('去年元夜时，花市灯如昼。月上柳梢头，人约黄昏后。今年元夜时，月与灯依旧。不见去年人，泪湿春衫袖。'),
    ).toMatchObject({
      form: '古体',
      tune: null,
    });
    const reversed = [...bare(MEANING)].reverse().join('');
    const lengths = MEANING.split(/[，。]/u).map((line) => [...line].length);
    const ends = lengths.map((_, i) => lengths.slice(0, i + 1).reduce((sum, length) => sum + length, 0));
    const jumbled = ends.map((end, i) => reversed.slice(end - lengths[i]!, end)).join('，');
    for (const text of [reversed, jumbled]) expect(check(text)).toMatchObject({ form: null, tune: null });
    expect(check('学而时习之，不亦说乎。有朋自远方来，不亦乐乎。人不知而不愠，不亦君子乎。').tune).toBeNull();
  });
});
