import { describe, expect, it } from 'vitest';
import { loadBook } from './books.ts';
import { check } from './check.ts';
import { readingEvidence } from './reading-evidence.ts';
import { rhymeUses, rhymeWords } from './rhyme-words.ts';
import { detectScript, simplifyCharacter } from './scripts.ts';
import { toneUsage } from './tone-usage.ts';

describe('平水韵', () => {
  const book = loadBook('pingshui');

  it('has 106 groups in five levels', () => {
    expect(book.groups.length).toBe(106);
    expect(book.group(1)).toEqual({ id: 1, name: '東', simplified: '东', level: '上平', tone: '平' });
    expect(book.group(30)!.name).toBe('咸');
    expect(book.group(31)!.tone).toBe('仄');
    expect(book.group(106)).toMatchObject({ name: '洽', level: '入' });
  });

  it('gives the readings of a character as a set, commonest rhyme first', () => {
    expect(book.readings('東')).toEqual([{ group: 1, tone: '平' }]);
    expect(book.readings('看')[0]).toEqual({ group: 14, tone: '平' });
    expect(book.toneMask('看')).toBe(3);
    expect(book.toneMask('月')).toBe(2);
    expect(book.readings('思').map((reading) => book.group(reading.group)!.name)).toContain('支');
  });

  it('reads simplified characters through all their traditional forms', () => {
    expect(book.readings('东')).toEqual(book.readings('東'));
    const simplified = loadBook('pingshui', 'simplified');
    const groups = simplified.readings('干').map((reading) => reading.group);
    for (const form of '乾幹干') for (const { group } of book.readings(form)) expect(groups).toContain(group);
  });

  it('folds the variants of the text bases', () => {
    expect(book.readings('鶑')).toEqual(book.readings('鶯'));
    expect(book.readings('饑').map((reading) => reading.group)).toEqual(expect.arrayContaining([4, 5]));
  });

  it('keeps apart the readings that only the widest transcription gives', () => {
    expect(book.toneMask('先')).toBe(3);
    expect(book.confirmedToneMask('先')).toBe(2);
    expect(book.confirmedToneMask('看')).toBe(3);
    expect(book.confirmedToneMask('月')).toBe(2);
  });

  it('knows nothing of strings that are no character of it', () => {
    for (const text of ['', 'a', '😀', '\uD800', '，', '□']) {
      expect(book.readings(text)).toEqual([]);
      expect(book.toneMask(text)).toBe(0);
    }
  });

  it('finds groups by name in either script, by numbered name and by a character', () => {
    for (const name of ['东', '東', '一东', '上平一东', '东韵', '風']) expect(book.findGroup(name)?.id, name).toBe(1);
    expect(book.findGroup('七阳')?.name).toBe('陽');
    expect(book.findGroup('xyz')).toBeUndefined();
  });

  it('names the groups a first line may borrow from', () => {
    expect(book.neighbours(1)).toEqual([2]);
    expect([...book.neighbours(13)].sort((a, b) => a - b)).toEqual([11, 12, 14, 15, 16]);
  });

  it('lists the rhyme words of a group, commonest first', () => {
    const words = rhymeWords(1);
    expect(words[0]).toEqual({ char: '風', uses: 7001 });
    for (let index = 1; index < words.length; index++)
      expect(words[index]!.uses).toBeLessThanOrEqual(words[index - 1]!.uses);
    expect(rhymeWords(0)).toEqual([]);
  });

  it('covers the characters of verse', () => {
    let count = 0;
    for (const char of book.characters()) if (book.toneMask(char) > 0) count++;
    expect(count).toBe(36_894);
  });
});

