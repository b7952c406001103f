import { describe, expect, it } from 'vitest';
import { expOfNegative, exponentiate, SUM_BLOCK, sumExponentials } from './exponential.ts';

describe('expOfNegative', () => {
  it('is exp to eleven digits', () => {
    let worst = 0;
    for (let x = -650; x <= 0; x += 0.00973) {
      const exact = Math.exp(x);
      worst = Math.max(worst, Math.abs(expOfNegative(x) - exact) / exact);
    }
    expect(worst).toBeLessThan(1e-11);
  });

  it('knows its ends', () => {
    expect(expOfNegative(0)).toBe(1);
    expect(expOfNegative(-1e6)).toBe(0);
    expect(expOfNegative(Number.NEGATIVE_INFINITY)).toBe(0);
    expect(expOfNegative(Number.NaN)).toBeNaN();
  });
});

describe('sums of exponentials', () => {
  it.each([1, SUM_BLOCK, SUM_BLOCK + 1, 1000])('of %s values by blocks are those of the weights', (count) => {
    const values = Float32Array.from({ length: count }, (_, i) => Math.sin(i) * 20);
    values[count >> 1] = Number.NEGATIVE_INFINITY;
    const weights = new Float64Array(count);
    const sums = new Float64Array(Math.ceil(count / SUM_BLOCK));
    const sizes = { best: 20, temperature: 0.6 };
    const sum = exponentiate(weights, values, sizes);
    expect(sumExponentials(sums, values, sizes)).toBeCloseTo(sum, 12);
    for (const [block, part] of sums.entries()) {
      const exact = weights.subarray(block * SUM_BLOCK, (block + 1) * SUM_BLOCK).reduce((a, b) => a + b, 0);
      expect(part).toBeCloseTo(exact, 12);
    }
    values[0] = Number.NaN;
    expect(sumExponentials(sums, values, sizes)).toBeNaN();
  });
});
