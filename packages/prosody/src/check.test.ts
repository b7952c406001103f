import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { check } from './check.ts';
import { ProsodyError } from './errors.ts';
import type { Verdict } from './verdict.ts';

/** What rules of tone, rhyme and shape find; repeated characters are in remarks.test.ts. */
const show = (verdict: Verdict): string[] =>
  verdict.findings
    .filter((each) => each.rule !== 'chongzi')
    .map((each) => `${each.line}${each.position ? `.${each.position}` : ''} ${each.name} ${each.verdict}`);

describe('a rescue of what is no departure', () => {
  it('is not remarked where the character has a plain reading', () => {
    // 先 is of the group named after it; one transcription of the book has its oblique reading only.
    const text = '去去先生正是春，东风吹绿满城人。江头有酒谁同醉，陌上看花又一新。';
    const verdict = check(text, { polyphones: true });
    expect(verdict).toMatchObject({ form: '七绝', start: '仄起', strict: { all: true } });
    expect(verdict.findings.filter(({ rule }) => rule === 'aoju')).toEqual([]);
    // A character of one reading there does depart, and is rescued.
    const rescued = check(text.replace('先生正', '此生初'));
    expect(rescued.findings.filter(({ rule }) => rule === 'aoju')).toMatchObject([
      { name: '孤平拗救', line: 1, position: 3, char: '此' },
    ]);
  });
});

describe('a poem with every beginner’s fault', () => {
  const verdict = check('春夜月朦胧，花影落庭中。风轻鸟梦浅，露重草色浓。');

  it('has 失对, 失粘, 三仄尾 and 出韵, each in its place', () => {
    expect(show(verdict)).toEqual(['2.2 失对 疵', '3 失粘 疵', '3.3 三仄尾 拗可', '4.4 失对 疵', '4.5 出韵 疵']);
    expect(verdict.rhyme).toEqual({ group: '东', level: '上平', lines: [1, 2], offLines: [4] });
    expect(verdict.strict).toEqual({ length: true, rhyme: false, meter: false, all: false });
  });

  it('says what stands there and what would fit', () => {
    const first = verdict.findings[0]!;
    expect(first).toMatchObject({ rule: 'shidui', char: '影' });
    expect(first.message).toContain('“影”');
    expect(first.suggestion).toContain('平声');
    expect(verdict.findings.at(-1)!.suggestion).toContain('红');
  });

  it('rhymes in 词林正韵 and in 中华新韵', () => {
    const text = '春夜月朦胧，花影落庭中。风轻鸟梦浅，露重草色浓。';
    expect(check(text, { book: 'cilin' }).strict.rhyme).toBe(true);
    expect(check(text, { book: 'xinyun' }).strict.rhyme).toBe(true);
  });
});

