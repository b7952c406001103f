import { createAdamW, createArena } from '@tuiqiao/tensor';
import { describe, expect, it } from 'vitest';
import { tinyExamples, tinyModel } from '../../test/tiny.ts';
import { attachLora } from '../lora/adapter.ts';
import { accumulateGradients, scoreSequences } from '../micro-batch.ts';
import { train } from '../train.ts';
import { kto } from './kto.ts';
import { sumRange } from './scalar.ts';
import {
  checkUnpairedStart,
  computeUnpairedReference,
  evaluateUnpaired,
  ktoObjective,
  unpairedDataset,
} from './unpaired.ts';

const examples = tinyExamples(8).map((example, i) => ({ ...example, isDesirable: i % 2 === 0 }));

describe('ktoObjective', () => {
  it('never pairs an example with a completion of its own prompt', () => {
    const twins = examples.map((example, i) => ({ ...example, promptIds: examples[i < 4 ? 0 : 4]!.promptIds }));
    const data = unpairedDataset(twins);
    for (let i = 0; i < 8; i++) {
      const others = twins.slice(i < 4 ? 4 : 0, i < 4 ? 8 : 4).map(({ completionIds }) => completionIds);
      expect(others).toContain(data.item(i).mismatchedIds);
    }
    expect(() => unpairedDataset(twins.slice(0, 4))).toThrow(/two different prompts/);
  });

  it('is the pure loss of the packed log-probabilities', async () => {
    const model = tinyModel(true);
    const data = unpairedDataset(examples);
    const items = examples.map((_, i) => data.item(i));
    const zeros = { completions: new Float64Array(8).fill(-9), mismatched: new Float64Array(8).fill(-30) };
    const objective = ktoObjective({ beta: 0.3 }, zeros);
    const arena = createArena(model.kernels);
    const step = objective.beginStep(items);
    const indexes = Int32Array.from(items, (_, i) => i);
    const result = await accumulateGradients({ model, arena, objective, step, items, indexes, dropoutSeed: 0 });
    const own = await scoreSequences(model, arena, items);
    const mismatched = await scoreSequences(
      model,
      createArena(model.kernels),
      items.map(({ promptIds, mismatchedIds }) => ({ promptIds, completionIds: mismatchedIds })),
    );
    const pure = kto(
      {
        logProbs: own.logProbs,
        offsets: own.rowOffsets,
        reference: zeros.completions,
        isDesirable: items.map((item) => item.isDesirable),
        mismatched: {
          policy: Float64Array.from(items, (_, s) =>
            sumRange(mismatched.logProbs, mismatched.rowOffsets[s]!, mismatched.rowOffsets[s + 1]!),
          ),
          reference: zeros.mismatched,
        },
      },
      { beta: 0.3 },
    );
    expect(result.loss).toBeCloseTo(pure.loss, 6);
    expect(result.metrics.kl).toBeCloseTo(pure.metrics.kl!, 4);
    expect(pure.metrics.kl).toBeGreaterThan(0);
    expect(result.metrics['rewards/margins']).toBeCloseTo(pure.metrics['rewards/margins']!, 5);
  });

  it('says so when policy and reference do not begin at the same place', async () => {
    const model = tinyModel(false);
    const data = unpairedDataset(examples);
    const references = await computeUnpairedReference(model, data);
    expect(await checkUnpairedStart(model, data, references, 'start')).toMatch(/0\.00e\+0 over 8 answers/);
    for (const wrong of [1, Number.NaN]) {
      const moved = { ...references, completions: references.completions.map((sum) => sum + wrong) };
      await expect(checkUnpairedStart(model, data, moved, 'start')).rejects.toMatchObject({
        code: 'kto-start-mismatch',
      });
      expect(await checkUnpairedStart(model, data, moved, 'base')).toMatch(/largest difference/);
    }
  });

  it('is evaluated on held-out answers as it is learnt', async () => {
    const model = tinyModel(true);
    const data = unpairedDataset(examples);
    const references = await computeUnpairedReference(tinyModel(false, 2), data);
    const objective = ktoObjective({ beta: 0.3, desirableWeight: 1.5 }, references);
    const items = examples.map((_, i) => data.item(i));
    const result = await accumulateGradients({
      model,
      arena: createArena(model.kernels),
      objective,
      step: objective.beginStep(items),
      items,
      indexes: Int32Array.from(items, (_, i) => i),
      dropoutSeed: 0,
    });
    const evaluated = await evaluateUnpaired({
      model,
      data,
      references,
      objective: { beta: 0.3, desirableWeight: 1.5 },
    });
    expect(evaluated.eval_loss).toBeCloseTo(result.loss, 6);
    for (const [name, value] of Object.entries(result.metrics)) expect(evaluated[`eval_${name}`]).toBeCloseTo(value, 4);
  });

  it('teaches what is desirable', async () => {
    const model = tinyModel(false);
    const adapter = attachLora(model, { rank: 4, alpha: 8, targetModules: 'all-linear', seed: 3 });
    const data = unpairedDataset(examples);
    const references = await computeUnpairedReference(model, data);
    await train({
      model,
      parameters: adapter.parameters,
      optimizer: createAdamW(model.kernels, [{ parameters: adapter.parameters, weightDecay: 0 }]),
      schedule: () => 0.02,
      data,
      batching: { seed: 1, itemsPerStep: 8 },
      objective: ktoObjective({ beta: 0.2 }, references),
      totalSteps: 15,
    });
    const after = await computeUnpairedReference(model, data);
    for (const [i, { isDesirable }] of examples.entries()) {
      const gain = after.completions[i]! - references.completions[i]!;
      expect(isDesirable ? gain : -gain).toBeGreaterThan(0);
    }
  });
});
