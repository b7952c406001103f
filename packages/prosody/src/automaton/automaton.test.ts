import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadBook } from '../books.ts';
import { tunes } from '../ci/tunes.ts';
import { toneUsage } from '../tone-usage.ts';
import { indexesOf, randomNumbers, walk } from './automaton.case.ts';
import { compilePlan } from './compile-plan.ts';
import { PlanError } from './errors.ts';
import { createInventory } from './inventory.ts';
import type { FormPlan, RegulatedFormName } from './plan.ts';
import type { AutomatonState, PoemAutomaton } from './poem-automaton.ts';

const book = loadBook('pingshui');
/** Thousands of characters, as a vocabulary has them. */
const inventory = createInventory([...book.characters()].filter((character) => toneUsage(character) !== undefined));
/** So few characters that rhymes run out and corners are near. */
const smallInventory = createInventory(
  '東風同紅中空公今心深陰林金音月日入木石白一不看過重家花山間還關閑中有無天年前思之時知春人',
);
const FORMS: readonly RegulatedFormName[] = ['五绝', '七绝', '五律', '七律', '五排', '七排'];

const regulatedPlan = fc.record(
  {
    form: fc.constantFrom(...FORMS),
    start: fc.constantFrom('平起' as const, '仄起' as const),
    firstLineRhymes: fc.boolean(),
    neighbourFirstLine: fc.boolean(),
    noRepeatedCharacters: fc.boolean(),
    rhymeGroup: fc.integer({ min: 1, max: 30 }),
  },
  { requiredKeys: ['form'] },
);

