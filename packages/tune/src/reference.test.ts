import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RunEvent, StepEnd } from '@tuiqiao/schema';
import { createAdamW, createRandom, initNormal } from '@tuiqiao/tensor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesOf, tinyModel, tinyPairs, valuesOf } from '../test/tiny.ts';
import { type PreferencePair, preferenceDataset } from './items.ts';
import { attachLora } from './lora/adapter.ts';
import { preferenceObjective } from './objectives/preference.ts';
import { checkDpoStart, computeReferenceLogProbs } from './reference.ts';
import { type TrainOptions, train } from './train.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'reference-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A policy whose adapter already changes the base, as after supervised fine-tuning. */
function startedPolicy() {
  const model = tinyModel(false);
  const adapter = attachLora(model, { rank: 2, alpha: 4, targetModules: 'all-linear', seed: 3 });
  const random = createRandom(8);
  for (const { b } of adapter.deltas.values()) initNormal(model.kernels, b, random, 0.1);
  return { model, adapter, data: preferenceDataset(tinyPairs(8)) };
}

async function dpoRun(changes: Partial<TrainOptions<PreferencePair>> = {}) {
  const { model, adapter, data } = startedPolicy();
  const references = await computeReferenceLogProbs({ model, data, reference: 'start' });
  const options: TrainOptions<PreferencePair> = {
    model,
    parameters: adapter.parameters,
    optimizer: createAdamW(model.kernels, [{ parameters: adapter.parameters, weightDecay: 0 }]),
    schedule: () => 0.005,
    data,
    batching: { seed: 2, itemsPerStep: 4 },
    objective: preferenceObjective({ loss: 'sigmoid', beta: 0.1 }, references),
    totalSteps: 10,
    loggingSteps: 1,
    ...changes,
  };
  return { model, adapter, data, references, options };
}

describe('DPO', () => {
  it('starts at log 2 with zero rewards and widens the margin', async () => {
    const steps: StepEnd[] = [];
    const { options } = await dpoRun({
      onEvent: (event) => {
        if (event.type === 'step-end') steps.push(event);
      },
    });
    await train(options);
    expect(steps[0]!.loss).toBeCloseTo(Math.log(2), 5);
    expect(steps[0]!.metrics['rewards/margins']).toBeCloseTo(0, 5);
    expect(steps.at(-1)!.metrics['rewards/margins']).toBeGreaterThan(0.05);
    expect(steps.at(-1)!.metrics['rewards/accuracies']).toBe(1);
    expect(steps.at(-1)!.loss).toBeLessThan(steps[0]!.loss);
  });

  it('batch 4×1 = 1×4, and the pairs of a micro-batch stay together', async () => {
    const finals: number[][] = [];
    for (const maxTokensPerMicroBatch of [1000, 26]) {
      const { model, adapter, options } = await dpoRun({
        batching: { seed: 2, itemsPerStep: 4, maxTokensPerMicroBatch },
        objective: preferenceObjective(
          { loss: 'sigmoid', beta: 0.1, rpoAlpha: 0.5, prefFtx: 0.5 },
          { chosen: new Float64Array(8).fill(-20), rejected: new Float64Array(8).fill(-20) },
        ),
        totalSteps: 2,
      });
      await train(options);
      finals.push(await valuesOf(model, adapter.parameters));
    }
    for (const [i, value] of finals[0]!.entries()) expect(Math.abs(value - finals[1]![i]!)).toBeLessThan(1e-4);
  });

  it('resumed = uninterrupted, with the reference of the start', async () => {
    const whole = await dpoRun({ totalSteps: 6 });
    await train(whole.options);
    const checkpoints = { directory: folder, everySteps: 3 };
    const controller = new AbortController();
    const abortAfterSave = (event: RunEvent) => {
      if (event.type === 'checkpoint-save') controller.abort();
    };
    const first = await dpoRun({ totalSteps: 6, checkpoints, signal: controller.signal, onEvent: abortAfterSave });
    expect((await train(first.options)).step).toBe(3);
    const second = await dpoRun({ totalSteps: 6, checkpoints });
    expect((await train(second.options)).resumedFromStep).toBe(3);
    const expected = await bytesOf(whole.model, whole.adapter.parameters);
    expect(await bytesOf(second.model, second.adapter.parameters)).toBe(expected);
  });

  it('stops when everything is certain within the first steps', async () => {
    const reference = { chosen: new Float64Array(8).fill(-5000), rejected: new Float64Array(8).fill(5000) };
    const codes: string[] = [];
    const { options } = await dpoRun({
      objective: preferenceObjective({ loss: 'sigmoid', beta: 0.1 }, reference),
      onEvent: (event) => {
        if (event.type === 'run-warning') codes.push(event.code);
      },
    });
    await expect(train(options)).rejects.toMatchObject({ code: 'dpo-collapsed' });
    expect(codes).toEqual(['dpo-collapsed']);
  });
});

