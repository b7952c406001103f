import { describe, expect, it } from 'vitest';
import { bootstrapMean, pairedWinRate, wilson } from './intervals.ts';

describe('wilson', () => {
  it('reproduces textbook intervals', () => {
    // Brown, Cai & DasGupta (2001): 0 of 10 → [0, 0.2775]; Newcombe (1998): 81 of 263 → [0.2553, 0.3662].
    expect(wilson(0, 10).ci[0]).toBeCloseTo(0, 12);
    expect(wilson(0, 10).ci[1]).toBeCloseTo(0.2775, 4);
    expect(wilson(81, 263).ci[0]).toBeCloseTo(0.2553, 4);
    expect(wilson(81, 263).ci[1]).toBeCloseTo(0.3662, 4);
  });
  it('says nothing when nothing was seen', () => expect(wilson(0, 0).ci).toEqual([0, 1]));
});

describe('bootstrapMean', () => {
  it('repeats with the same seed and covers the mean', () => {
    const values = Array.from({ length: 200 }, (_, i) => (i * 37) % 101);
    const first = bootstrapMean(values, 7);
    expect(bootstrapMean(values, 7)).toEqual(first);
    expect(first.ci[0]).toBeLessThan(first.mean);
    expect(first.ci[1]).toBeGreaterThan(first.mean);
    // Standard error of the mean is σ/√n ≈ 29/14 ≈ 2.06, so the interval is about 8 wide.
    expect(first.ci[1] - first.ci[0]).toBeGreaterThan(6);
    expect(first.ci[1] - first.ci[0]).toBeLessThan(10);
  });
});

describe('pairedWinRate', () => {
  it('counts ties half', () => expect(pairedWinRate([1, 0, 1, 1], [0, 1, 1, 0]).winRate).toBe(0.625));
  it('refuses lists of different length', () => expect(() => pairedWinRate([1], [])).toThrow(/length/));
});
