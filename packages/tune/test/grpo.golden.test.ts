/** GRPO and its relatives, KTO and advantages against recorded TRL values, in double precision. */
import { describe, expect, it } from 'vitest';
import { groupAdvantages } from '../src/objectives/advantages.ts';
import { type GrpoLoss, grpo } from '../src/objectives/grpo.ts';
import { type KtoLoss, kto } from '../src/objectives/kto.ts';
import { expectClose, hasGolden, readCase, type Tolerance } from './golden.ts';

interface GrpoCase {
  tolerance: Tolerance;
  sets: {
    policy: number[][];
    old: number[][];
    ref: number[][];
    advantages: number[];
    mask: number[][];
    max_completion_length: number;
    num_items_in_batch: number;
    results: {
      loss_type: GrpoLoss;
      beta: number;
      epsilon: number;
      epsilon_high: number;
      delta: number | null;
      importance_sampling_level: 'token' | 'sequence';
      old_given: boolean;
      loss: number;
      d_policy: number[][];
      metrics: Record<string, number>;
    }[];
  }[];
}

/** Counts are recorded as float32 shares; the KL beside them is a double. */
const SINGLE: Tolerance = { rel: 1e-7 };

function offsetsOf(rows: readonly (readonly number[])[]): Int32Array {
  const offsets = new Int32Array(rows.length + 1);
  for (const [s, row] of rows.entries()) offsets[s + 1] = offsets[s]! + row.length;
  return offsets;
}

const flat = (rows: number[][]) => Float64Array.from(rows.flat());

const recorded = hasGolden ? readCase<GrpoCase>('preference/pure_grpo') : { sets: [], tolerance: {} };

describe.skipIf(!hasGolden)('GRPO losses agree with TRL', () => {
  for (const [setIndex, set] of recorded.sets.entries()) {
    for (const result of set.results) {
      const name = `${result.loss_type} ${result.importance_sampling_level} β ${result.beta} ε ${result.epsilon_high} δ ${result.delta} old ${result.old_given}`;
      it(`set ${setIndex}: ${name}`, () => {
        const kept = set.mask.flat().reduce((sum, bit) => sum + bit, 0);
        const usesWindow = result.loss_type === 'dapo' || result.loss_type === 'cispo';
        const actual = grpo(
          {
            logProbs: flat(set.policy),
            offsets: offsetsOf(set.policy),
            advantages: Float64Array.from(set.advantages),
            mask: Uint8Array.from(set.mask.flat()),
            reference: flat(set.ref),
            ...(result.old_given ? { old: flat(set.old) } : {}),
            ...(usesWindow ? { window: { completions: set.policy.length, tokens: set.num_items_in_batch } } : {}),
          },
          {
            loss: result.loss_type,
            beta: result.beta,
            epsilon: result.epsilon,
            epsilonHigh: result.epsilon_high,
            importanceSampling: result.importance_sampling_level,
            maxCompletionLength: set.max_completion_length,
            ...(result.delta === null ? {} : { delta: result.delta }),
          },
        );
        expectClose([actual.loss], [result.loss], recorded.tolerance, 'loss');
        expectClose(actual.dLogProbs, result.d_policy.flat(), recorded.tolerance, 'derivative');
        // Recorded metrics are means over the batch at hand; ours are shares of the window.
        const factor = usesWindow ? set.num_items_in_batch / kept : 1;
        const isSequence = result.importance_sampling_level === 'sequence';
        for (const [metric, value] of Object.entries(result.metrics)) {
          const isShare = !/_(min|max)$/.test(metric) && !(isSequence && metric !== 'kl');
          expectClose(
            [actual.metrics[metric]! * (isShare ? factor : 1)],
            [value],
            metric === 'kl' ? recorded.tolerance : SINGLE,
            metric,
          );
        }
      });
    }
  }
});

interface KtoCase {
  tolerance: Tolerance;
  parameters: Record<string, { beta: number; desirable_weight?: number; undesirable_weight?: number }>;
  sets: {
    policy: number[][];
    ref: number[][];
    label: boolean[];
    kl_policy: number[];
    kl_ref: number[];
    results: Record<string, { loss: number; d_policy: number[][]; metrics: Record<string, number> }>;
  }[];
}

const unpaired = hasGolden ? readCase<KtoCase>('preference/pure_kto') : { sets: [], tolerance: {}, parameters: {} };

describe.skipIf(!hasGolden)('unpaired KTO agrees with TRL', () => {
  for (const [setIndex, set] of unpaired.sets.entries()) {
    it.each(Object.keys(set.results))(`set ${setIndex}: %s`, (name) => {
      const parameters = unpaired.parameters[name]!;
      const result = set.results[name]!;
      const actual = kto(
        {
          logProbs: flat(set.policy),
          offsets: offsetsOf(set.policy),
          reference: Float64Array.from(set.ref, (row) => row.reduce((sum, value) => sum + value, 0)),
          isDesirable: set.label,
          mismatched: { policy: Float64Array.from(set.kl_policy), reference: Float64Array.from(set.kl_ref) },
        },
        {
          loss: name.replace('_weighted', '') as KtoLoss,
          beta: parameters.beta,
          desirableWeight: parameters.desirable_weight ?? 1,
          undesirableWeight: parameters.undesirable_weight ?? 1,
        },
      );
      expectClose([actual.loss], [result.loss], unpaired.tolerance, 'loss');
      expectClose(actual.dLogProbs, result.d_policy.flat(), unpaired.tolerance, 'derivative');
      expect(Object.keys(actual.metrics).sort()).toEqual(Object.keys(result.metrics).sort());
      for (const [metric, value] of Object.entries(result.metrics)) {
        expectClose([actual.metrics[metric]!], [value], unpaired.tolerance, metric);
      }
    });
  }
});

interface AdvantageCase {
  tolerance: Tolerance;
  sets: {
    rewards: (number | 'NaN')[][];
    reward_weights: number[];
    num_generations: number;
    weighted_rewards: (number | 'NaN')[];
    group_mean: number[];
    results: Record<'group' | 'batch' | 'none' | 'normalize_then_sum', { advantages: number[]; std?: number[] }>;
  }[];
}

const groups = hasGolden ? readCase<AdvantageCase>('preference/grpo_advantages') : { sets: [], tolerance: {} };

describe.skipIf(!hasGolden)('group advantages agree with TRL', () => {
  for (const [setIndex, set] of groups.sets.entries()) {
    it.each(['group', 'batch', 'none', 'normalize_then_sum'] as const)(`set ${setIndex}: %s`, (kind) => {
      const actual = groupAdvantages(
        set.rewards.map((row) => row.map(Number)),
        {
          groupSize: set.num_generations,
          weights: set.reward_weights,
          ...(kind === 'normalize_then_sum' ? { aggregation: kind } : { scale: kind }),
        },
      );
      const expected = set.results[kind];
      expectClose(actual.advantages, expected.advantages, groups.tolerance, 'advantages');
      for (const [i, value] of set.weighted_rewards.entries()) {
        if (value === 'NaN') expect(actual.rewards[i]).toBeNaN();
        else expectClose([actual.rewards[i]!], [value], groups.tolerance, 'weighted rewards');
      }
      for (const [i, value] of set.group_mean.entries()) {
        const g = Math.floor(i / set.num_generations);
        expectClose([actual.groupMeans[g]!], [value], groups.tolerance, 'group mean');
        if (kind === 'group') {
          expectClose([actual.groupDeviations[g]!], [expected.std![i]!], groups.tolerance, 'group deviation');
        }
      }
    });
  }
});
