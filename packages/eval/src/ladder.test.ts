import { describe, expect, it } from 'vitest';
import { buildLadder } from './ladder.ts';
import type { JudgedPoem, ModelPoems } from './ladder-report.ts';

const GOOD = '白日依山盡，黃河入海流。欲窮千里目，更上一層樓。';
const OFF_RHYME = '白日依山盡，黃河入海流。欲窮千里目，更上一層山。';
const SHORT = '白日依山盡，黃河入海流。';

function judged(text: string, title = '登樓', copied = 0): JudgedPoem {
  const source = { title: '登鸛雀樓', author: '王之渙' };
  return {
    asked: { form: '五绝' },
    title,
    text,
    copiedLines: Array.from({ length: copied }, () => ({ line: '白日依山盡', source })),
    longestSharedNgram: 5,
  };
}

function model(name: string, texts: readonly string[], constrained = false): ModelPoems {
  return { name, seed: 42, constrained, poems: texts.map((text) => judged(text)) };
}

const control = model('held-out real poems', [GOOD, GOOD]);

describe('buildLadder', () => {
  it('counts each rule by form and overall, with Wilson intervals', () => {
    const { models } = buildLadder([model('base', [GOOD, OFF_RHYME, SHORT, ''])], control);
    const { overall, byForm, n, seed, constrained } = models[0]!;
    expect([n, seed, constrained]).toEqual([4, 42, false]);
    expect(Object.keys(byForm)).toEqual(['五绝']);
    expect(byForm.五绝).toEqual(overall);
    expect([overall.length.k, overall.rhyme.k, overall.meter.k, overall.all.k]).toEqual([2, 1, 2, 1]);
    expect(overall.all.ci[0]).toBeCloseTo(0.0456, 4);
    expect(overall.all.ci[1]).toBeCloseTo(0.6994, 4);
  });

  it('pairs every model with those before it, on the same terms only', () => {
    const { pairs } = buildLadder(
      [
        model('base', [SHORT, OFF_RHYME]),
        model('sft', [OFF_RHYME, OFF_RHYME]),
        model('dpo', [GOOD, GOOD]),
        model('dpo', [GOOD, GOOD], true),
      ],
      control,
    );
    expect(pairs.map(({ a, b, winRate }) => [a, b, winRate])).toEqual([
      ['sft', 'base', 0.75],
      ['dpo', 'sft', 1],
      ['dpo', 'base', 1],
    ]);
  });

  it('gives pairs the difference in poems without a fault, prompt by prompt', () => {
    const { pairs } = buildLadder(
      [model('base', [SHORT, OFF_RHYME, GOOD]), model('sft', [GOOD, OFF_RHYME, GOOD])],
      control,
    );
    expect([pairs[0]!.n, pairs[0]!.seed]).toEqual([3, 1]);
    expect(pairs[0]!.difference.all.mean).toBeCloseTo(1 / 3, 12);
    expect(pairs[0]!.difference.all.ci[0]).toBeGreaterThanOrEqual(0);
  });

  it("says what the checker's own error is, beside the control row", () => {
    const { scorers } = buildLadder([model('base', [GOOD])], control);
    expect(scorers.checker.strict.n).toBeGreaterThan(100);
    expect(scorers.checker.strict.k).toBe(0);
  });

  it('measures the variety of every row on equally many poems', () => {
    const { models, control: row } = buildLadder([model('base', [GOOD, OFF_RHYME, SHORT, GOOD])], control);
    expect([models[0]!.diversity.n, row.diversity.n]).toEqual([2, 2]);
  });

  it('leaves out what was not measured and keeps what was', () => {
    const bare = buildLadder([model('base', [GOOD, GOOD])], control).models[0]!;
    for (const key of ['theme', 'parallelism', 'bitsPerChar', 'bitsPerCharCi', 'tokensPerSecond']) {
      expect(bare).not.toHaveProperty(key);
    }
    const relevance = { score: (title: string, text: string) => (text.includes(title) ? 1 : 0) };
    const measured = buildLadder(
      [
        {
          ...model('base', []),
          poems: [judged(GOOD, '黃河'), judged(OFF_RHYME, '層山')],
          bitsPerChar: 5.5,
          tokensPerSecond: 800,
        },
      ],
      control,
      { theme: relevance },
    ).models[0]!;
    // The first poem fits its own title only; the second fits both.
    expect(measured.theme!.mean).toBe(0.75);
    expect([measured.bitsPerChar, measured.tokensPerSecond]).toEqual([5.5, 800]);
  });

  it('counts poems without a copied line, and every copied line', () => {
    const poems = [judged(GOOD, '登樓', 2), judged(GOOD), judged(GOOD, '登樓', 1)];
    const { novelty } = buildLadder([{ ...model('base', []), poems }], control).models[0]!;
    expect([novelty.novel.k, novelty.novel.n, novelty.copiedLines]).toEqual([1, 3, 3]);
    expect(novelty.longestSharedNgram.mean).toBe(5);
  });

  it('shows the first prompts of each form, with their place and verdict', () => {
    const { samples } = buildLadder([model('base', [GOOD, OFF_RHYME, SHORT])], control).models[0]!;
    expect(samples.map(({ prompt }) => prompt)).toEqual([0, 1]);
    expect(samples[1]!.findings.join()).toContain('出韵');
    expect(samples[0]!.verdict!.strict.all).toBe(true);
  });
});
