/** Pairwise preference losses against values recorded from TRL, in doubles. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type PairwiseLoss, type PairwiseOptions, pairwise } from '../src/objectives/pairwise.ts';

const file = path.resolve(import.meta.dirname, '../../../../shared/golden/preference/pure_pairwise/case.json');

interface RecordedParameters {
  loss_types?: string[];
  loss_weights?: number[];
  kind?: string;
  beta: number;
  ls?: number;
  label_smoothing?: number;
  gamma?: number;
  ftx?: number;
}

interface RecordedSet {
  policy_chosen: number[][];
  policy_rejected: number[][];
  ref_chosen: number[][];
  ref_rejected: number[][];
  results: Record<
    string,
    { loss: number; d_chosen: number[][]; d_rejected: number[][]; metrics: Record<string, number> }
  >;
}

const recorded = existsSync(file)
  ? (JSON.parse(readFileSync(file, 'utf8')) as {
      losses: Record<string, { parameters: RecordedParameters }>;
      tolerance: { abs: number; rel: number };
      sets: RecordedSet[];
    })
  : { losses: {}, tolerance: { abs: 0, rel: 0 }, sets: [] };

function optionsOf(parameters: RecordedParameters): PairwiseOptions {
  const kind = parameters.kind ?? parameters.loss_types![0]!;
  const smoothing = parameters.ls ?? parameters.label_smoothing;
  return {
    loss: kind.replace('_detached', '') as PairwiseLoss,
    beta: parameters.beta,
    ...(smoothing === undefined ? {} : { labelSmoothing: smoothing }),
    ...(parameters.gamma === undefined ? {} : { simpoGamma: parameters.gamma }),
    ...(parameters.ftx === undefined ? {} : { prefFtx: parameters.ftx }),
    ...(parameters.loss_types?.[1] === 'sft' ? { rpoAlpha: parameters.loss_weights![1]! } : {}),
    isKlDetached: kind.endsWith('_detached'),
  };
}

function interleave(chosen: number[][], rejected: number[][]): number[][] {
  return chosen.flatMap((row, p) => [row, rejected[p]!]);
}

function expectClose(actual: number, expected: number): void {
  const { abs, rel } = recorded.tolerance;
  expect(Math.abs(actual - expected), `${actual} and ${expected}`).toBeLessThanOrEqual(abs + rel * Math.abs(expected));
}

describe.skipIf(!existsSync(file))('pairwise losses agree with TRL', () => {
  for (const [setIndex, set] of recorded.sets.entries()) {
    it.each(Object.keys(recorded.losses))(`set ${setIndex}: %s`, (name) => {
      const rows = interleave(set.policy_chosen, set.policy_rejected);
      const offsets = Int32Array.from([0, ...rows.map((_, s) => rows.slice(0, s + 1).flat().length)]);
      const reference = Float64Array.from(
        interleave(set.ref_chosen, set.ref_rejected).map((row) => row.reduce((sum, value) => sum + value, 0)),
      );
      const result = pairwise(
        { logProbs: Float64Array.from(rows.flat()), offsets, reference },
        optionsOf(recorded.losses[name]!.parameters),
      );
      const expected = set.results[name]!;
      expectClose(result.loss, expected.loss);
      const derivative = interleave(expected.d_chosen, expected.d_rejected).flat();
      expect(result.dLogProbs.length).toBe(derivative.length);
      for (const [i, value] of derivative.entries()) expectClose(result.dLogProbs[i]!, value);
      for (const [metric, value] of Object.entries(expected.metrics)) expectClose(result.metrics[metric]!, value);
    });
  }
});