describe('the automaton', () => {
  it('never ends in a corner, for any regulated form and wish', () => {
    fc.assert(
      fc.property(regulatedPlan, fc.integer(), (wish, seed) => {
        const text = walk({ ...wish, inventory }, randomNumbers(seed));
        const lines = text.split(/[，。]/).filter(Boolean);
        expect(lines.every((line) => [...line].length === (wish.form.startsWith('五') ? 5 : 7))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('allows exactly the characters that it advances on, and none that leads into a corner, with few characters', () => {
    fc.assert(
      fc.property(regulatedPlan, fc.integer(), (wish, seed) => {
        const plan: FormPlan = { ...wish, lineCount: 10, inventory: smallInventory };
        let machine: PoemAutomaton;
        try {
          machine = compilePlan(plan);
        } catch (error) {
          expect(error).toBeInstanceOf(PlanError);
          return;
        }
        expect(machine.length).toBeGreaterThan(0);
        walk(plan, randomNumbers(seed), (automaton, state) => {
          const next = automaton.allowed(state);
          if (next.kind !== 'characters') return;
          const advancing = smallInventory.characters.flatMap((character, index) =>
            automaton.advance(state, character) === null ? [] : [index],
          );
          expect(indexesOf(next.bits)).toEqual(advancing);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('never ends in a corner in two hundred tunes', () => {
    const random = randomNumbers(7);
    for (const tune of tunes().filter(({ id }) => id % 4 === 0)) {
      const variant = tune.variants[Math.floor(random() * tune.variants.length)]!;
      const noRepeatedCharacters = random() < 0.3;
      const text = walk(
        { form: '词', tune: tune.name, variant: variant.label, noRepeatedCharacters, inventory },
        random,
      );
      expect([...text.replace(/[，。、\n]/g, '')]).toHaveLength(variant.characterCount);
    }
  });

  it('keeps an acrostic and a locked line, and writes the marks', () => {
    const fixed = [...'春江花月'].map((character, index) => ({ line: index + 1, position: 1, character }));
    const text = walk({ form: '七绝', fixed, inventory }, randomNumbers(1));
    expect(
      text
        .split(/[，。]/)
        .filter(Boolean)
        .map((line) => line[0])
        .join(''),
    ).toBe('春江花月');
    expect(text).toMatch(/^.{7}，.{7}。.{7}，.{7}。$/u);
    const locked = [...'清泉石上流'].map((character, index) => ({ line: 4, position: index + 1, character }));
    const machine = compilePlan({ form: '五律', fixed: locked, inventory });
    expect(machine.rhymeGroups(machine.start)).toEqual([book.findGroup('尤')!.id]);
    expect(walk({ form: '五律', fixed: locked, inventory }, randomNumbers(2)).split(/[，。]/)[3]).toBe('清泉石上流');
  });

  it('accepts 山居秋暝 and refuses it with a tone broken, a rhyme repeated or another rhyme', () => {
    const plan: FormPlan = { form: '五律', inventory: createInventory(book.characters()) };
    const machine = compilePlan(plan);
    const poem = '空山新雨後，天氣晚來秋。明月松間照，清泉石上流。竹喧歸浣女，蓮動下漁舟。隨意春芳歇，王孫自可留。';
    const end = machine.advanceText(machine.start, poem);
    expect(end !== null && machine.isComplete(end)).toBe(true);
    expect(machine.advanceText(machine.start, poem.replace('石上流', '石邊流'))).toBeNull();
    expect(machine.advanceText(machine.start, poem.replace('可留', '可秋'))).toBeNull();
    expect(machine.advanceText(machine.start, poem.replace('可留', '可歸'))).toBeNull();
    expect(machine.advanceText(machine.start, poem.replace('，', '。'))).toBeNull();
  });

  it('knows the rescues: 特拗, 孤平拗救, 大拗 with its rescue, and no 三平尾', () => {
    const all = createInventory(book.characters());
    const machine = compilePlan({ form: '五绝', start: '仄起', firstLineRhymes: false, inventory: all });
    const accepts = (text: string) => machine.advanceText(machine.start, text) !== null;
    expect(accepts('欲尋芳草去，惜與故人違。')).toBe(false);
    expect(accepts('野火燒未盡，春風吹又生。')).toBe(true);
    expect(accepts('野火燒未盡，春風又一生。')).toBe(false);
    expect(accepts('白日依山盡，黃河入海流。遙憐小兒女')).toBe(true);
    expect(accepts('白日依山盡，黃河入海流。遙憐小兒女，未解憶長安。')).toBe(false);
    expect(accepts('白日依山盡，黃河入海流。欲窮千里目，更上一層樓。')).toBe(true);
    expect(accepts('白日依山盡，黃河入海流。欲窮千里目，更上層樓樓。')).toBe(false);
  });

  it('says why a plan cannot be kept and what to leave out', () => {
    const fixed = [...'清泉石上流'].map((character, index) => ({ line: 1, position: index + 1, character }));
    const asked: FormPlan = { form: '五律', fixed, firstLineRhymes: false, inventory };
    try {
      compilePlan(asked);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(PlanError);
      const { code, message, hint, nearest } = error as PlanError;
      expect(code).toBe('PLAN_UNSATISFIABLE');
      expect(message).toContain('wants 仄 and 流 is 平');
      expect(hint).toBe('leave out firstLineRhymes');
      expect(() => compilePlan(nearest!)).not.toThrow();
    }
    expect(() => compilePlan({ form: '五律', rhymeGroup: 31, inventory })).toThrow(/董 is oblique/);
    expect(() => compilePlan({ form: '词', tune: '无此调', inventory })).toThrow(/PLAN|name of a ci tune/);
    expect(() => compilePlan({ form: '五绝', fixed: [{ line: 5, position: 1, character: '春' }], inventory })).toThrow(
      /inside the poem/,
    );
    expect(() => compilePlan({ form: '五绝', fixed: [{ line: 1, position: 1, character: 'x' }], inventory })).toThrow(
      /inventory/,
    );
  });

  it('answers in microseconds for eight thousand characters', () => {
    const machine = compilePlan({ form: '七律', inventory });
    const states: AutomatonState[] = [];
    walk({ form: '七律', inventory }, randomNumbers(3), (_, state) => states.push(state));
    // The best of many rounds: other work on the machine is not the automaton's.
    let milliseconds = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 100; round++) {
      const begin = performance.now();
      for (const state of states) machine.allowed(state);
      milliseconds = Math.min(milliseconds, performance.now() - begin);
    }
    const microseconds = (milliseconds * 1000) / states.length;
    expect(microseconds).toBeLessThan(20);
  });
});