describe('famous poems', () => {
  it('登高 keeps every rule', () => {
    const verdict = check(
      '風急天高猿嘯哀，渚清沙白鳥飛迴。無邊落木蕭蕭下，不盡長江滾滾來。萬里悲秋常作客，百年多病獨登臺。艱難苦恨繁霜鬢，潦倒新停濁酒杯。',
    );
    expect(verdict).toMatchObject({ form: '七律', start: '仄起', firstLineRhymes: true, findings: [] });
    expect(verdict.rhyme).toEqual({ group: '灰', level: '上平', lines: [1, 2, 4, 6, 8], offLines: [] });
    expect(verdict.strict.all).toBe(true);
    expect(verdict.lines[0]!.tones).toBe('平仄平平平仄平');
  });

  it('早发白帝城 rhymes in its first line though 间 has two tones', () => {
    const verdict = check('朝辞白帝彩云间，千里江陵一日还。两岸猿声啼不住，轻舟已过万重山。');
    expect(verdict).toMatchObject({ form: '七绝', start: '平起', firstLineRhymes: true });
    expect(verdict.rhyme).toMatchObject({ group: '删', lines: [1, 2, 4] });
    expect(verdict.lines[0]!.readings.at(-1)).toBe('多');
    expect(verdict.lines[0]!.tones.endsWith('平')).toBe(true);
    expect(verdict.strict.all).toBe(true);
  });

  it('月夜忆舍弟 uses 特拗 and 孤平拗救 lawfully', () => {
    const verdict = check(
      '戍鼓断人行，边秋一雁声。露从今夜白，月是故乡明。有弟皆分散，无家问死生。寄书长不达，况乃未休兵。',
    );
    expect(verdict).toMatchObject({ form: '五律', start: '仄起', firstLineRhymes: true });
    expect(verdict.strict.all).toBe(true);
    expect(check('移舟泊烟渚，日暮客愁新。野旷天低树，江清月近人。')).toMatchObject({
      form: '五绝',
      strict: { all: true },
    });
    expect(show(check('移舟泊烟渚，日暮客愁新。野旷天低树，江清月近人。'))).toEqual(['1.4 特拗 合']);
  });

  it('reads a pattern that leaves nothing to be desired before one with fewer departures', () => {
    // 先 is level in two of three transcriptions: with an oblique reading line 1 would be unrhymed and have 小拗.
    const verdict = check('春風昨夜到門先，草色青青岸柳邊。白日已高人未起，黃鸝啼盡落花天。');
    expect(verdict).toMatchObject({ firstLineRhymes: true, rhyme: { lines: [1, 2, 4] }, strict: { all: true } });
    expect(show(verdict)).toEqual(['1.7 多音 多音']);
    expect(check('春风昨夜到门先，草色青青岸柳边。白日已高人未起，黄鹂啼尽落花天。').strict.all).toBe(true);
  });

  it('黄鹤楼 is half old style: form by shape, 大拗 rescued, faults named', () => {
    const verdict = check(
      '昔人已乘黄鹤去，此地空余黄鹤楼。黄鹤一去不复返，白云千载空悠悠。晴川历历汉阳树，芳草萋萋鹦鹉洲。日暮乡关何处是，烟波江上使人愁。',
    );
    expect(verdict.form).toBe('七律');
    expect(verdict.strict.rhyme).toBe(true);
    expect(verdict.strict.meter).toBe(false);
    expect(show(verdict)).toContain('1.6 大拗 合');
  });

  it('静夜思 and 江雪 are old-style 绝句', () => {
    const level = check('床前明月光，疑是地上霜。举头望明月，低头思故乡。');
    expect(level.form).toBe('五绝');
    expect(level.strict).toMatchObject({ rhyme: true, meter: false });
    const oblique = check('千山鸟飞绝，万径人踪灭。孤舟蓑笠翁，独钓寒江雪。');
    expect(oblique.form).toBe('古绝');
    expect(oblique.rhyme).toMatchObject({ group: '屑', level: '入', lines: [1, 2, 4] });
    expect(oblique.strict.rhyme).toBe(false);
  });
});

