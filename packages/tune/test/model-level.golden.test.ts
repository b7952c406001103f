/** Preference losses through a model with an adapter: log-probabilities, metrics and adapter gradients as TRL has them. */
import { createArena } from '@tuiqiao/tensor';
import { describe, expect, it } from 'vitest';
import { freezeReference } from '../src/frozen-reference.ts';
import { type PreferencePair, preferenceDataset } from '../src/items.ts';
import { unfreezeAdapter } from '../src/lora/adapter.ts';
import { adapterKey, loadAdapter } from '../src/lora/adapter-files.ts';
import { accumulateGradients, scoreSequences } from '../src/micro-batch.ts';
import { grpoObjective, type RolloutItem } from '../src/objectives/on-policy.ts';
import type { PairwiseLoss, PairwiseOptions } from '../src/objectives/pairwise.ts';
import { preferenceObjective } from '../src/objectives/preference.ts';
import { computeReferenceLogProbs } from '../src/reference.ts';
import {
  checksum,
  expectClose,
  goldenFolder,
  hasGolden,
  loadRecordedModel,
  readCase,
  readExpected,
  type Tolerance,
} from './golden.ts';

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

interface ModelLevelCase {
  triples: { prompt: number[]; chosen: number[]; rejected: number[] }[];
  sequence_logps: Record<'policy_chosen' | 'policy_rejected' | 'ref_chosen' | 'ref_rejected', number[]>;
  results: Record<
    string,
    {
      loss: number;
      metrics: Record<string, number>;
      parameters: RecordedParameters & { epsilon?: number; advantages?: number[] };
      grad_norm: number;
    }
  >;
  tolerance: Record<'logps' | 'loss' | 'grads', Tolerance>;
}

// orpo_trl takes the likelihood over prompt tokens too; grpo is not a pairwise loss and has its own test.
const others = new Set(['orpo_trl', 'grpo_dapo']);
const recorded = hasGolden ? readCase<ModelLevelCase>('preference/model_level') : null;
const names = recorded === null ? [] : Object.keys(recorded.results).filter((name) => !others.has(name));

function optionsOf(parameters: RecordedParameters): PairwiseOptions {
  const smoothing = parameters.ls ?? parameters.label_smoothing;
  return {
    loss: (parameters.kind ?? parameters.loss_types![0]!) as PairwiseLoss,
    beta: parameters.beta,
    ...(smoothing === undefined ? {} : { labelSmoothing: smoothing }),
    ...(parameters.gamma === undefined ? {} : { simpoGamma: parameters.gamma }),
    ...(parameters.ftx === undefined ? {} : { prefFtx: parameters.ftx }),
    ...(parameters.loss_types?.[1] === 'sft' ? { rpoAlpha: parameters.loss_weights![1]! } : {}),
  };
}

async function load() {
  const model = await loadRecordedModel('families/qwen3');
  const adapter = await loadAdapter(model, goldenFolder('preference/model_level/adapter'));
  const pairs: PreferencePair[] = recorded!.triples.map((triple, i) => ({
    id: `triple ${i}`,
    promptIds: triple.prompt,
    chosenIds: triple.chosen,
    rejectedIds: triple.rejected,
  }));
  return { model, adapter, pairs, data: preferenceDataset(pairs) };
}

describe.skipIf(!hasGolden)('preference/model_level', () => {
  it('gives the recorded log-probabilities with the adapter on and off', async () => {
    const { model, data } = await load();
    const { sequence_logps: expected, tolerance } = recorded!;
    const policy = await computeReferenceLogProbs({ model, data, reference: 'start' });
    expectClose(policy.chosen, expected.policy_chosen, tolerance.logps, 'policy, chosen');
    expectClose(policy.rejected, expected.policy_rejected, tolerance.logps, 'policy, rejected');
    const base = await computeReferenceLogProbs({ model, data, reference: 'base', allowBaseReference: true });
    expectClose(base.chosen, expected.ref_chosen, tolerance.logps, 'reference, chosen');
    expectClose(base.rejected, expected.ref_rejected, tolerance.logps, 'reference, rejected');
  });

  it.each(names)('%s: loss, metrics and gradients', async (name) => {
    const { model, adapter, pairs, data } = await load();
    const { tolerance } = recorded!;
    const expected = await readExpected('preference/model_level');
    const result = recorded!.results[name]!;
    const references = await computeReferenceLogProbs({ model, data, reference: 'base', allowBaseReference: true });
    unfreezeAdapter(model, adapter);
    const objective = preferenceObjective(optionsOf(result.parameters), references);
    const step = objective.beginStep(pairs);
    const input = { model, arena: createArena(model.kernels), objective, step, dropoutSeed: 0 };
    const { loss, metrics } = await accumulateGradients({ ...input, items: pairs, indexes: Int32Array.of(0, 1, 2) });
    expectClose([loss], [result.loss], tolerance.loss, 'loss');
    for (const [metric, value] of Object.entries(result.metrics)) {
      expectClose([metrics[metric]!], [value], tolerance.logps, metric);
    }
    for (const [module, { a, b }] of adapter.deltas) {
      for (const [key, parameter] of [
        [adapterKey(module, 'A'), a],
        [adapterKey(module, 'B'), b],
      ] as const) {
        const gradient = await model.kernels.read(parameter.grad!);
        expectClose(gradient, expected.get(`${name}.grad.${key}`)!, tolerance.grads, key);
        expect(checksum(gradient)[1]).toBeGreaterThan(0);
      }
    }
  });

  it('grpo_dapo: loss, KL and gradients', async () => {
    const { model, adapter } = await load();
    const { tolerance, triples } = recorded!;
    const expected = await readExpected('preference/model_level');
    const { loss, metrics, parameters } = recorded!.results.grpo_dapo!;
    const completions = (['chosen', 'rejected'] as const).flatMap((side) =>
      triples.map((triple) => ({ promptIds: triple.prompt, completionIds: triple[side] })),
    );
    const arena = createArena(model.kernels);
    const scored = await freezeReference(model, adapter, 'base').during(() =>
      scoreSequences(model, arena, completions),
    );
    const items: RolloutItem[] = completions.map((completion, i) => ({
      ...completion,
      id: `completion ${i}`,
      advantage: parameters.advantages![i]!,
      isMasked: false,
      reference: scored.logProbs.slice(scored.rowOffsets[i]!, scored.rowOffsets[i + 1]!),
      rollout: { metrics: {} },
    }));
    unfreezeAdapter(model, adapter);
    const objective = grpoObjective({ loss: 'dapo', beta: parameters.beta, epsilon: parameters.epsilon! });
    const step = objective.beginStep(items);
    const indexes = Int32Array.from(items, (_, i) => i);
    const result = await accumulateGradients({ model, arena, objective, step, items, indexes, dropoutSeed: 0 });
    expectClose([result.loss], [loss], tolerance.loss, 'loss');
    expectClose([result.metrics.kl!], [metrics.kl!], tolerance.logps, 'kl');
    for (const [module, { a, b }] of adapter.deltas) {
      for (const [key, parameter] of [
        [adapterKey(module, 'A'), a],
        [adapterKey(module, 'B'), b],
      ] as const) {
        const gradient = await model.kernels.read(parameter.grad!);
        expectClose(gradient, expected.get(`grpo_dapo.grad.${key}`)!, tolerance.grads, key);
        expect(checksum(gradient)[1]).toBeGreaterThan(0);
      }
    }
  });
});
