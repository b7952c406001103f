import { describe, expect, it } from 'vitest';
import { loadBook } from './books.ts';
import { check } from './check.ts';
import { obliqueCounterparts } from './rules/rhyme-patterns.ts';
import type { Verdict } from './verdict.ts';

const show = (verdict: Verdict): string[] =>
  verdict.findings.map(
    (each) => `${each.line}${each.position ? `.${each.position}` : ''} ${each.name} ${each.verdict}`,
  );

describe('old style', () => {
  it('is named once, by an oblique rhyme', () => {
    const verdict = check('千山鸟飞绝，万径人踪灭。孤舟蓑笠翁，独钓寒江雪。');
    expect(verdict).toMatchObject({ form: '古绝', start: null, firstLineRhymes: null });
    expect(verdict.rhyme).toEqual({ group: '屑', level: '入', lines: [1, 2, 4], offLines: [] });
    expect(show(verdict)).toEqual(['1 古绝 拗可']);
    expect(verdict.strict).toEqual({ length: true, rhyme: false, meter: false, all: false });
    expect(verdict.lenient.all).toBe(true);
  });

  it('is named once, by many broken places, and every one when the form is asked for', () => {
    const text = '岱宗夫如何，齐鲁青未了。造化钟神秀，阴阳割昏晓。荡胸生层云，决眦入归鸟。会当凌绝顶，一览众山小。';
    expect(check(text).form).toBe('古体');
    expect(show(check(text))).toEqual(['1 古体 拗可']);
    const asked = check(text, { form: '五律' });
    expect(asked.form).toBe('五律');
    expect(asked.findings.filter((finding) => finding.verdict === '疵').length).toBeGreaterThan(5);
    expect(asked.lenient.all).toBe(false);
  });

  it('of many or of mixed lines is told from prose by its rhyme', () => {
    const farm =
      '少无适俗韵，性本爱丘山。误落尘网中，一去三十年。羁鸟恋旧林，池鱼思故渊。开荒南野际，守拙归园田。方宅十余亩，草屋八九间。';
    expect(check(farm)).toMatchObject({ form: '古体', strict: { all: false }, lenient: { all: true } });
    const wine =
      '君不见黄河之水天上来，奔流到海不复回。君不见高堂明镜悲白发，朝如青丝暮成雪。人生得意须尽欢，莫使金樽空对月。天生我材必有用，千金散尽还复来。烹羊宰牛且为乐，会须一饮三百杯。';
    expect(check(wine).form).toBe('古体');
    expect(check('今天天气很好，我们去公园里。看见许多小朋友，他们都在那儿放着风筝。').form).toBeNull();
  });

  it('is a second reading only, where a learner may have slipped', () => {
    const quiet = check('床前明月光，疑是地上霜。举头望明月，低头思故乡。');
    expect(quiet.form).toBe('五绝');
    expect(show(quiet)).toContain('1 古绝 合');
    expect(show(quiet)).toContain('3.2 失粘 疵');
    expect(show(check('春夜月朦胧，花影落庭中。风轻鸟梦浅，露重草色浓。'))).not.toContain('1 古绝 合');
  });
});

describe('折腰体', () => {
  const text = '渭城朝雨浥轻尘，客舍青青柳色新。劝君更尽一杯酒，西出阳关无故人。';

  it('is named instead of the faults of its second half', () => {
    const verdict = check(text);
    expect(verdict).toMatchObject({ form: '七绝', start: '平起', firstLineRhymes: true });
    expect(show(verdict)).toEqual(['3 折腰体 拗可', '3.5 小拗 合']);
    expect(verdict.strict).toEqual({ length: true, rhyme: true, meter: false, all: false });
    expect(verdict.lenient.all).toBe(true);
  });

  it('is named beside the faults when the form is asked for', () => {
    const verdict = check(text, { form: '七绝' });
    expect(show(verdict)).toContain('3 折腰体 合');
    expect(verdict.lenient.meter).toBe(false);
  });
});

