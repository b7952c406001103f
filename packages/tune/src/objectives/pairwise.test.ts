import { createRandom } from '@tuiqiao/tensor';
import { describe, expect, it } from 'vitest';
import { crossEntropy } from './cross-entropy.ts';
import { isReferenceFree, type PairwiseInput, type PairwiseOptions, pairwise, pairwiseLosses } from './pairwise.ts';

function randomInput(pairs: number, seed: number): Required<Omit<PairwiseInput, 'window'>> {
  const random = createRandom(seed);
  const lengths = Array.from({ length: 2 * pairs }, () => 1 + random.integer(6));
  const offsets = new Int32Array(2 * pairs + 1);
  for (const [s, length] of lengths.entries()) offsets[s + 1] = offsets[s]! + length;
  const logProbs = Float64Array.from({ length: offsets.at(-1)! }, () => -0.5 - 3 * random.uniform());
  const reference = Float64Array.from(lengths, (length) => -2 * length + random.normal());
  return { logProbs, offsets, reference };
}

function optionsOf(loss: PairwiseOptions['loss']): PairwiseOptions {
  return { loss, beta: 0.3, labelSmoothing: 0.1, rpoAlpha: 0.2, prefFtx: 0.3 };
}

describe.each(pairwiseLosses)('%s', (loss) => {
  it('has the gradient of central differences', () => {
    const input = randomInput(3, 4);
    const { dLogProbs } = pairwise(input, optionsOf(loss));
    const step = 1e-6;
    for (let i = 0; i < input.logProbs.length; i++) {
      const moved = (by: number) => {
        const logProbs = input.logProbs.slice();
        logProbs[i]! += by;
        return pairwise({ ...input, logProbs }, optionsOf(loss)).loss;
      };
      expect(dLogProbs[i]).toBeCloseTo((moved(step) - moved(-step)) / (2 * step), 7);
    }
  });

  // kto_pair takes its KL terms from the batch at hand, so it is no sum over pairs.
  it.skipIf(loss === 'kto_pair')('parts of a window add up to the window', () => {
    const input = randomInput(4, 6);
    const { logProbs, offsets, reference } = input;
    let chosenTokens = 0;
    for (let p = 0; p < 4; p++) chosenTokens += offsets[2 * p + 1]! - offsets[2 * p]!;
    const whole = pairwise(input, optionsOf(loss));
    const parts = [0, 1, 2, 3].map((p) => {
      const start = offsets[2 * p]!;
      return pairwise(
        {
          logProbs: logProbs.slice(start, offsets[2 * p + 2]!),
          offsets: offsets.slice(2 * p, 2 * p + 3).map((offset) => offset - start),
          reference: reference.slice(2 * p, 2 * p + 2),
          window: { pairs: 4, chosenTokens },
        },
        optionsOf(loss),
      );
    });
    const sum = (pick: (part: (typeof parts)[number]) => number) =>
      parts.reduce((total, part) => total + pick(part), 0);
    expect(sum((part) => part.loss)).toBeCloseTo(whole.loss, 12);
    for (const [name, value] of Object.entries(whole.metrics)) {
      expect(
        sum((part) => part.metrics[name]!),
        name,
      ).toBeCloseTo(value, 12);
    }
    const gradients = parts.flatMap((part) => [...part.dLogProbs]);
    for (const [i, value] of whole.dLogProbs.entries()) expect(gradients[i]).toBeCloseTo(value, 12);
  });

  it('asks for a reference exactly when it needs one', () => {
    const { logProbs, offsets } = randomInput(2, 1);
    const run = () => pairwise({ logProbs, offsets }, optionsOf(loss));
    if (isReferenceFree(loss)) expect(run().loss).toBeGreaterThan(0);
    else expect(run).toThrow(/expected reference log-probabilities/);
  });
});

it('pairwise stays finite for certain pairs', () => {
  const input = { ...randomInput(1, 2), reference: Float64Array.of(-5000, 5000) };
  for (const loss of ['sigmoid', 'robust', 'nca_pair', 'apo_zero', 'kto_pair'] as const) {
    const result = pairwise(input, { loss, beta: 1, labelSmoothing: 0.1 });
    expect(Number.isFinite(result.loss), loss).toBe(true);
    expect(result.dLogProbs.every(Number.isFinite), loss).toBe(true);
  }
});

it.each([
  [{ loss: 'sigmoid', beta: 0 }, /beta/],
  [{ loss: 'sigmoid', beta: 0.1, labelSmoothing: 0.5 }, /labelSmoothing/],
  [{ loss: 'exo_pair', beta: 0.1 }, /exo_pair.*labelSmoothing > 0/],
] as [PairwiseOptions, RegExp][])('pairwise refuses %o', (options, message) => {
  expect(() => pairwise(randomInput(1, 1), options)).toThrow(message);
});

describe('crossEntropy', () => {
  it('is the weighted mean over the window, with its gradient and accuracy', () => {
    const result = crossEntropy({
      logProbs: Float64Array.of(-1, -2, -4),
      weights: Float64Array.of(1, 0.5, 0),
      totalWeight: 3,
      hits: Uint8Array.of(1, 0, 1),
      totalTokens: 8,
    });
    expect(result.loss).toBeCloseTo(2 / 3, 12);
    expect([...result.dLogProbs]).toEqual([-1 / 3, -0.5 / 3, -0 / 3]);
    expect(result.metrics.mean_token_accuracy).toBe(0.25);
    expect(crossEntropy({ logProbs: Float64Array.of(-1, -3) }).loss).toBe(2);
  });
});
