import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BatchingOptions, countSteps, planEpoch, planMicroBatches } from './batching.ts';
import { TuneError } from './errors.ts';
import type { Dataset } from './items.ts';

function dataOf(lengths: readonly number[]): Dataset<number> {
  return { length: lengths.length, tokensOf: (i) => lengths[i]!, item: (i) => i };
}

const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 200 });

describe('planEpoch', () => {
  it('puts every item into exactly one step, within the token bound', () => {
    fc.assert(
      fc.property(lengths, fc.integer(), (sizes, seed) => {
        const steps = planEpoch(dataOf(sizes), { seed, tokensPerStep: 50 }, 0);
        expect(steps.flatMap((step) => [...step]).sort((a, b) => a - b)).toEqual(sizes.map((_, i) => i));
        for (const step of steps) expect(step.reduce((sum, i) => sum + sizes[i]!, 0)).toBeLessThanOrEqual(50);
      }),
    );
  });

  it('fills bins nearly full when items are short beside the bound', () => {
    const sizes = Array.from({ length: 5000 }, (_, i) => 20 + ((i * 37) % 60));
    const steps = planEpoch(dataOf(sizes), { seed: 1, tokensPerStep: 4096 }, 0);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(total / (4096 * steps.length)).toBeGreaterThan(0.98);
  });

  it('is the same for the same seed and epoch, and another order in the next epoch', () => {
    const data = dataOf(Array.from({ length: 50 }, () => 3));
    const options: BatchingOptions = { seed: 7, itemsPerStep: 4 };
    expect(planEpoch(data, options, 2)).toEqual(planEpoch(data, options, 2));
    expect(planEpoch(data, options, 2)).not.toEqual(planEpoch(data, options, 3));
    expect(planEpoch(data, options, 0)).not.toEqual(planEpoch(data, { ...options, seed: 8 }, 0));
    expect(planEpoch(data, { ...options, isShuffled: false }, 0)[0]).toEqual(Int32Array.of(0, 1, 2, 3));
  });
});

describe('countSteps', () => {
  it('counts whole and fractional epochs', () => {
    const data = dataOf([1, 1, 1, 1, 1, 1, 1]);
    expect(countSteps(data, { seed: 0, itemsPerStep: 2 }, 1)).toBe(4);
    expect(countSteps(data, { seed: 0, itemsPerStep: 2 }, 2.5)).toBe(10);
    expect(countSteps(data, { seed: 0, tokensPerStep: 7 }, 3)).toBe(3);
  });

  it('refuses contradictory options, empty data and items beyond the bound', () => {
    const code = (run: () => unknown) => {
      try {
        run();
      } catch (error) {
        return [(error as TuneError).code, (error as TuneError).message];
      }
      return null;
    };
    expect(code(() => countSteps(dataOf([1]), { seed: 0 }, 1))?.[0]).toBe('tune-batching');
    expect(code(() => countSteps(dataOf([]), { seed: 0, itemsPerStep: 1 }, 1))?.[0]).toBe('tune-batching');
    expect(code(() => countSteps(dataOf([3, 9]), { seed: 0, tokensPerStep: 8 }, 1))?.[1]).toContain('got 9 in item 1');
  });
});

describe('planMicroBatches', () => {
  it('keeps the order of what fits and throws for an item beyond the bound', () => {
    expect(planMicroBatches(dataOf([4, 4, 4]), Int32Array.of(2, 0, 1), 8)).toEqual([
      Int32Array.of(2, 0),
      Int32Array.of(1),
    ]);
    expect(() => planMicroBatches(dataOf([4, 9]), Int32Array.of(0, 1), 8)).toThrow(TuneError);
  });
});
