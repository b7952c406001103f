import { describe, expect, it } from 'vitest';
import { calibration } from './calibration.ts';

describe('calibration', () => {
  it('is 0 for certainty that is right, and bounded for certainty that is wrong', () => {
    expect(calibration([[1, 0, 0]], [0])).toEqual({ brier: 0, logLoss: 0 });
    const wrong = calibration([[1, 0, 0]], [2]);
    expect(wrong.brier).toBe(2);
    expect(wrong.logLoss).toBeCloseTo(52 * Math.LN2, 10);
    expect(calibration([[1, 0]], [1]).brier).toBe(1);
  });

  it('of a uniform guess is log K', () => {
    const third = [1 / 3, 1 / 3, 1 / 3];
    const { brier, logLoss } = calibration([third, third], [0, 2]);
    expect(logLoss).toBeCloseTo(Math.log(3), 12);
    expect(brier).toBeCloseTo(2 / 3, 12);
  });

  it('refuses what has no meaning', () => {
    expect(() => calibration([], [])).toThrow(RangeError);
    expect(() => calibration([[0.5, 0.5]], [2])).toThrow(/targets below it/);
    expect(() => calibration([[0.5, 0.5], [1]], [0, 0])).toThrow(RangeError);
  });
});