describe('rhymes that leave the group', () => {
  /** Ends of the even lines; the rest keeps the pattern of 五律 仄起. */
  const poem = (ends: string): Verdict => {
    const [a, b, c, d] = [...ends];
    return check(
      `白日依山尽，空山落叶${a}。江风吹夜月，古渡落残${b}。白日依山远，空庭落叶${c}。江风吹晓月，古渡泊孤${d}。`,
    );
  };
  const names = (verdict: Verdict) => verdict.findings.filter(({ rule }) => rule === 'chuyun').map(({ name }) => name);

  it('are named by their pattern and stay off rhyme', () => {
    // 東: 红 空 风 中; 冬: 松 钟 峰 重.
    expect(names(poem('红空风钟'))).toEqual(['孤雁出群']);
    expect(names(poem('红空峰钟'))).toEqual(['辘轳韵', '辘轳韵']);
    expect(names(poem('红峰空钟'))).toEqual(['进退韵', '进退韵']);
    expect(names(poem('红钟空中'))).toEqual(['出韵']);
    expect(poem('红空峰钟').strict.rhyme).toBe(false);
    expect(poem('红空峰钟').lenient.rhyme).toBe(false);
    expect(names(poem('红空风星'))).toEqual(['出韵']);
  });

  it('are 葫芦韵 where few come first', () => {
    const lines = [...'红空钟峰松冬'].map(
      (end, index) => `${index % 2 === 0 ? '白日依山尽，空山落叶' : '江风吹夜月，古渡落残'}${end}。`,
    );
    const found = check(lines.join(''), { form: '五排' }).findings.filter(({ rule }) => rule === 'chuyun');
    expect(found.length).toBeGreaterThan(0);
    for (const { name } of found) expect(['葫芦韵']).toContain(name);
  });
});

describe('echoes and repetitions', () => {
  it('pairs the oblique groups with their level ones', () => {
    const book = loadBook('pingshui');
    const names = (name: string) =>
      obliqueCounterparts(book.findGroup(name)!.id)
        .map((id) => book.group(id)!.name)
        .join('');
    for (const row of ['東董送', '齊薺霽', '佳蟹卦', '灰賄隊', '先銑霰', '青迥徑', '蒸迥徑', '尤有宥', '咸豏陷']) {
      expect(names(row[0]!)).toBe(row.slice(1));
    }
    expect(obliqueCounterparts(90)).toEqual([]);
  });

  it('names 撞韵 and 挤韵 without blame', () => {
    const rhymes = (verdict: Verdict) => show(verdict).filter((each) => each.includes('韵'));
    // 静 is of 梗, the rising tone of 庚; the rhyme is 青, whose rising tone is 迥.
    expect(rhymes(check('白日依山静，空山落叶青。江风吹夜月，古渡落残星。'))).toEqual([]);
    const echo = check('白日依山迥，空山落叶青。江风吹夜月，古渡落残星。');
    expect(rhymes(echo)).toEqual(['1.5 撞韵 合']);
    expect(echo.strict.all).toBe(true);
    const inside = check('白日依山尽，空亭落叶青。江风吹夜月，古渡落残星。');
    expect(rhymes(inside)).toEqual(['2.2 挤韵 合']);
    expect(inside.strict.all).toBe(true);
  });

  it('tells repetition from doubling and from what is meant', () => {
    const plain = check('白日依山尽，空山落叶青。江风吹夜月，古渡泊残星。');
    expect(show(plain)).toEqual(['2.2 重字 合']);
    expect(plain.findings[0]!.message).toContain('不犯律');
    expect(plain.strict.all).toBe(true);
    const doubled = check('白日迟迟尽，空山落落青。江风吹夜月，古渡泊残星。');
    expect(show(doubled)).toEqual([]);
    const meant = check('多情却似总无情，唯觉樽前笑不成。蜡烛有心还惜别，替人垂泪到天明。');
    expect(meant.findings.filter(({ rule }) => rule === 'chongzi')).toMatchObject([
      { line: 1, position: 7, message: '第1句重用“情”，是有意的反复，不算重字之病。' },
    ]);
  });
});

