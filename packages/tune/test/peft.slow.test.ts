/**
 * Our adapter folders opened by PEFT itself, logits compared. Runs where a Python with torch, transformers and peft is found
 * (`TUIQIAO_PYTHON`, else `python3`), and is skipped by name elsewhere.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createReferenceKernels } from '@tuiqiao/kernels';
import { createLanguageModel, saveLanguageModel } from '@tuiqiao/lm';
import { createArena, createRandom, initNormal, Tape } from '@tuiqiao/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attachLora, detachAdapter, type LoraOptions, startPissa } from '../src/lora/adapter.ts';
import { loadAdapter, saveAdapter } from '../src/lora/adapter-files.ts';
import { packSequences } from '../src/packing.ts';
import { createScoreHead, saveRewardModel, scoreRewards } from '../src/reward-model.ts';
import { TINY_MOE_CONFIG, tinyExamples, tinyModel } from './tiny.ts';

const python = process.env.TUIQIAO_PYTHON ?? 'python3';
const probe = spawnSync(python, ['-c', 'import torch, transformers, peft'], { encoding: 'utf8' });
const hasPeft = probe.status === 0;

const IDS = [3, 17, 22, 5, 9, 31, 4];
const KINDS: Readonly<Record<string, Partial<LoraOptions>>> = {
  lora: {},
  rslora: { useRslora: true },
  dora: { useDora: true },
  patterns: { rankPattern: { q_proj: 3 }, alphaPattern: { 'layers.1.mlp.up_proj': 1 } },
  pissa: { initialization: 'pissa' },
  'modules to save': { modulesToSave: ['norm'] },
  'one module to save': { modulesToSave: ['model.norm'] },
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'peft-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** PEFT's logits of each folder are ours. */
function expectLogits(
  base: string,
  folders: readonly string[],
  kinds: readonly string[],
  ours: readonly Float32Array[],
): void {
  const script = path.join(import.meta.dirname, 'peft-logits.py');
  const run = spawnSync(python, [script, base, JSON.stringify(IDS), ...folders], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  expect(run.status, run.stderr).toBe(0);
  const theirs = JSON.parse(run.stdout.trim().split('\n').at(-1)!) as number[][];
  for (const [i, kind] of kinds.entries()) {
    expect(theirs[i], kind).toHaveLength(ours[i]!.length);
    const worst = Math.max(...theirs[i]!.map((value, k) => Math.abs(value - ours[i]![k]!)));
    expect(worst, kind).toBeLessThan(1e-4);
  }
}

describe.skipIf(!hasPeft)(`PEFT opens our adapters${hasPeft ? '' : ` (skipped: ${python} has no peft)`}`, () => {
  it('and computes the same logits, for every kind', async () => {
    const model = tinyModel(false);
    const base = path.join(folder, 'base');
    await saveLanguageModel(model, base, { dtype: 'f32' });
    const ours: Float32Array[] = [];
    const folders: string[] = [];
    for (const [kind, options] of Object.entries(KINDS)) {
      const adapter = attachLora(model, { rank: 2, alpha: 4, targetModules: 'all-linear', seed: 3, ...options });
      if (options.initialization === 'pissa') await startPissa(model, adapter, 3);
      const random = createRandom(8);
      for (const { b, magnitude } of adapter.deltas.values()) {
        initNormal(model.kernels, b, random, 0.2);
        if (magnitude) initNormal(model.kernels, magnitude, random, 0.5);
      }
      for (const { parameter } of adapter.saved.values()) initNormal(model.kernels, parameter, random, 1);
      const { batch } = packSequences([{ promptIds: [], completionIds: IDS }]);
      const tape = new Tape(model.kernels, createArena(model.kernels), { computeType: 'f32', isRecording: false });
      ours.push(await model.kernels.read(model.logits(batch, tape).buffer));
      folders.push(path.join(folder, kind));
      await saveAdapter(model.kernels, adapter, folders.at(-1)!, { baseModelName: base });
      detachAdapter(model, adapter);
    }
    expectLogits(base, folders, Object.keys(KINDS), ours);
  });

  it('of routed experts too, names of attention, router and every expert', async () => {
    const model = createLanguageModel(TINY_MOE_CONFIG, {
      kernels: createReferenceKernels(),
      seed: 1,
      trainable: false,
    });
    const base = path.join(folder, 'experts-base');
    await saveLanguageModel(model, base, { dtype: 'f32' });
    const ours: Float32Array[] = [];
    const folders: string[] = [];
    const { batch } = packSequences([{ promptIds: [], completionIds: IDS }]);
    const kinds: Readonly<Record<string, Partial<LoraOptions>>> = {
      all: {},
      'experts alone': { targetModules: ['gate_proj', 'up_proj', 'down_proj'] },
      'attention and router': { targetModules: ['q_proj', 'v_proj', 'mlp.gate'] },
    };
    for (const [kind, options] of Object.entries(kinds)) {
      const adapter = attachLora(model, { rank: 2, alpha: 4, targetModules: 'all-linear', seed: 3, ...options });
      const random = createRandom(8);
      for (const { b } of adapter.deltas.values()) initNormal(model.kernels, b, random, 0.3);
      const tape = new Tape(model.kernels, createArena(model.kernels), { computeType: 'f32', isRecording: false });
      ours.push(await model.kernels.read(model.logits(batch, tape).buffer));
      folders.push(path.join(folder, `experts ${kind}`));
      await saveAdapter(model.kernels, adapter, folders.at(-1)!, { baseModelName: base });
      detachAdapter(model, adapter);
    }
    expectLogits(base, folders, Object.keys(kinds), ours);
  });

  it('and of experts, the other way round: what PEFT makes of all-linear opens here', async () => {
    const model = createLanguageModel(TINY_MOE_CONFIG, {
      kernels: createReferenceKernels(),
      seed: 1,
      trainable: false,
    });
    const base = path.join(folder, 'theirs-base');
    await saveLanguageModel(model, base, { dtype: 'f32' });
    const theirs = path.join(folder, 'theirs');
    const make = spawnSync(python, [path.join(import.meta.dirname, 'peft-make.py'), base, theirs], {
      encoding: 'utf8',
    });
    expect(make.status, make.stderr).toBe(0);
    await loadAdapter(model, theirs);
    const { batch } = packSequences([{ promptIds: [], completionIds: IDS }]);
    const tape = new Tape(model.kernels, createArena(model.kernels), { computeType: 'f32', isRecording: false });
    expectLogits(base, [theirs], ['theirs'], [await model.kernels.read(model.logits(batch, tape).buffer)]);
  });

  it('and as a sequence classifier, a reward model gives the same scores', async () => {
    const model = tinyModel(false);
    const base = path.join(folder, 'reward-base');
    await saveLanguageModel(model, base, { dtype: 'f32' });
    const adapter = attachLora(model, { rank: 2, alpha: 4, targetModules: 'all-linear', seed: 3 });
    const random = createRandom(8);
    for (const { b } of adapter.deltas.values()) initNormal(model.kernels, b, random, 0.2);
    const head = createScoreHead(model, 5);
    initNormal(model.kernels, head.weight, random, 1);
    const target = path.join(folder, 'reward');
    await saveRewardModel(model, adapter, head, target, { baseModelName: base });
    const sequences = tinyExamples(6);
    const ours = await scoreRewards(model, head, sequences);
    const ids = sequences.map(({ promptIds, completionIds }) => [
      ...Array.from(promptIds),
      ...Array.from(completionIds),
    ]);
    const script = path.join(import.meta.dirname, 'peft-scores.py');
    const run = spawnSync(python, [script, base, JSON.stringify(ids), target], {
      encoding: 'utf8',
      maxBuffer: 1 << 24,
    });
    expect(run.status, run.stderr).toBe(0);
    const theirs = JSON.parse(run.stdout.trim().split('\n').at(-1)!) as number[];
    expect(theirs).toHaveLength(6);
    for (const [i, score] of theirs.entries()) expect(ours[i]).toBeCloseTo(score, 4);
  });
});
