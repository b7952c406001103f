// The automaton and the checker must agree: what the one lets through, the other finds flawless, and the reverse.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadBook } from '../books.ts';
import { check } from '../check.ts';
import { checkCi } from '../ci/check-ci.ts';
import { findTune } from '../ci/tunes.ts';
import { toneUsage } from '../tone-usage.ts';
import { randomNumbers, walk } from './automaton.case.ts';
import { compilePlan } from './compile-plan.ts';
import { createInventory } from './inventory.ts';
import type { RegulatedFormName } from './plan.ts';

const book = loadBook('pingshui');
const inventory = createInventory([...book.characters()].filter((character) => toneUsage(character) !== undefined));

const TUNES = [
  '浣溪沙',
  '水调歌头',
  '鹧鸪天',
  '菩萨蛮',
  '念奴娇',
  '满江红',
  '西江月',
  '临江仙',
  '蝶恋花',
  '减字木兰花',
  '贺新郎',
  '沁园春',
  '点绛唇',
  '清平乐',
  '满庭芳',
  '玉楼春',
  '水龙吟',
  '虞美人',
  '如梦令',
  '定风波',
  '忆江南',
  '长相思',
  '钗头凤',
  '卜算子',
];

/** Findings that make a verdict less than flawless, in words. */
const complaints = (verdict: ReturnType<typeof check>) =>
  verdict.findings.filter(({ verdict: grade }) => grade === '疵' || grade === '拗可').map(({ message }) => message);

describe('what the automaton writes', () => {
  const wish = fc.record(
    {
      form: fc.constantFrom<RegulatedFormName>('五绝', '七绝', '五律', '七律', '五排', '七排'),
      start: fc.constantFrom('平起' as const, '仄起' as const),
      firstLineRhymes: fc.boolean(),
      neighbourFirstLine: fc.boolean(),
      noRepeatedCharacters: fc.boolean(),
      rhymeGroup: fc.integer({ min: 1, max: 30 }),
    },
    { requiredKeys: ['form'] },
  );

  it('is flawless regulated verse of the form, start and rhyme that were asked for', () => {
    fc.assert(
      fc.property(wish, fc.integer(), (asked, seed) => {
        const text = walk({ ...asked, inventory }, randomNumbers(seed));
        const verdict = check({ text, form: asked.form });
        const own = complaints(verdict).filter((message) => !(asked.neighbourFirstLine && message.includes('借邻韵')));
        expect(own, text).toEqual([]);
        expect(verdict.strict.all, text).toBe(true);
        if (asked.start !== undefined) expect(verdict.start, text).toBe(asked.start);
        // Rhymes that are in two groups (栖 in 齊 and 支) may be named by the other one.
        const ends = verdict.rhyme!.lines.map((line) => [...verdict.lines[line - 1]!.text].at(-1)!);
        const groups = [asked.rhymeGroup, ...(asked.neighbourFirstLine ? book.neighbours(asked.rhymeGroup ?? 0) : [])];
        const isInGroup = (end: string) =>
          book.readings(end).some(({ group, tone }) => tone === '平' && groups.includes(group));
        if (asked.rhymeGroup !== undefined) expect(ends.every(isInGroup), text).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it.each(TUNES)('is a flawless %s', (tune) => {
    const random = randomNumbers(tune.codePointAt(0)!);
    for (let poem = 0; poem < 5; poem++) {
      const text = walk({ form: '词', tune, inventory }, random);
      const verdict = checkCi(text, { tune })!;
      expect(complaints(verdict), text).toEqual([]);
      expect(verdict.strict).toEqual({ length: true, rhyme: true, meter: true, all: true });
    }
  });

  it('is a flawless ci in every variant of those tunes', () => {
    const random = randomNumbers(11);
    for (const name of TUNES) {
      for (const { label } of findTune(name)!.variants) {
        const text = walk({ form: '词', tune: name, variant: label, inventory }, random);
        const verdict = checkCi(text, { tune: name, variant: label })!;
        expect(complaints(verdict), `${name} ${label} ${text}`).toEqual([]);
      }
    }
  });
});

describe('what the checker finds flawless', () => {
  it('can be written by the automaton', () => {
    const sample = readFileSync(new URL('../../test/fixtures/jinti-sample.tsv', import.meta.url), 'utf8');
    const rows = sample
      .trimEnd()
      .split('\n')
      .map((row) => row.split('\t'));
    // With the poems' own characters: variants such as 鶑 are read, but not listed, by the book.
    const everyCharacter = createInventory([...book.characters(), ...sample]);
    let flawless = 0;
    const refused: string[] = [];
    for (const row of rows) {
      const text = row.find((cell) => /^[^\t]{5,7}，/u.test(cell));
      if (text === undefined) continue;
      const verdict = check(text);
      const { form } = verdict;
      // The automaton chooses by readings that every source has: 僊 is level in one only.
      if (verdict.findings.some((finding) => finding.verdict === '多音')) continue;
      if (form === null || !['五绝', '七绝', '五律', '七律'].includes(form) || !verdict.strict.all) continue;
      flawless++;
      const machine = compilePlan({
        form: form as RegulatedFormName,
        neighbourFirstLine: true,
        inventory: everyCharacter,
      });
      if (machine.advanceText(machine.start, text) === null) refused.push(text);
    }
    expect(flawless).toBeGreaterThan(50);
    expect(refused).toEqual([]);
  });
});
