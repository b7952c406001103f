import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomNumbers, walk } from '../automaton/automaton.case.ts';
import { compilePlan } from '../automaton/compile-plan.ts';
import { PlanError } from '../automaton/errors.ts';
import { createInventory } from '../automaton/inventory.ts';
import { loadBook } from '../books.ts';
import { check } from '../check.ts';
import { toneUsage } from '../tone-usage.ts';

const book = loadBook('pingshui');
const verdictOn = (text: string) => check({ text, form: '联' }, { parallelism: true });

/** Couplets that the tradition holds up, regulated lines and others. */
const FAMOUS = [
  '海內存知己，天涯若比鄰。',
  '無邊落木蕭蕭下，不盡長江滾滾來。',
  '野火燒不盡，春風吹又生。',
  '向晚意不適，驅車登古原。',
  '山重水複疑無路，柳暗花明又一村。',
  '墨池飛出北溟魚，筆陣常有南山虎。',
  '書山有路勤為徑，學海無涯苦作舟。',
  '風聲雨聲讀書聲，聲聲入耳；家事國事天下事，事事關心。',
  '海納百川，有容乃大；壁立千仞，無欲則剛。',
];
const inventory = createInventory([
  ...[...book.characters()].filter((character) => toneUsage(character) !== undefined),
  ...FAMOUS.join('').replace(/[，。；]/gu, ''),
]);

describe('a couplet', () => {
  it('is judged as two lines alone: famous ones keep the rules, 对仗 is scored', () => {
    const wrong = FAMOUS.filter((text) => !verdictOn(text).strict.all);
    // 常有 does not face 飛出, 立 not 納: told as they are.
    expect(wrong).toEqual([FAMOUS[5], FAMOUS.at(-1)]);
    const { form, lines, parallelism } = verdictOn('無邊落木蕭蕭下，不盡長江滾滾來。');
    expect(form).toBe('联');
    expect(lines.map(({ tones }) => tones)).toEqual(['平平仄仄平平仄', '仄仄平平仄仄平']);
    expect(parallelism!.couplets[0]!.score).toBeGreaterThan(1);
  });

  it('names what does not face, lines of unlike length and what is missing', () => {
    expect(verdictOn('海內存知己，海內若比鄰。').findings.filter(({ verdict }) => verdict === '疵')).toMatchObject([
      { rule: 'shidui', line: 2, position: 2, char: '內' },
    ]);
    expect(verdictOn('春眠不覺曉，處處聞鳥。').findings).toMatchObject([{ rule: 'zishu', line: 2 }]);
    expect(verdictOn('春眠不覺曉').strict.length).toBe(false);
    expect(verdictOn('').strict.length).toBe(false);
    const { findings } = check({ text: '海内存知己，海内若比邻。', form: '对联' }, { lang: 'en' });
    expect(findings.find(({ rule }) => rule === 'shidui')!.message).toContain('does not oppose');
  });

  it('that the automaton writes is one the checker passes, to any upper line, rhymed or not', () => {
    const characters = fc.constantFrom(...inventory.characters);
    const clause = fc.array(characters, { minLength: 1, maxLength: 9 }).map((chars) => chars.join(''));
    const upper = fc.array(clause, { minLength: 1, maxLength: 3 }).map((clauses) => clauses.join('，'));
    const group = fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined });
    let written = 0;
    fc.assert(
      fc.property(upper, group, fc.boolean(), fc.integer(), (line, rhymeGroup, noRepeatedCharacters, seed) => {
        const plan = {
          form: '联' as const,
          upper: line,
          inventory,
          noRepeatedCharacters,
          ...(rhymeGroup === undefined ? {} : { rhymeGroup }),
        };
        let text: string;
        try {
          text = walk(plan, randomNumbers(seed));
        } catch (error) {
          // Only an upper line in 平 leaves no place for a rhyme.
          expect(error).toBeInstanceOf(PlanError);
          expect(rhymeGroup).toBeDefined();
          expect((error as PlanError).nearest).toBeDefined();
          return;
        }
        written++;
        expect(text.startsWith(line)).toBe(true);
        const verdict = verdictOn(text);
        expect(verdict.strict.all, `${text} ${JSON.stringify(verdict.findings)}`).toBe(true);
        if (rhymeGroup !== undefined) {
          const end = [...text].at(-2)!;
          expect(book.readings(end).some((reading) => reading.group === rhymeGroup && reading.tone === '平')).toBe(
            true,
          );
        }
      }),
      { numRuns: 400 },
    );
    expect(written).toBeGreaterThan(200);
  });

  it('of the tradition can be written', () => {
    for (const text of FAMOUS.filter((each) => verdictOn(each).strict.all)) {
      const plain = text.replaceAll('；', '，');
      const half = Math.ceil(plain.split(/[，。]/u).filter(Boolean).length / 2);
      const upper = plain
        .split(/[，。]/u)
        .slice(0, half)
        .join('，');
      const machine = compilePlan({ form: '联', upper, inventory });
      expect(machine.advanceText(machine.start, plain), text).not.toBeNull();
    }
  });
});
