import { describe, expect, it } from 'vitest';
import { findTune, tunes } from './tunes.ts';

describe('the table of tunes', () => {
  it('has 817 tunes with 2,524 variants, 230 of them 龙榆生 s', () => {
    const variants = tunes().flatMap((tune) => tune.variants);
    expect(tunes()).toHaveLength(817);
    expect(variants).toHaveLength(2524);
    expect(variants.filter((variant) => variant.book === '唐宋词格律')).toHaveLength(230);
    expect(tunes().flatMap((tune) => tune.practices)).toHaveLength(144);
  });

  it('keeps slots, rhymes and stanzas consistent', () => {
    const unrhymed: string[] = [];
    for (const tune of tunes()) {
      for (const variant of tune.variants) {
        expect(variant.lines.length).toBe(variant.stanzas.reduce((sum, count) => sum + count, 0));
        expect(variant.lines.every((line) => line.slots.length > 0)).toBe(true);
        const last = variant.lines.at(-1)!.end;
        // Three variants end on a refrain word (些, 也) or a repeated line, which the book does not mark as a rhyme.
        if (last !== '韵') unrhymed.push(`${tune.name} ${variant.label}`);
      }
      for (const practice of tune.practices) expect(practice.breaks.at(-1)).toBe(practice.slots.length);
    }
    expect(unrhymed).toEqual(['贺圣朝 钦定词谱 9', '水龙吟 钦定词谱 24', '瑞鹤仙 钦定词谱 15']);
  });

  it('writes 浣溪沙 as the book does', () => {
    const variant = findTune('浣溪沙')!.variants[0]!;
    expect(variant.label).toBe('钦定词谱 1');
    expect(variant.poet).toBe('韩偓');
    expect(variant.characterCount).toBe(42);
    expect(variant.stanzas).toEqual([3, 3]);
    expect(variant.lines.map((line) => line.slots.join('')).join(' ')).toBe(
      '中仄中平中仄平 中平中仄仄平平 中平中仄仄平平 中仄中平平仄仄 中平中仄仄平平 中平中仄仄平平',
    );
    expect(variant.lines.map((line) => line.end).join('')).toBe('韵韵韵句韵韵');
  });

  it('reads rhyme sets and 叶', () => {
    const pusaman = findTune('菩薩蠻')!.variants[0]!;
    expect(pusaman.lines.map((line) => line.rhymeSet)).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    expect(pusaman.rhymeSetCount).toBe(4);
    const xijiangyue = findTune('西江月')!.variants[0]!;
    expect(xijiangyue.lines.map((line) => line.isYe)).toEqual([false, false, false, true, false, false, false, true]);
  });

  it.each([
    ['憶江南', '忆江南'],
    ['望江南', '忆江南'],
    ['念奴嬌·赤壁懷古', '念奴娇'],
    ['水調歌頭 明月幾時有', '水调歌头'],
    ['酹江月・念奴娇', '念奴娇'],
    ['木兰花・玉楼春', '玉楼春'],
    ['木兰花', '玉楼春'],
    ['歸字謠', '归字谣'],
  ])('finds %s as %s', (asked, name) => {
    expect(findTune(asked)?.name).toBe(name);
  });

  it('does not follow an alias whose texts fit another tune, nor a name that is none', () => {
    expect(findTune('高阳台')!.aliases).toContain('庆春宫');
    expect(findTune('庆春宫')?.name).not.toBe('高阳台');
    expect(findTune('失调名')).toBeUndefined();
    expect(findTune('')).toBeUndefined();
  });
});
