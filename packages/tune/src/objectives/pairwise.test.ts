import { createRandom } from '@tuiqiao/tensor';
import { describe, expect, it } from 'vitest';
import { crossEntropy } from './cross-entropy.ts';
import { isReferenceFree, type PairwiseInput, type PairwiseOptions, pairwise, pairwiseLosses } from './pairwise.ts';
import { needsReference, pairwiseMix, type WeightedLoss } from './pairwise-mix.ts';

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

  // kto_pair takes its KL terms from the batch at hand, and aot sorts it: they are no sums over pairs.
  it.skipIf(loss === 'kto_pair' || loss.startsWith('aot'))('parts of a window add up to the window', () => {
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

describe('aot', () => {
  it('is dpo on sorted margins: the k-th of the policy against the k-th of the reference', () => {
    // One token a completion: its log-probability is its sum. Margins 2, −1, 0.5 of the policy, 1, 0, −2 of the reference.
    const logProbs = Float64Array.of(-1, -3, -3, -2, -1, -1.5);
    const reference = Float64Array.of(-1, -2, -2, -2, -4, -2);
    const offsets = Int32Array.of(0, 1, 2, 3, 4, 5, 6);
    const { loss } = pairwise({ logProbs, offsets, reference }, { loss: 'aot', beta: 0.5 });
    const gaps = [-1 - -2, 0.5 - 0, 2 - 1];
    const expected = gaps.reduce((sum, gap) => sum + Math.log1p(Math.exp(-0.5 * gap)), 0) / 3;
    expect(loss).toBeCloseTo(expected, 12);
  });

  it('does not care in which order the pairs stand', () => {
    const { logProbs, offsets, reference } = randomInput(3, 9);
    const order = [2, 0, 1];
    const rows = order.flatMap((p) => [2 * p, 2 * p + 1]);
    const moved = {
      logProbs: Float64Array.from(rows.flatMap((s) => [...logProbs.slice(offsets[s]!, offsets[s + 1]!)])),
      offsets: Int32Array.from([
        0,
        ...rows.map((_, i) => rows.slice(0, i + 1).reduce((n, s) => n + offsets[s + 1]! - offsets[s]!, 0)),
      ]),
      reference: Float64Array.from(rows, (s) => reference[s]!),
    };
    for (const loss of ['aot', 'aot_unpaired'] as const) {
      const options: PairwiseOptions = { loss, beta: 0.3, labelSmoothing: 0.1 };
      expect(pairwise(moved, options).loss).toBeCloseTo(pairwise({ logProbs, offsets, reference }, options).loss, 12);
    }
  });
});

describe('several losses', () => {
  it('add up with their weights, gradients too, and are logged one by one', () => {
    const input = randomInput(3, 5);
    const losses: WeightedLoss[] = [
      { loss: 'sigmoid', beta: 0.1, weight: 0.8 },
      { loss: 'bco_pair', beta: 0.1, weight: 0.2 },
      { loss: 'sft', beta: 0.1 },
    ];
    const mixed = pairwiseMix(input, losses);
    const parts = losses.map((options) => pairwise(input, options));
    const weights = [0.8, 0.2, 1];
    expect(mixed.loss).toBeCloseTo(
      parts.reduce((sum, part, i) => sum + weights[i]! * part.loss, 0),
      12,
    );
    for (let t = 0; t < input.logProbs.length; t++) {
      const sum = parts.reduce((total, part, i) => total + weights[i]! * part.dLogProbs[t]!, 0);
      expect(mixed.dLogProbs[t]).toBeCloseTo(sum, 12);
    }
    expect(mixed.metrics).toMatchObject({ ...parts[0]!.metrics, 'loss/bco_pair': parts[1]!.loss });
  });

  it('need a reference when one of them does', () => {
    expect(
      needsReference([
        { loss: 'orpo', beta: 0.1 },
        { loss: 'sft', beta: 0.1 },
      ]),
    ).toBe(false);
    expect(
      needsReference([
        { loss: 'orpo', beta: 0.1 },
        { loss: 'ipo', beta: 0.1 },
      ]),
    ).toBe(true);
    const { logProbs, offsets } = randomInput(2, 3);
    const mixed = pairwiseMix({ logProbs, offsets }, [
      { loss: 'simpo', beta: 2 },
      { loss: 'sft', beta: 2, weight: 0.5 },
    ]);
    expect(mixed.loss).toBeGreaterThan(0);
    expect(() => pairwiseMix({ logProbs, offsets }, [])).toThrow(/at least one/);
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