describe('the other books', () => {
  it('词林正韵 has 19 parts, the last five entering', () => {
    const book = loadBook('cilin');
    expect(book.groups.length).toBe(19);
    expect(book.readings('東')).toEqual([{ group: 1, tone: '平' }]);
    expect(book.readings('雪').map((reading) => reading.group)).toEqual([18]);
    expect(book.group(18)!.level).toBe('入');
    expect(book.findGroup('第七部')?.id).toBe(7);
    expect(book.findGroup('7')?.id).toBe(7);
  });

  it('中华新韵 and 中华通韵 follow modern sound, commonest reading first', () => {
    const xinyun = loadBook('xinyun');
    expect(xinyun.groups.length).toBe(14);
    expect(xinyun.readings('看')[0]!.tone).toBe('仄');
    expect(xinyun.toneMask('白')).toBe(1);
    expect(xinyun.readings('東')).toEqual(xinyun.readings('东'));
    const tongyun = loadBook('tongyun');
    expect(tongyun.groups.length).toBe(16);
    expect(tongyun.group(tongyun.readings('东')[0]!.group)!.name).toBe('雍');
  });

  it('廣韻 has 206 rhymes, some of them used together', () => {
    const book = loadBook('guangyun');
    expect(book.groups.length).toBe(206);
    expect(book.groups.filter(({ tone }) => tone === '平').length).toBe(57);
    const name = (char: string) => book.readings(char).map(({ group }) => book.group(group)!.name);
    expect(name('東')).toEqual(['東']);
    expect(name('鍾')).toEqual(['鍾']);
    expect(name('看')).toEqual(['寒', '翰']);
    expect(book.together(book.findGroup('鍾')!.id)).toBe(book.findGroup('冬')!.id);
    expect(book.together(book.findGroup('東')!.id)).not.toBe(book.findGroup('冬')!.id);
    expect(book.findGroup('业')!.level).toBe('入');
    expect(loadBook('guangyun', 'simplified').toneMask('钟')).toBe(1);
  });

  it('廣韻, its rhymes used together, tells of the tones what 平水韵 tells', () => {
    const book = loadBook('guangyun');
    const other = loadBook('pingshui');
    let common = 0;
    let opposite = 0;
    for (const char of book.characters()) {
      const [a, b] = [book.toneMask(char), other.toneMask(char)];
      if (b === 0) continue;
      common++;
      if ((a & b) === 0) opposite++;
    }
    expect(common).toBeGreaterThan(18_000);
    expect(opposite / common).toBeLessThan(0.01);
  });

  it('judges rhyme by 廣韻, where 支 and 脂 go together and 微 does not', () => {
    const rhyme = (text: string) => check(text, { book: 'guangyun' }).rhyme!;
    expect(rhyme('白日依山尽，空山落叶迟。江风吹夜月，古渡落花枝。').offLines).toEqual([]);
    expect(rhyme('白日依山尽，空山落叶飞。江风吹夜月，古渡落花枝。').offLines).toHaveLength(1);
  });

  it('are the same object at every call', () => {
    expect(loadBook('cilin')).toBe(loadBook('cilin'));
  });
});

describe('scripts and usage', () => {
  it('tells simplified from traditional text', () => {
    expect(detectScript('朝辞白帝彩云间')).toBe('simplified');
    expect(detectScript('朝辭白帝彩雲間')).toBe('traditional');
    expect(detectScript('依依墟里烟')).toBe('simplified');
    expect(detectScript('乾坤日夜浮，亲朋无一字')).toBe('simplified');
    expect(detectScript('將来不見長安路')).toBe('traditional');
    expect(simplifyCharacter('雲')).toBe('云');
  });

  it('tells how verse uses each reading, and what 廣韻 says of it', () => {
    const [level, oblique] = readingEvidence('看', loadBook('pingshui'));
    expect(level).toMatchObject({ tone: '平', groupName: '寒', level: '上平', gloss: '寒：視也' });
    expect(oblique).toMatchObject({ tone: '仄', groupName: '翰' });
    expect(level!.toneShare! + oblique!.toneShare!).toBeCloseTo(1, 12);
    expect(level!.rhymeUses).toBe(rhymeUses('看', level!.group));
    expect(level!.rhymeUses).toBeGreaterThan(500);
    expect(readingEvidence('间', loadBook('cilin', 'simplified'), 'simplified')[0]!.rhymeUses).toBeGreaterThan(3000);
    expect(readingEvidence('看', loadBook('xinyun'))[0]).not.toHaveProperty('rhymeUses');
    expect(readingEvidence('😀', loadBook('pingshui'))).toEqual([]);
  });

  it('counts how poets used a character', () => {
    expect(toneUsage('看')).toEqual({ level: 8458, oblique: 3474 });
    expect(toneUsage('过')).toEqual(toneUsage('過'));
    expect(toneUsage('😀')).toBeUndefined();
  });
});
