import { createRandom } from '@tuiqiao/tensor';
import { describe, expect, it } from 'vitest';
import { Sampler } from './sampler.ts';
import { resolveSampling, type SamplingOptions } from './sampling-options.ts';

const random = createRandom(5);
const V = 300;
const logits = Float32Array.from({ length: V }, () => 3 * random.normal());
const nothing = { context: new Set<number>(), counts: new Map<number, number>(), tokens: [] };

function probabilitiesOf(options: SamplingOptions, mask: Uint32Array | null = null): Float64Array {
  return new Sampler(V, resolveSampling(options)).probabilities(logits, mask, nothing);
}

describe('Sampler', () => {
  it('says how much of the model a mask leaves, whatever the temperature', () => {
    const mask = new Uint32Array(Math.ceil(V / 32));
    const ids = [0, 3, 31, 32, 200, 299];
    for (const id of ids) mask[id >> 5]! |= 1 << (id & 31);
    const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
    const left = ids.reduce((total, id) => total + Math.exp(logits[id]!), 0) / sum;
    for (const temperature of [0, 0.5, 1]) {
      const sampler = new Sampler(V, resolveSampling({ temperature }));
      expect(sampler.choose(logits, mask, nothing, () => 0.5)!.allowedMass).toBeCloseTo(left, 6);
      expect(sampler.choose(logits, null, nothing, () => 0.5)!.allowedMass).toBe(1);
    }
  });

  it('keeps exactly the tokens of top-p that a full sort keeps', () => {
    const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
    const sorted = [...logits].map((logit, id) => ({ id, p: Math.exp(logit) / sum })).sort((a, b) => b.p - a.p);
    for (const topP of [0.05, 0.3, 0.6, 0.9, 0.99, 0.9999]) {
      const kept: number[] = [];
      for (let i = 0, mass = 0; mass < topP; i++) {
        kept.push(sorted[i]!.id);
        mass += sorted[i]!.p;
      }
      const probabilities = probabilitiesOf({ topP });
      const nonZero = [...probabilities.keys()].filter((id) => probabilities[id]! > 0);
      expect(nonZero.sort((a, b) => a - b)).toEqual(kept.sort((a, b) => a - b));
    }
  });

  it('applies filters among the allowed tokens only', () => {
    const mask = new Uint32Array(Math.ceil(V / 32));
    const allowed = [3, 64, 95, 96, 200, 299];
    for (const id of allowed) mask[id >> 5]! |= 1 << (id & 31);
    const best = [...allowed].sort((a, b) => logits[b]! - logits[a]!);
    const probabilities = probabilitiesOf({ topK: 2 }, mask);
    const kept = [...probabilities.keys()].filter((id) => probabilities[id]! > 0);
    expect(kept.sort()).toEqual(best.slice(0, 2).sort());
    expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
  });

  it('keeps all of equal tokens, and one of a certain one', () => {
    const sampler = new Sampler(4, resolveSampling({ topP: 0.5 }));
    expect([...sampler.probabilities(Float32Array.of(1, 1, 1, 1), null, nothing)]).toEqual([0.25, 0.25, 0.25, 0.25]);
    expect([...sampler.probabilities(Float32Array.of(9, -900, -900, -900), null, nothing)]).toEqual([1, 0, 0, 0]);
  });

  it('draws what it says it draws from', () => {
    const options = resolveSampling({ temperature: 0.9, topK: 6, repetitionPenalty: 1.4 });
    const history = { context: new Set([0, 7, 12]), counts: new Map<number, number>(), tokens: [] };
    const sampler = new Sampler(V, options);
    const probabilities = sampler.probabilities(logits, null, history);
    const counts = new Float64Array(V);
    const n = 20_000;
    for (let i = 0; i < n; i++) counts[sampler.choose(logits, null, history, () => (i + 0.5) / n)!.id]! += 1 / n;
    for (let v = 0; v < V; v++) expect(Math.abs(counts[v]! - probabilities[v]!)).toBeLessThan(2 / n);
  });

  it('draws from the whole vocabulary by blocks as token by token', () => {
    for (const size of [1, 255, 256, 257, 3000]) {
      const row = Float32Array.from({ length: size }, (_, v) =>
        v % 700 < 300 ? Number.NEGATIVE_INFINITY : random.normal(),
      );
      row[size - 1] = 0;
      const sampler = new Sampler(size, resolveSampling({ temperature: 0.7 }));
      const probabilities = sampler.probabilities(row, null, nothing);
      const ends = [...probabilities];
      for (let v = 1; v < size; v++) ends[v]! += ends[v - 1]!;
      for (let i = 0; i <= 200; i++) {
        const uniform = i === 200 ? 1 - 2 ** -53 : i / 200 + 1e-9;
        const { id } = sampler.choose(row, null, nothing, () => uniform)!;
        expect(probabilities[id]).toBeGreaterThan(0);
        expect(ends[id]).toBeGreaterThanOrEqual(uniform - 1e-12);
        expect(ends[id]! - probabilities[id]!).toBeLessThanOrEqual(uniform + 1e-12);
      }
    }
  });

  it('leaves the logits as they were', () => {
    const copy = logits.slice();
    const options = resolveSampling({ repetitionPenalty: 1.7, presencePenalty: 0.4, frequencyPenalty: 0.2, topK: 5 });
    const history = { context: new Set([1, 2, 3]), counts: new Map([[3, 2]]), tokens: [] };
    new Sampler(V, options).choose(copy, null, history, random.uniform);
    expect(copy).toEqual(logits);
  });

  it('refuses logits that are not numbers', () => {
    const broken = logits.slice();
    broken[7] = Number.NaN;
    const sampler = new Sampler(V, resolveSampling({}));
    expect(() => sampler.choose(broken, null, nothing, random.uniform)).toThrow(/NaN/);
  });

  it('survives the ends of the unit interval and logits of −∞', () => {
    const some = Float32Array.of(Number.NEGATIVE_INFINITY, 1, 1, Number.NEGATIVE_INFINITY);
    const sampler = new Sampler(4, resolveSampling({}));
    expect(sampler.choose(some, null, nothing, () => 0)!.id).toBe(1);
    expect(sampler.choose(some, null, nothing, () => 1 - 2 ** -53)!.id).toBe(2);
  });
});
