import { describe, expect, it } from 'vitest';
import { openStyle, trainStyle } from './style.ts';
import { decodeStyle, encodeStyle, loadStyle } from './style-file.ts';
import { scoreStyle } from './style-scores.ts';

const FROST = ['寒霜凍雪', '朔雪寒冰', '霜天冰雪', '寒冰雪夜'];
const SPRING = ['春花柳綠', '花開春暖', '柳綠鶯啼', '春風花柳'];
const poems = (lines: readonly string[], label: string) =>
  lines.flatMap((a) => lines.map((b) => ({ text: `${a}，${b}。`, label })));
const examples = [...poems(FROST, '冬'), ...poems(SPRING, '春')];

describe('trainStyle', () => {
  it('tells manners apart that differ, and is unsure where nothing is known', () => {
    const classifier = openStyle(trainStyle(examples, { buckets: 1024 }));
    expect(classifier.classify('寒雪冰霜，霜凍寒冰。')).toBe('冬');
    expect(classifier.classify('花柳春鶯，綠柳開花。')).toBe('春');
    const shares = classifier.probabilities('山水雲煙。');
    expect(shares[0]! + shares[1]!).toBeCloseTo(1, 12);
    expect(Math.abs(shares[0]! - 0.5)).toBeLessThan(0.4);
  });

  it('repeats with its seed', () => {
    expect(trainStyle(examples, { buckets: 256, seed: 3 })).toEqual(trainStyle(examples, { buckets: 256, seed: 3 }));
  });

  it('survives its file', async () => {
    const weights = trainStyle(examples, { buckets: 256 });
    const facts = {
      accuracy: { k: 9, n: 10, ci: [0.6, 1] as const },
      balancedAccuracy: 0.9,
      majority: 0.5,
      calibration: { brier: 0.1, logLoss: 0.3 },
      trainedOn: 32,
    };
    const model = await decodeStyle(
      await encodeStyle({ dynasty: { ...facts, weights }, author: { ...facts, weights } }),
    );
    const text = '寒雪春花。';
    expect(model.author.classifier.probabilities(text)).toEqual(openStyle(weights).probabilities(text));
    expect(model.dynasty.accuracy).toEqual(facts.accuracy);
  });
});

describe('the shipped classifiers', () => {
  it('state an accuracy above that of the commonest label', async () => {
    const { dynasty, author } = await loadStyle();
    expect(dynasty.balancedAccuracy).toBeGreaterThan(0.8);
    expect(author.accuracy.ci[0]).toBeGreaterThan(2 * author.majority);
    expect(author.classifier.labels).toContain('李白');
    // Better than the shares of the labels alone would be: of two labels that is log 2 at most, of K log K.
    expect(dynasty.calibration.logLoss).toBeLessThan(Math.LN2);
    expect(author.calibration.logLoss).toBeLessThan(Math.log(author.classifier.labels.length));
    expect(author.calibration.brier).toBeLessThan(1);
  });

  it('score poems by the poet asked for, and leave out whom they do not know', async () => {
    const model = await loadStyle();
    const text = '畢竟西湖六月中，風光不與四時同。接天蓮葉無窮碧，映日荷花別樣紅。';
    const scores = scoreStyle(model, [
      { text, author: '楊萬里', dynasty: '宋' },
      { text, author: '無名氏' },
      { text: '' },
    ])!;
    expect([scores.author!.n, scores.dynasty.n]).toEqual([1, 1]);
    expect(scores.judged.宋! + scores.judged.唐!).toBeCloseTo(1, 12);
    expect(scoreStyle(model, [{ text: '' }])).toBeNull();
  });
});
