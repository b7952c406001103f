import { describe, expect, it } from 'vitest';
import { expOfNegative } from './exponential.ts';

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
