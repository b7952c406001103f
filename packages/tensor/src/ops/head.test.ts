import { describe, expect, it } from 'vitest';
import {
  checkGradients,
  doubleKernels,
  leaf,
  numbersOf,
  randomParameter,
  randomValues,
} from '../../test/gradient-check.ts';
import { createArena } from '../arena.ts';
import { Tape } from '../tape.ts';
import { uploadInts } from './embed.ts';
import { type HeadOptions, headChunkRows, headLogProbs } from './head.ts';

const C = 4;
const V = 8200;
/** More rows than one chunk holds. */
const R = headChunkRows(V) + 3;

function targetsOf(rows: number, vocabulary: number): Int32Array {
  return Int32Array.from({ length: rows }, (_, r) => (r * 7919) % vocabulary);
}

describe('headLogProbs', () => {
  it('has the gradient of log-probability, entropy and mean', () => {
    const weight = randomParameter('lm_head', [11, C]);
    checkGradients({
      parameters: [weight],
      inputs: { hidden: [6, C] },
      run: (tape, { hidden }) => {
        const targets = uploadInts(tape, targetsOf(6, 11));
        const { logProbs, entropy, meanLogProbs } = headLogProbs(tape, hidden!, weight, targets, {
          withEntropy: true,
          withMean: true,
        });
        return [logProbs, entropy!, meanLogProbs!];
      },
    });
  });

  it.each([{}, { softCap: 3 }])('is of softmax(logits / temperature), and so is its gradient (%o)', (options) => {
    const weight = randomParameter('lm_head', [11, C]);
    const temperature = 0.6;
    checkGradients({
      parameters: [weight],
      inputs: { hidden: [6, C] },
      run: (tape, { hidden }) => {
        const targets = uploadInts(tape, targetsOf(6, 11));
        const all = { withEntropy: true, withMean: true, temperature, ...options };
        const { logProbs, entropy, meanLogProbs } = headLogProbs(tape, hidden!, weight, targets, all);
        return [logProbs, entropy!, meanLogProbs!];
      },
    });
    const values = randomValues(C);
    const tape = new Tape(doubleKernels, createArena(doubleKernels), { computeType: 'f32', isRecording: false });
    const hidden = leaf(tape, [1, C], values);
    const { logProbs, entropy } = headLogProbs(tape, hidden, weight, uploadInts(tape, Int32Array.of(4)), {
      withEntropy: true,
      temperature,
      ...options,
    });
    const rows = numbersOf(weight.value);
    const logits = Array.from({ length: 11 }, (_, v) => {
      const logit = values.reduce((sum, value, c) => sum + value * rows[v * C + c]!, 0);
      return ('softCap' in options ? options.softCap! * Math.tanh(logit / options.softCap!) : logit) / temperature;
    });
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    const expected = logits.map((logit) => logit - Math.log(total));
    expect(numbersOf(logProbs.buffer)[0]).toBeCloseTo(expected[4]!, 10);
    const mean = expected.reduce((sum, logProb) => sum - Math.exp(logProb) * logProb, 0);
    expect(numbersOf(entropy!.buffer)[0]).toBeCloseTo(mean, 10);
  });

  it.each([{}, { softCap: 3, temperature: 0.7 }])(
    'has the gradient of its result over a frozen weight (%o)',
    (options) => {
      const weight = randomParameter('lm_head', [11, C], true);
      checkGradients({
        parameters: [],
        inputs: { hidden: [6, C] },
        run: (tape, { hidden }) => {
          const targets = uploadInts(tape, targetsOf(6, 11));
          return [headLogProbs(tape, hidden!, weight, targets, options).logProbs];
        },
      });
    },
  );

  it('gives rows in several chunks what they get in one, forward and backward', () => {
    const weight = randomParameter('lm_head', [V, C]);
    const values = randomValues(R * C);
    const dLogProbs = randomValues(R);
    const targets = targetsOf(R, V);
    const run = (first: number, end: number, options: HeadOptions = {}) => {
      const tape = new Tape(doubleKernels, createArena(doubleKernels), { computeType: 'f32', isRecording: true });
      const hidden = leaf(tape, [end - first, C], values.subarray(first * C, end * C));
      const { logProbs } = headLogProbs(tape, hidden, weight, uploadInts(tape, targets.subarray(first, end)), options);
      const result = numbersOf(logProbs.buffer);
      doubleKernels.write(tape.gradOf(logProbs, 'f32'), dLogProbs.subarray(first, end));
      tape.backward();
      return [[...result], [...numbersOf(hidden.grad!)]] as const;
    };
    const whole = run(0, R);
    const wholeWeight = numbersOf(weight.grad!);
    doubleKernels.fill(weight.grad!, 0);
    const middle = headChunkRows(V) - 5;
    const parts = [run(0, middle), run(middle, R)];
    expect(parts.flatMap(([logProbs]) => logProbs)).toEqual(whole[0]);
    expect(parts.flatMap(([, dHidden]) => dHidden)).toEqual(whole[1]);
    const summed = numbersOf(weight.grad!);
    for (const [i, x] of wholeWeight.entries()) if (Math.abs(summed[i]! - x) > 1e-12) expect(summed[i]).toBe(x);
    // Logits that are not kept are made again.
    doubleKernels.fill(weight.grad!, 0);
    expect(run(0, R, { keptBytes: 0 })).toEqual(whole);
    expect(numbersOf(weight.grad!)).toEqual(wholeWeight);
  });

  it('known gradient: the same numbers in one pass', () => {
    const values = randomValues(9 * C);
    const dLogProbs = Float32Array.from(randomValues(9));
    const weight = randomParameter('lm_head', [13, C]);
    const results = [false, true].map((isKnown) => {
      doubleKernels.fill(weight.grad!, 0);
      const tape = new Tape(doubleKernels, createArena(doubleKernels), { computeType: 'f32', isRecording: true });
      const hidden = leaf(tape, [9, C], values);
      const options = isKnown ? { knownGradient: dLogProbs, withEntropy: true } : { withEntropy: true };
      const { logProbs, entropy } = headLogProbs(tape, hidden, weight, uploadInts(tape, targetsOf(9, 13)), options);
      expect(logProbs.requiresGrad).toBe(!isKnown);
      const numbers = [numbersOf(logProbs.buffer), numbersOf(entropy!.buffer)];
      if (!isKnown) doubleKernels.write(tape.gradOf(logProbs, 'f32'), dLogProbs);
      tape.backward();
      return [...numbers, numbersOf(hidden.grad!), numbersOf(weight.grad!)];
    });
    expect(results[1]).toEqual(results[0]);
  });

  it('names the most probable token, lowest index on a tie', () => {
    const tape = new Tape(doubleKernels, createArena(doubleKernels), { computeType: 'f32', isRecording: false });
    const weight = randomParameter('lm_head', [3, 1], true);
    doubleKernels.write(weight.value, [1, 2, 2]);
    const { top } = headLogProbs(tape, leaf(tape, [2, 1], [1, -1]), weight, uploadInts(tape, Int32Array.of(0, 0)), {
      withTop: true,
    });
    expect([...numbersOf(top!.buffer)]).toEqual([1, 0]);
  });

  it('takes no rows', () => {
    const tape = new Tape(doubleKernels, createArena(doubleKernels), { computeType: 'f32', isRecording: true });
    const hidden = leaf(tape, [0, C], []);
    const weight = randomParameter('lm_head', [5, C]);
    const { logProbs } = headLogProbs(tape, hidden, weight, uploadInts(tape, new Int32Array(0)));
    tape.gradOf(logProbs, 'f32');
    tape.backward();
    expect(logProbs.buffer.length).toBe(0);
    expect(numbersOf(weight.grad!).every((x) => x === 0)).toBe(true);
  });
});