describe('single rules', () => {
  /** 仄起 五绝 with one couplet changed: 仄仄平平仄 平平仄仄平 平平平仄仄 仄仄仄平平. */
  const poem = (first: string, second: string): Verdict => check(`${first}，${second}。江风吹夜月，古渡落残星。`);

  it('孤平 is 疵, its rescue is lawful', () => {
    expect(show(poem('白日依山尽', '万山落日青'))).toEqual(['2.1 孤平 疵']);
    expect(show(poem('白日依山尽', '万山归日青'))).toEqual(['2.1 孤平拗救 合']);
  });

  it('大拗 must be rescued, 小拗 should be', () => {
    expect(show(poem('白日依水尽', '空山落叶青'))).toEqual(['1.4 大拗 疵']);
    expect(show(poem('白日依水尽', '空山云树青'))).toEqual(['1.4 大拗 合']);
    expect(show(poem('白日落山尽', '空山落叶青'))).toEqual(['1.3 小拗 拗可']);
    expect(show(poem('白日落山尽', '空山云树青'))).toEqual(['1.3 小拗 合']);
  });

  it('小拗 without rescue costs the strict score only', () => {
    const verdict = poem('白日落山尽', '空山落叶青');
    expect(verdict.strict).toEqual({ length: true, rhyme: true, meter: false, all: false });
    expect(verdict.lenient.all).toBe(true);
  });

  it('三平尾 is 疵, 三仄尾 tolerated, 特拗 with a level first character lawful', () => {
    const tail = (third: string, fourth: string): string[] =>
      show(check(`白日依山尽，空山落叶青。${third}，${fourth}。`)).filter((each) => /^[34]/.test(each));
    expect(tail('江风吹夜月', '古渡来残星')).toEqual(['4.3 三平尾 疵']);
    expect(tail('江风落夜月', '古渡落残星')).toEqual(['3.3 三仄尾 拗可']);
    expect(tail('江风落寒月', '古渡落残星')).toEqual(['3.4 特拗 合']);
    expect(tail('晓风落寒月', '古渡落残星')).toEqual(['3.4 特拗 拗可']);
    // Of 椹 the narrowest book has the level reading alone; poets use the oblique one.
    expect(tail('黃風落椹月', '古渡落殘星')).toEqual(['3.3 三仄尾 拗可']);
  });

  it('words lines and findings when they are read, as properties like others', () => {
    const given = '白日依山尽，黄河入海流。欲穷千里目，更上一层山。';
    const verdict = check({ id: 'a', text: given }, { polyphones: true });
    expect(Object.keys(verdict)).toEqual([
      ...['id', 'form', 'start', 'firstLineRhymes', 'tune', 'variant', 'book', 'rhyme', 'lines', 'findings'],
      ...['strict', 'lenient', 'polyphones'],
    ]);
    expect(verdict.findings).toBe(verdict.findings);
    expect(structuredClone(verdict)).toEqual({ ...verdict });
    expect(JSON.parse(JSON.stringify(verdict))).toEqual({ ...verdict });
    const [finding] = verdict.findings;
    expect(Object.keys(finding!)).toEqual([
      'rule',
      'name',
      'line',
      'position',
      'char',
      'verdict',
      'message',
      'suggestion',
    ]);
    expect({ ...finding }.suggestion).toMatch(/^换成.部的字，如/u);
  });

  it('a first line may borrow its rhyme from a neighbour even in the strict score', () => {
    // 松 is in 冬, the rest in 东.
    const verdict = check('远寺钟声出古松，青山一路落花红。行人不识春归处，只在清溪细雨中。');
    expect(show(verdict)).toEqual(['1.7 首句借邻韵 拗可']);
    expect(verdict.strict).toMatchObject({ rhyme: true, all: true });
    expect(verdict.rhyme).toMatchObject({ group: '东', lines: [1, 2, 4], offLines: [] });
  });

  it('重韵 and 撞韵 are named', () => {
    expect(show(check('白日依山尽，空山落叶青。江风吹夜月，古渡数峰青。'))).toContain('4.5 重韵 疵');
    expect(show(check('白日依山尽，空山落叶青。江风吹夜亭，古渡落残星。'))).toContain('3.5 撞韵 疵');
  });

  it('an unknown character fails strict and passes lenient', () => {
    const verdict = check('白日依山尽，空□落叶青。江风吹夜月，古渡落残星。');
    expect(show(verdict)).toEqual(['2.2 未知字 拗可']);
    expect(verdict.strict.meter).toBe(false);
    expect(verdict.lenient.all).toBe(true);
    expect(verdict.lines[1]!.readings[1]).toBe('？');
  });

  it('a reading that only the widest transcription gives is noted, not punished', () => {
    const rhyming = check('白发催人老，春风不我先。江湖今夜梦，犹在钓鱼船。');
    expect(show(rhyming)).toEqual(['2.5 多音 多音']);
    expect(rhyming.strict.all).toBe(true);
  });
});

