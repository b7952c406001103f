import { describe, expect, it } from 'vitest';
import { scoreTask } from './task-scores.ts';

const answers = Array.from({ length: 20 }, (_, i) => ({
  given: '白日依山盡，',
  answer: i % 2 === 0 ? '黃河入海流。' : '黃河入海',
  reference: '黃河入海流。',
}));

describe('scoreTask', () => {
  it('gives every figure with an interval that holds it', () => {
    const scores = scoreTask(answers);
    expect([scores.n, scores.exact.k, scores.length.k]).toEqual([20, 10, 10]);
    expect(scores.rougeL.mean).toBeCloseTo((1 + (2 * (4 / 6)) / (1 + 4 / 6)) / 2, 6);
    for (const { mean, ci } of [scores.bleu, scores.chrf, scores.rouge1, scores.rouge2, scores.rougeL]) {
      expect(ci[0]).toBeLessThan(mean);
      expect(ci[1]).toBeGreaterThan(mean);
    }
    expect(scoreTask(answers)).toEqual(scores);
  });

  it('is 100 for answers that are the reference', () => {
    const { bleu, chrf, exact } = scoreTask(answers.map((answer) => ({ ...answer, answer: answer.reference })));
    expect(bleu.mean).toBeCloseTo(100, 9);
    expect(chrf.mean).toBeCloseTo(100, 9);
    expect(exact.k).toBe(20);
  });
});
