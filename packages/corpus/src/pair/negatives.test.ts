import { check } from '@tuiqiao/prosody';
import { beforeAll, describe, expect, it } from 'vitest';
import { characterCount, splitLines } from '../clean/lines.ts';
import { CorpusError } from '../errors.ts';
import type { Poem } from '../poem.ts';
import { loadStarter } from '../starter.ts';
import { CharacterPool } from './character-pool.ts';
import {
  createNegative,
  createRandomNegative,
  isSpoilable,
  NEGATIVE_RULES,
  type NegativeRule,
  negativeRulesFor,
} from './negatives.ts';

let poems: Poem[];
let pool: CharacterPool;
beforeAll(async () => {
  poems = (await loadStarter()).filter(isSpoilable);
  pool = new CharacterPool(poems.map(({ text }) => text));
});

const SHI = ['五绝', '七绝', '五律', '七律'];
const sample = (form: string, count: number): Poem[] =>
  poems.filter(({ labels }) => labels.form === form).slice(0, count);
const plain = (text: string): string => text.replace(/[，。、\n]/g, '');

describe('createNegative', () => {
  it.each(NEGATIVE_RULES)('breaks %s and nothing else', (rule: NegativeRule) => {
    const forms = rule.startsWith('cipai') ? ['词'] : SHI;
    let made = 0;
    let asked = 0;
    for (const poem of forms.flatMap((form) => sample(form, rule.startsWith('cipai') ? 12 : 6))) {
      asked++;
      const negative = createNegative(poem, rule, { seed: 7, pool });
      if (!negative) continue;
      made++;
      const name = rule.replace(/-(short|long)$/, '');
      const { tune, form } = poem.labels;
      const verdict = check({ text: negative.text, ...(tune === null ? { form: form! } : { tune }) });
      // One ci rhyme off is tolerated (拗可) and still fails the strict reading.
      const grades = rule === 'cipai-rhyme' ? ['疵', '拗可'] : ['疵'];
      expect(verdict.strict.all).toBe(false);
      const faults = verdict.findings.filter(
        (finding) => grades.includes(finding.verdict) && (rule !== 'cipai-rhyme' || finding.rule === name),
      );
      expect(faults.length, negative.text).toBeGreaterThan(0);
      expect(
        faults.some((finding) => finding.rule === name),
        negative.text,
      ).toBe(true);
      const places = new Set(faults.flatMap((f) => (f.position === undefined ? [] : [`${f.line} ${f.position}`])));
      expect(places.size).toBeLessThanOrEqual(1);
      const step = rule.endsWith('-short') ? -1 : rule.endsWith('-long') ? 1 : 0;
      expect(characterCount(plain(negative.text))).toBe(characterCount(plain(poem.text)) + step);
      expect(splitLines(negative.text)).toHaveLength(splitLines(poem.text).length);
    }
    // 孤平 and 三平尾 need a line of one type, so not every poem has a place.
    expect(made / asked).toBeGreaterThan(0.5);
  });

  it('changes one character, at the place it names', () => {
    const poem = sample('七律', 1)[0]!;
    const negative = createNegative(poem, 'chuyun', { seed: 1, pool })!;
    const before = splitLines(poem.text);
    const after = splitLines(negative.text);
    before.forEach((line, i) => {
      if (i !== negative.line - 1) expect(after[i]).toBe(line);
    });
    expect(before[negative.line - 1]![negative.position - 1]).toBe(negative.removed);
    expect(after[negative.line - 1]![negative.position - 1]).toBe(negative.inserted);
  });

  it('is the same for the same seed and differs over seeds', () => {
    const poem = sample('七绝', 1)[0]!;
    const texts = [1, 1, 2, 3, 4].map((seed) => createNegative(poem, 'shidui', { seed, pool })?.text);
    expect(texts[0]).toBe(texts[1]);
    expect(new Set(texts).size).toBeGreaterThan(1);
  });

  it('takes no poem that is not right itself', () => {
    const poem = sample('五绝', 1)[0]!;
    const flawed: Poem = { ...poem, labels: { ...poem.labels, isFlawless: false, faults: 1 } };
    expect(() => createNegative(flawed, 'chuyun', { seed: 1, pool })).toThrow(CorpusError);
  });

  it('knows which rules a form has', () => {
    expect(negativeRulesFor(sample('五绝', 1)[0]!)).not.toContain('cipai-tone');
    expect(negativeRulesFor(sample('词', 1)[0]!)).toEqual([
      'cipai-tone',
      'cipai-rhyme',
      'cipai-length-short',
      'cipai-length-long',
    ]);
  });
});

describe('createRandomNegative', () => {
  it('finds a rule for every poem', () => {
    for (const poem of [...SHI, '词'].flatMap((form) => sample(form, 4)))
      expect(createRandomNegative(poem, { seed: 3, pool }), poem.text).not.toBeNull();
  });
});

describe('CharacterPool', () => {
  it('draws characters of the tone, about as frequent', () => {
    const random = () => 0.5;
    const drawn = pool.draw('山', '仄', new Set(), random)!;
    expect(check(`${drawn}山山山山`).lines[0]!.readings[0]).toBe('仄');
    expect(pool.draw('山', '平', new Set(), random, () => false)).toBeUndefined();
  });
});