describe('shape', () => {
  it('names the line out of step and recognises no form', () => {
    const verdict = check('床前明月光，疑是地上霜。举头望月，低头思故乡。');
    expect(verdict.form).toBeNull();
    expect(show(verdict)).toEqual(['3 字数 疵']);
    expect(verdict.strict).toEqual({ length: false, rhyme: false, meter: false, all: false });
  });

  it('judges what it can when the form is asked for', () => {
    const verdict = check('床前明月光，疑是地上霜。举头望月，低头思故乡。', { form: '五绝' });
    expect(verdict.form).toBe('五绝');
    expect(verdict.strict).toMatchObject({ length: false, rhyme: true, meter: false });
    expect(show(verdict)).toContain('3 字数 疵');
    expect(show(check('床前明月光。', { form: '七绝' }))).toEqual(expect.arrayContaining(['1 句数 疵', '1 字数 疵']));
    expect(check('', { form: '七律' }).strict.all).toBe(false);
  });

  it('takes a long poem for 排律 only if it follows the pattern', () => {
    const regulated =
      '白日依山尽，空山落叶青。江风吹夜月，古渡落残星。白日依山远，空庭落叶馨。江风吹晓月，古渡泊孤舲。白日依山落，空阶落叶听。';
    expect(check(regulated).form).toBe('五排');
    const old =
      '少无适俗韵，性本爱丘山。误落尘网中，一去三十年。羁鸟恋旧林，池鱼思故渊。开荒南野际，守拙归园田。方宅十余亩，草屋八九间。';
    expect(check(old).form).toBe('古体');
    expect(check(old, { form: '古' })).toMatchObject({ form: '古', strict: { all: true } });
  });

  it('answers any request for a form or book that does not exist with one sentence', () => {
    expect(() => check('春', { form: '十四行' })).toThrow(ProsodyError);
    expect(() => check('春', { book: 'zhongyuan' as never })).toThrow(/expected a book/);
  });
});

describe('the verdict', () => {
  it('has the fields of the JSON interface and nothing else', () => {
    const verdict = check({ id: 'a', text: '白日依山尽，黄河入海流。欲穷千里目，更上一层楼。' });
    expect(JSON.parse(JSON.stringify(verdict))).toEqual({
      id: 'a',
      form: '五绝',
      start: '仄起',
      firstLineRhymes: false,
      tune: null,
      variant: null,
      book: 'pingshui',
      rhyme: { group: '尤', level: '下平', lines: [2, 4], offLines: [] },
      lines: [
        { text: '白日依山尽', tones: '仄仄平平仄', readings: ['仄', '仄', '平', '平', '仄'] },
        { text: '黄河入海流', tones: '平平仄仄平', readings: ['平', '平', '仄', '仄', '平'] },
        { text: '欲穷千里目', tones: '仄平平仄仄', readings: ['仄', '平', '平', '仄', '仄'] },
        { text: '更上一层楼', tones: '仄仄仄平平', readings: ['多', '仄', '仄', '平', '平'] },
      ],
      findings: [],
      strict: { length: true, rhyme: true, meter: true, all: true },
      lenient: { length: true, rhyme: true, meter: true, all: true },
    });
  });

  it('names groups in the script of the poem', () => {
    expect(check('白日依山盡，黃河入海流。欲窮千里目，更上一層樓。').rhyme!.group).toBe('尤');
    expect(check('風急天高猿嘯哀，渚清沙白鳥飛同。').form).toBeNull();
    expect(check('遠寺鐘聲出古松，青山一路落花紅。行人不識春歸處，只在清溪細雨中。').rhyme!.group).toBe('東');
  });

  it('speaks English when asked', () => {
    const verdict = check('春夜月朦胧，花影落庭中。风轻鸟梦浅，露重草色浓。', { lang: 'en' });
    for (const { message } of verdict.findings) expect(message).toMatch(/^(Line|Lines) \d/);
  });

  it('exists for any text whatever', () => {
    const any = fc.string({ unit: 'binary', maxLength: 80 });
    const verse = fc.string({ unit: fc.constantFrom(...'春風花月夜，。□\n（）、 😀\uD800\uFE0F先看'), maxLength: 120 });
    const form = fc.constantFrom(undefined, '五绝', '七律', '五排', '古');
    const book = fc.constantFrom('pingshui' as const, 'cilin' as const, 'xinyun' as const, 'tongyun' as const);
    fc.assert(
      fc.property(fc.oneof(any, verse), form, book, (text, wanted, name) => {
        const verdict = check({ text, book: name, ...(wanted === undefined ? {} : { form: wanted }) });
        for (const line of verdict.lines) expect([...line.tones].length).toBe(line.readings.length);
        for (const finding of verdict.findings) {
          expect(finding.line).toBeGreaterThanOrEqual(1);
          expect(finding.message).not.toContain('undefined');
        }
        if (verdict.strict.all) expect(verdict.lenient.all).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});
