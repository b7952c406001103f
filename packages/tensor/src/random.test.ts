import { describe, expect, it } from 'vitest';
import { createRandom } from './random.ts';

describe('createRandom', () => {
  it('is xoshiro128** 1.1', () => {
    // The first outputs of the authors' C code from the state 1, 2, 3, 4.
    const random = createRandom([1, 2, 3, 4]);
    expect([random.bits(), random.bits(), random.bits(), random.bits()]).toEqual([11520, 0, 5927040, 70819200]);
  });

  it('gives the same numbers from the same seed, others from another', () => {
    const draw = (seed: number) => Array.from({ length: 5 }, createRandom(seed).uniform);
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(draw(1)).not.toEqual(draw(1 + 2 ** 32));
  });

  it('continues from a saved state', () => {
    const random = createRandom(42);
    for (let i = 0; i < 10; i++) random.normal();
    const restored = createRandom(JSON.parse(JSON.stringify(random.state())));
    expect(Array.from({ length: 5 }, () => restored.normal())).toEqual(
      Array.from({ length: 5 }, () => random.normal()),
    );
  });

  it('forks by label without advancing', () => {
    const random = createRandom(42);
    const before = random.state();
    const [data, mask, again] = ['data', 'mask', 'data'].map((label) => random.fork(label).uniform());
    expect(random.state()).toEqual(before);
    expect(data).toBe(again);
    expect(data).not.toBe(mask);
  });

  it('has the moments of its distributions', () => {
    const random = createRandom(7);
    const count = 100_000;
    const moments = (draw: () => number) => {
      const values = Array.from({ length: count }, draw);
      const mean = values.reduce((a, b) => a + b, 0) / count;
      return [mean, values.reduce((a, b) => a + (b - mean) ** 2, 0) / count] as const;
    };
    const [uniformMean, uniformVariance] = moments(random.uniform);
    const [normalMean, normalVariance] = moments(random.normal);
    // Five standard errors.
    expect(Math.abs(uniformMean - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / count));
    expect(Math.abs(uniformVariance - 1 / 12)).toBeLessThan(5 * Math.sqrt(1 / 180 / count));
    expect(Math.abs(normalMean)).toBeLessThan(5 / Math.sqrt(count));
    expect(Math.abs(normalVariance - 1)).toBeLessThan(5 * Math.sqrt(2 / count));
  });

  it('shuffles to every order equally often', () => {
    const random = createRandom(3);
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const key = random.shuffle([1, 2, 3]).join('');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(1000));
    expect([...random.shuffle(Int32Array.of(1, 2, 3))].sort()).toEqual([1, 2, 3]);
    expect(random.integer(10)).toBeLessThan(10);
  });
});
