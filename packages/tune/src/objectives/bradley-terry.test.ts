import { describe, expect, it } from 'vitest';
import { TuneError } from '../errors.ts';
import { bradleyTerry } from './bradley-terry.ts';

const scores = Float64Array.of(1.2, 0.4, -0.3, 0.9, 2.5, -700);
const margins = [0.5, 0, 1];

describe('bradleyTerry', () => {
  it('is the mean of −log σ(c − r − margin) plus the centring term', () => {
    const softplus = (x: number) => Math.log1p(Math.exp(x));
    const expected = (softplus(-(0.8 - 0.5)) + softplus(1.2)) / 2;
    const two = { scores: scores.slice(0, 4), margins };
    expect(bradleyTerry(two).loss).toBeCloseTo(expected, 12);
    const centred = bradleyTerry(two, { centerRewardsCoefficient: 0.1 }).loss;
    expect(centred).toBeCloseTo(expected + (0.1 * (1.6 ** 2 + 0.6 ** 2)) / 2, 12);
  });

  it('has the derivative that central differences have, far out too', () => {
    const options = { centerRewardsCoefficient: 0.02 };
    const { dLogProbs } = bradleyTerry({ scores, margins }, options);
    const h = 1e-5;
    for (let i = 0; i < scores.length; i++) {
      const at = (shift: number): number => {
        const moved = scores.slice();
        moved[i]! += shift;
        return bradleyTerry({ scores: moved, margins }, options).loss;
      };
      expect(dLogProbs[i]).toBeCloseTo((at(h) - at(-h)) / (2 * h), 5);
    }
  });

  it("tells TRL's metrics", () => {
    const { metrics } = bradleyTerry({ scores: scores.slice(0, 4) });
    expect(metrics.accuracy).toBe(0.5);
    expect(metrics.margin).toBeCloseTo((0.8 - 1.2) / 2, 12);
    expect(metrics.mean_reward).toBeCloseTo(2.2 / 4, 12);
    expect(metrics.min_reward).toBe(-0.3);
    expect(metrics.max_reward).toBe(1.2);
  });

  it('is the sum of its shares of a window', () => {
    const whole = bradleyTerry({ scores, margins }, { centerRewardsCoefficient: 0.01 });
    const window = { pairs: 3 };
    const parts = [0, 1, 2].map((p) =>
      bradleyTerry(
        { scores: scores.slice(2 * p, 2 * p + 2), margins: [margins[p]!], window },
        { centerRewardsCoefficient: 0.01 },
      ),
    );
    expect(parts.reduce((sum, part) => sum + part.loss, 0)).toBeCloseTo(whole.loss, 10);
    expect(parts.reduce((sum, { metrics }) => sum + metrics.accuracy!, 0)).toBeCloseTo(whole.metrics.accuracy!, 12);
    expect(parts.flatMap(({ dLogProbs }) => [...dLogProbs])).toEqual([...whole.dLogProbs]);
  });

  it('refuses options and margins that mean nothing', () => {
    expect(() => bradleyTerry({ scores }, { centerRewardsCoefficient: -1 })).toThrow(TuneError);
    expect(() => bradleyTerry({ scores, margins: [0, Number.NaN, 0] })).toThrow(/margins that are numbers/);
  });
});
