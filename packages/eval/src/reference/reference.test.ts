// A few figures recorded from sacreBLEU 2.6, rouge-chinese 1.0.3 and scikit-learn 1.9, so that no folder is needed.
import { describe, expect, it } from 'vitest';
import { corpusBleu, sentenceBleu } from './bleu.ts';
import { sentenceChrf } from './chrf.ts';
import { classificationReport, cohenKappa } from './classification.ts';
import { rocCurve } from './ranking.ts';
import { rouge, rougeTokens } from './rouge.ts';

const pair = { hypothesis: '床前明月光，疑是地上霜。', references: ['床前看月光，疑是地上霜。'] };

describe('scores against a reference', () => {
  it('equal the recorded ones', () => {
    expect(sentenceBleu(pair).score).toBeCloseTo(76.91605673134588, 6);
    expect(sentenceChrf(pair)).toBeCloseTo(71.63239538239537, 6);
    const { rouge1, rouge2, rougeL } = rouge(rougeTokens(pair.hypothesis), rougeTokens(pair.references[0]!));
    expect(rouge1.f).toBeCloseTo(0.9166666616666667, 8);
    expect(rouge2.f).toBeCloseTo(0.8181818131818183, 8);
    expect(rougeL.f).toBeCloseTo(0.9166666616666667, 8);
  });
  it('are 0 for an empty text and do not fail on an empty list', () => {
    expect(sentenceBleu({ hypothesis: '', references: ['春风'] }).score).toBe(0);
    expect(sentenceChrf({ hypothesis: '', references: ['春风'] })).toBe(0);
    expect(rouge([], ['春']).rougeL.f).toBe(0);
    expect(corpusBleu([]).score).toBe(0);
  });
});

describe('agreement', () => {
  it("knows Cohen's kappa of a textbook table", () => {
    // Cohen (1960) style 2 × 2: 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no → κ = 0.4.
    const say = (counts: readonly number[]): string[] =>
      counts.flatMap((n, i) => Array<string>(n).fill(['yes', 'no', 'yes', 'no'][i]!));
    const first = [...Array<string>(25).fill('yes'), ...Array<string>(25).fill('no')];
    expect(cohenKappa(first, say([20, 5, 10, 15]), ['yes', 'no'])).toBeCloseTo(0.4, 12);
  });
  it('refuses labels that are not listed', () => {
    expect(() => classificationReport(['a'], ['b'], ['a'])).toThrow(/expected one of a, got b/);
  });
  it('counts ties half in the area under the curve', () => {
    expect(rocCurve([true, false], [1, 1]).area).toBe(0.5);
    expect(() => rocCurve([true], [1])).toThrow(/both classes/);
  });
});