describe('合掌 and 上尾', () => {
  it('suspects a couplet whose halves say the same, in both scripts, without blame', () => {
    const text = '旭日升东海，朝阳照碧空。山深泉更静，林暗鸟还鸣。';
    for (const poem of [text, '旭日升東海，朝陽照碧空。山深泉更靜，林暗鳥還鳴。']) {
      const found = check(poem).findings.filter(({ rule }) => rule === 'hezhang');
      expect(found).toMatchObject([{ line: 2, name: '合掌', verdict: '合' }]);
      expect(found[0]!.message).toMatch(/旭—朝、日—[阳陽]/u);
    }
    expect(check(text, { lang: 'en' }).findings.find(({ rule }) => rule === 'hezhang')!.message).toContain('No fault');
    const parallel = check('蝉噪林逾静，鸟鸣山更幽。').findings.filter(({ rule }) => rule === 'hezhang');
    expect(parallel).toEqual([]);
    const verse = check(
      '艅艎何泛泛，空水共悠悠。阴霞生远岫，阳景逐回流。蝉噪林逾静，鸟鸣山更幽。此地动归念，长年悲倦游。',
    );
    expect(verse.findings.filter(({ rule }) => rule === 'hezhang')).toMatchObject([{ line: 6 }]);
    // One pair of synonyms, or a word against itself, is not enough.
    const few = check('白日依山尽，黄河入海流。欲穷千里目，更上一层楼。', { form: '五绝' });
    expect(few.findings.filter(({ rule }) => rule === 'hezhang')).toEqual([]);
  });

  it('names three unrhymed ends of one tone, and what would break the row', () => {
    const poem = (ends: string) =>
      check(
        `白日依山${ends[0]}，空亭落叶红。江云过古${ends[1]}，荒亭立残风。白日依林${ends[2]}，寒庭落叶空。江风吹晓${ends[3]}，古寺坐山中。`,
      ).findings.filter(({ rule }) => rule === 'shangwei');
    expect(poem('暮渡路夜')).toMatchObject([{ line: 7, position: 5, char: '夜', verdict: '合' }]);
    expect(poem('暮渡路夜')[0]!.message).toContain('第1句起4个不入韵的句子都以去声收尾');
    const offered = poem('暮渡路夜')[0]!
      .suggestion!.replace(/^.*如(.*)。$/u, '$1')
      .split('、');
    const book = loadBook('pingshui');
    for (const char of offered)
      expect(book.readings(char).map(({ group }) => book.group(group)!.level)).not.toContain('去');
    expect(poem('暮渡路雪')).toMatchObject([{ line: 5 }]);
    expect(poem('暮雪路树')).toEqual([]);
    // 尽 is of one level only with its confirmed reading, 重 has two: nothing certain is said.
    expect(poem('暮重路雪')).toEqual([]);
  });
});

describe('suggestions', () => {
  it('name characters of the tone that fits, near in meaning, none that the poem has', () => {
    const verdict = check('春夜月朦胧，花影落庭中。风轻鸟梦浅，露重草色浓。');
    const color = verdict.findings.find(({ line, position }) => line === 4 && position === 4)!;
    expect(color.suggestion).toMatch(/^“色”换成平声字，如.*光/u);
    const book = loadBook('pingshui');
    const named = color.suggestion!.replace(/^.*如(.*)。$/u, '$1').split('、');
    expect(named.length).toBe(6);
    for (const char of named) expect(book.toneMask(char)).toBe(1);
    const rhyme = verdict.findings.at(-1)!;
    for (const char of rhyme.suggestion!.replace(/^.*如(.*)。$/u, '$1').split('、')) {
      expect(book.readings(char)[0]!.group).toBe(1);
      expect('胧中').not.toContain(char);
    }
  });

  it('are in the script and language of the reader, and survive JSON and cloning', () => {
    const text = '春夜月朦朧，花影落庭中。風輕鳥夢淺，露重草色濃。';
    const verdict = check(text, { lang: 'en' });
    expect(verdict.findings.at(-1)!.suggestion).toMatch(/^Use a character of 東, such as .*紅/u);
    expect(JSON.parse(JSON.stringify(verdict)).findings.at(-1).suggestion).toBe(verdict.findings.at(-1)!.suggestion);
    expect(structuredClone(verdict)).toEqual(JSON.parse(JSON.stringify(verdict)));
  });
});

describe('a text without punctuation', () => {
  it('is divided into lines where those rhyme', () => {
    expect(check('白日依山尽黄河入海流欲穷千里目更上一层楼')).toMatchObject({ form: '五绝', strict: { all: true } });
    expect(check('朝辞白帝彩云间千里江陵一日还两岸猿声啼不住轻舟已过万重山').form).toBe('七绝');
    expect(check('千山鸟飞绝万径人踪灭孤舟蓑笠翁独钓寒江雪').form).toBe('古绝');
    expect(check('今天天气很好我们去公园里看见许多小朋友在').form).toBeNull();
  });
});