describe('the reference', () => {
  it('is refused when it is the raw base under a policy that starts from an adapter', async () => {
    const { model, data } = startedPolicy();
    const request = { model, data, reference: 'base' as const };
    await expect(computeReferenceLogProbs(request)).rejects.toMatchObject({ code: 'dpo-reference' });
    const base = await computeReferenceLogProbs({ ...request, allowBaseReference: true });
    const start = await computeReferenceLogProbs({ ...request, reference: 'start' });
    expect(base.chosen).not.toEqual(start.chosen);
    expect(base.chosen).toEqual(
      (await computeReferenceLogProbs({ model: tinyModel(false), data, reference: 'start' })).chosen,
    );
    // The adapter is on again afterwards.
    expect((await computeReferenceLogProbs({ ...request, reference: 'start' })).chosen).toEqual(start.chosen);
  });

  it('is the base without being asked when the adapter is new', async () => {
    const model = tinyModel(false);
    attachLora(model, { rank: 2, alpha: 4, targetModules: 'all-linear', seed: 3 });
    const data = preferenceDataset(tinyPairs(4));
    const base = await computeReferenceLogProbs({ model, data, reference: 'base' });
    expect(base).toEqual(await computeReferenceLogProbs({ model, data, reference: 'start' }));
  });

  it('is kept on disk by content hash and used again only for the same one', async () => {
    const { model, adapter, data } = startedPolicy();
    const cacheFile = path.join(folder, 'cache', 'reference.json');
    const request = { model, data, reference: 'start' as const, cacheFile };
    const first = await computeReferenceLogProbs({ ...request, cacheKey: 'a' });
    for (const { b } of adapter.deltas.values()) model.kernels.fill(b.value, 0);
    expect(await computeReferenceLogProbs({ ...request, cacheKey: 'a' })).toEqual(first);
    expect(await computeReferenceLogProbs({ ...request, cacheKey: 'b' })).not.toEqual(first);
    expect(JSON.parse(await readFile(cacheFile, 'utf8')).key).toBe('b');
    await expect(computeReferenceLogProbs(request)).rejects.toMatchObject({ code: 'dpo-reference' });
  });
});

describe('checkDpoStart', () => {
  it('reports the difference, and the pairs that are cut off or alike', async () => {
    const { model, data } = startedPolicy();
    const references = await computeReferenceLogProbs({ model, data, reference: 'start' });
    const pairs = tinyPairs(8);
    pairs[1] = { ...pairs[1]!, isTruncated: true };
    pairs[2] = { ...pairs[2]!, rejectedIds: pairs[2]!.chosenIds };
    const notes = await checkDpoStart({ model, data, references, reference: 'start' });
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(/largest difference.* over 8 pairs/);
    const flawed = preferenceDataset(pairs);
    const again = await computeReferenceLogProbs({ model, data: flawed, reference: 'start' });
    const warnings = await checkDpoStart({ model, data: flawed, references: again, reference: 'start' });
    expect(warnings.slice(1)).toEqual([
      'warning: chosen and rejected are the same in 1 of 8 pairs',
      'warning: 1 of 8 pairs are cut off at the length limit',
    ]);
  });

  it('refuses a reference that is not where the policy starts, or is not a number', async () => {
    const { model, data } = startedPolicy();
    const base = await computeReferenceLogProbs({ model, data, reference: 'base', allowBaseReference: true });
    const check = { model, data, reference: 'start' as const };
    await expect(checkDpoStart({ ...check, references: base })).rejects.toMatchObject({ code: 'dpo-start-mismatch' });
    await expect(checkDpoStart({ ...check, references: base, reference: 'base' })).resolves.toHaveLength(1);
    const broken = { chosen: new Float64Array(8).fill(Number.NaN), rejected: base.rejected };
    await expect(checkDpoStart({ ...check, references: broken })).rejects.toMatchObject({ code: 'dpo-start-mismatch' });
  });

  it('refuses pairs that prefer nothing', async () => {
    const { model } = startedPolicy();
    const data = preferenceDataset(tinyPairs(3).map((pair) => ({ ...pair, rejectedIds: pair.chosenIds })));
    const references = await computeReferenceLogProbs({ model, data, reference: 'start' });
    await expect(checkDpoStart({ model, data, references, reference: 'start' })).rejects.toMatchObject({
      code: 'dpo-pairs',
    });
  });
});
