import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { check } from '../check.ts';
import { separatePoems } from './separate.ts';

const QUIET = '床前明月光，疑是地上霜。\n举头望明月，低头思故乡。';
const TOWER = '白日依山尽，黄河入海流。\n欲穷千里目，更上一层楼。';
const bare = (text: string) => text.replaceAll(/[，。]\n?/gu, '\n').trim();

describe('separatePoems', () => {
  it.each([
    ['静夜思\n李白\n'],
    ['《静夜思》\n李白\n'],
    ['《静夜思》 李白\n'],
    ['李白《静夜思》\n'],
    ['静夜思 李白\n'],
    ['静夜思 [唐] 李白\n'],
    ['静夜思\n[唐] 李白\n'],
    ['静夜思\n（唐）李白\n'],
    ['静夜思\n唐代：李白\n'],
    ['静夜思\n唐·李白\n'],
    ['# 静夜思\n作者：李白\n'],
    ['1. 静夜思\n李白\n'],
    ['题目：静夜思\n作者：李白\n'],
    ['\uFEFF静夜思\r\n李白\r\n'],
  ])('reads the heading %j', (heading) => {
    expect(separatePoems(heading + QUIET)).toEqual([{ title: '静夜思', author: '李白', text: QUIET, line: 1 }]);
  });

  it('reads a heading in the line of its verse, and who wrote it below', () => {
    const text = QUIET.replace('\n', '');
    for (const line of [`静夜思 李白 ${text}`, `《静夜思》李白 ${text}`, `李白《静夜思》：${text}`]) {
      expect(separatePoems(line), line).toEqual([{ title: '静夜思', author: '李白', text, line: 1 }]);
    }
    expect(separatePoems(`${QUIET}\n——李白《静夜思》`)).toEqual([
      { title: '静夜思', author: '李白', text: QUIET, line: 1 },
    ]);
    expect(separatePoems(`${QUIET}\n—— 李白`)).toEqual([{ author: '李白', text: QUIET, line: 1 }]);
    // Lines of verse set apart by blanks are no heading.
    expect(separatePoems('床前明月光 疑是地上霜，举头望明月 低头思故乡。')).toHaveLength(1);
    expect(separatePoems('床前明月光 疑是地上霜，举头望明月 低头思故乡。')[0]).not.toHaveProperty('title');
  });

  it('finds headings between poems that nothing else parts', () => {
    const poems = separatePoems(`静夜思\n李白\n${QUIET}\n登鹳雀楼\n王之涣\n${TOWER}`);
    expect(poems).toEqual([
      { title: '静夜思', author: '李白', text: QUIET, line: 1 },
      { title: '登鹳雀楼', author: '王之涣', text: TOWER, line: 5 },
    ]);
    expect(separatePoems(`静夜思\n${QUIET}\n\n———\n\n${TOWER}`).map(({ title, line }) => [title, line])).toEqual([
      ['静夜思', 1],
      [undefined, 7],
    ]);
  });

  it('tells headings by their length where there is no punctuation', () => {
    expect(separatePoems(`静夜思\n李白\n${bare(QUIET)}\n登鹳雀楼\n王之涣\n${bare(TOWER)}`)).toEqual([
      { title: '静夜思', author: '李白', text: bare(QUIET), line: 1 },
      { title: '登鹳雀楼', author: '王之涣', text: bare(TOWER), line: 7 },
    ]);
    expect(separatePoems(bare(QUIET))).toEqual([{ text: bare(QUIET), line: 1 }]);
    // A title as long as a line of verse.
    expect(separatePoems(`夜泊牛渚怀\n${bare(QUIET)}`)[0]).toMatchObject({ title: '夜泊牛渚怀', text: bare(QUIET) });
  });

  it('takes lines that miss a mark for verse', () => {
    const text = '床前明月光\n疑是地上霜。\n举头望明月\n低头思故乡。';
    expect(separatePoems(text)).toEqual([{ text, line: 1 }]);
  });

  it('gives the poems of a series their title and number', () => {
    const poems = separatePoems(`杂诗\n王维\n其一\n${QUIET}\n其二\n${TOWER}`);
    expect(poems.map(({ title, author }) => `${title}/${author}`)).toEqual(['杂诗 其一/王维', '杂诗 其二/王维']);
  });

  const UPPER =
    '明月几时有，把酒问青天。不知天上宫阙，今夕是何年。我欲乘风归去，又恐琼楼玉宇，高处不胜寒。起舞弄清影，何似在人间。';
  const LOWER =
    '转朱阁，低绮户，照无眠。不应有恨，何事长向别时圆。人有悲欢离合，月有阴晴圆缺，此事古难全。但愿人长久，千里共婵娟。';
  const PREFACE = '丙辰中秋，欢饮达旦，大醉，作此篇，兼怀子由。';

  it('joins the stanzas of a ci, marked or not, and sets its preface apart', () => {
    const whole = { title: '水调歌头', author: '苏轼', text: `${UPPER}\n${LOWER}`, line: 1 };
    for (const text of [
      `水调歌头\n苏轼\n${UPPER}\n${LOWER}`,
      `水调歌头\n苏轼\n${UPPER}\n\n${LOWER}`,
      `水调歌头\n苏轼\n上阕\n${UPPER}\n下阕\n${LOWER}`,
      `水调歌头\n苏轼\n（上片）\n${UPPER}\n\n（下片）\n${LOWER}`,
    ]) {
      expect(separatePoems(text), text).toEqual([whole]);
    }
    expect(separatePoems(`水调歌头\n苏轼\n${PREFACE}\n${UPPER}\n${LOWER}`)).toEqual([{ ...whole, preface: PREFACE }]);
    // Two quatrains are two poems.
    expect(separatePoems(`静夜思\n${QUIET}\n\n${TOWER}`)).toHaveLength(2);
  });

  it('invents nothing, whatever the text, and ends with much of it', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '静夜思',
        '李白',
        '《题》',
        '# 题',
        '其一',
        '上阕',
        '——某',
        '\n',
        '\n\n',
        ' ',
        '水调歌头',
        QUIET,
        bare(TOWER),
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        const known = new Set(text.replaceAll(/\s/gu, ''));
        const verse = separatePoems(text).map((poem) => poem.text.replaceAll(/\s/gu, ''));
        expect(verse.every((each) => each !== '' && [...each].every((char) => known.has(char)))).toBe(true);
      }),
      { seed: 11, numRuns: 200 },
    );
    // Quadratic time would take minutes here.
    separatePoems('天'.repeat(1_000_000));
    separatePoems('静夜思\n'.repeat(30_000));
    separatePoems(`水调歌头\n${'明月几时有，\n'.repeat(20_000)}`);
  });

  it('says nothing of an empty text, and keeps any text whole', () => {
    expect(separatePoems('')).toEqual([]);
    expect(separatePoems(' \n\n ')).toEqual([]);
    expect(separatePoems('《静夜思》')).toEqual([]);
    expect(separatePoems('今天天气很好')).toEqual([{ text: '今天天气很好', line: 1 }]);
  });
});

describe('check', () => {
  it('recognises a poem under its heading, with punctuation or without', () => {
    expect(check(`登鹳雀楼\n王之涣\n${TOWER}`)).toMatchObject({ form: '五绝', strict: { all: true } });
    expect(check(`登鹳雀楼\n王之涣\n${bare(TOWER)}`)).toMatchObject({ form: '五绝', strict: { all: true } });
    expect(check(`登鹳雀楼 王之涣 ${TOWER.replace('\n', '')}`).form).toBe('五绝');
    expect(check({ text: `登鹳雀楼\n王之涣\n${TOWER}`, form: '五绝' }).strict.all).toBe(true);
    expect(
      check('如梦令\n李清照\n常记溪亭日暮，沉醉不知归路。兴尽晚回舟，误入藕花深处。争渡。争渡。惊起一滩鸥鹭。'),
    ).toMatchObject({
      form: '词',
      tune: '如梦令',
    });
    // Two poems are no poem.
    expect(check(`静夜思\n${QUIET}\n登鹳雀楼\n${TOWER}`).form).not.toBe('五绝');
  });
});
