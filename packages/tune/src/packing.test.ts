import { createReferenceKernels } from '@tuiqiao/kernels';
import { createLanguageModel, type LanguageModel } from '@tuiqiao/lm';
import { createArena, createRandom, syncCompute } from '@tuiqiao/tensor';
import { describe, expect, it } from 'vitest';
import { TINY_CONFIG, tinyPairs } from '../test/tiny.ts';
import { type Example, exampleDataset, type PreferencePair } from './items.ts';
import { attachLora } from './lora/adapter.ts';
import { accumulateGradients } from './micro-batch.ts';
import type { Objective } from './objective.ts';
import { grpoObjective, type RolloutItem } from './objectives/on-policy.ts';
import { preferenceObjective } from './objectives/preference.ts';
import { sftObjective } from './objectives/sft.ts';
import { ktoObjective, unpairedDataset } from './objectives/unpaired.ts';
import { packSequences } from './packing.ts';
import { createScoreHead, rewardObjective, scoreRewards } from './reward-model.ts';
import { scoreCompletions } from './score.ts';
import { attachSoftPrompt } from './soft-prompt/soft-prompt.ts';

describe('packSequences', () => {
  it('lays sequences end to end with loss rows before completion tokens only', () => {
    const data = exampleDataset([
      { id: 'a', promptIds: [5, 6], completionIds: [7, 8] },
      { id: 'b', promptIds: [], completionIds: [1, 2, 3] },
    ]);
    const { batch, rowOffsets } = packSequences([data.item(0), data.item(1)]);
    expect([...batch.ids]).toEqual([5, 6, 7, 8, 1, 2, 3]);
    expect([...batch.positions]).toEqual([0, 1, 2, 3, 0, 1, 2]);
    expect([...batch.segments]).toEqual([0, 4, 7]);
    expect([...batch.lossRows]).toEqual([1, 2, 4, 5]);
    expect([...batch.targets]).toEqual([7, 8, 2, 3]);
    expect([...rowOffsets]).toEqual([0, 2, 4]);
    expect(data.tokensOf(0) + data.tokensOf(1)).toBe(batch.ids.length);
  });

  it('leaves out the last token of sequences with loss when only the loss is wanted', () => {
    const sequences = [
      { promptIds: [5, 6], completionIds: [7, 8] },
      { promptIds: [9], completionIds: [] },
      { promptIds: [], completionIds: [4] },
      { promptIds: [], completionIds: [1, 2, 3] },
    ];
    const { batch, rowOffsets } = packSequences(sequences, { isOnlyForLoss: true });
    expect([...batch.ids]).toEqual([5, 6, 7, 9, 4, 1, 2]);
    expect([...batch.positions]).toEqual([0, 1, 2, 0, 0, 0, 1]);
    expect([...batch.segments]).toEqual([0, 3, 4, 5, 7]);
    expect([...batch.lossRows]).toEqual([1, 2, 5, 6]);
    expect([...batch.targets]).toEqual([7, 8, 2, 3]);
    expect([...rowOffsets]).toEqual([0, 2, 2, 2, 4]);
  });

  it('packs what sequences begin with alike once', () => {
    const sequences = [
      { promptIds: [5, 6], completionIds: [7, 8, 9, 1] },
      { promptIds: [3, 1], completionIds: [4] },
      { promptIds: [5, 6], completionIds: [7, 2] },
    ];
    const { batch, rowOffsets, lossRowOf, lastRows } = packSequences(sequences, { sharesBeginnings: true });
    expect([...batch.ids]).toEqual([5, 6, 7, 8, 9, 1, 2, 3, 1, 4]);
    expect([...batch.positions]).toEqual([0, 1, 2, 3, 4, 5, 3, 0, 1, 2]);
    expect([...batch.segments]).toEqual([0, 3, 6, 7, 10]);
    expect([...batch.prefixes!]).toEqual([-1, 0, 0, -1]);
    expect([...batch.lossRows]).toEqual([1, 2, 3, 4, 2, 8]);
    expect([...batch.targets]).toEqual([7, 8, 9, 1, 2, 4]);
    expect([...rowOffsets]).toEqual([0, 4, 5, 7]);
    expect([...lossRowOf!]).toEqual([0, 1, 2, 3, 5, 0, 4]);
    expect([...lastRows]).toEqual([5, 9, 6]);
  });

  it('lets prompts of different lengths share, each with targets of its own', () => {
    const sequences = [
      { promptIds: [3, 4, 4], completionIds: [6] },
      { promptIds: [3], completionIds: [4, 4, 5] },
    ];
    const { batch, rowOffsets, lossRowOf } = packSequences(sequences, { sharesBeginnings: true });
    expect([...batch.ids]).toEqual([3, 4, 4, 6, 5]);
    expect([...batch.lossRows]).toEqual([0, 1, 2, 2]);
    expect([...batch.targets]).toEqual([4, 4, 6, 5]);
    expect([...rowOffsets]).toEqual([0, 1, 4]);
    expect([...lossRowOf!]).toEqual([2, 0, 1, 3]);
  });

  it('gives no segment to a sequence that ends where another goes on', () => {
    const sequences = [
      { promptIds: [5], completionIds: [7] },
      { promptIds: [5], completionIds: [7, 8, 9] },
    ];
    const whole = packSequences(sequences, { sharesBeginnings: true });
    expect([...whole.batch.segments]).toEqual([0, 2, 4]);
    expect([...whole.batch.prefixes!]).toEqual([-1, 0]);
    expect([...whole.lastRows]).toEqual([1, 3]);
    const forLoss = packSequences(sequences, { sharesBeginnings: true, isOnlyForLoss: true });
    expect([...forLoss.batch.ids]).toEqual([5, 7, 8]);
    expect([...forLoss.batch.lossRows]).toEqual([0, 0, 1, 2]);
    expect([...forLoss.batch.targets]).toEqual([7, 7, 8, 9]);
    expect([...forLoss.rowOffsets]).toEqual([0, 1, 4]);
  });

  it('changes nothing where no two begin alike', () => {
    const sequences = [
      { promptIds: [], completionIds: [7, 8] },
      { promptIds: [6], completionIds: [8] },
      { promptIds: [5], completionIds: [7] },
    ];
    expect(packSequences(sequences, { sharesBeginnings: true })).toEqual(packSequences(sequences));
  });

  it('refuses an empty sequence', () => {
    expect(() => packSequences([{ promptIds: [], completionIds: [] }])).toThrow(/at least one token/);
  });
});

const FAMILIES: readonly (readonly [string, Record<string, unknown>])[] = [
  ['grouped heads', { num_attention_heads: 4, num_key_value_heads: 2 }],
  ['a sliding window', { model_type: 'mistral', sliding_window: 5 }],
  ['windows in turn and soft caps', { model_type: 'gemma2', sliding_window: 4 }],
  ['windows at another rotation', { model_type: 'gemma3_text', sliding_window: 3, sliding_window_pattern: 2 }],
  ['a penalty on distance', { model_type: 'baichuan', max_position_embeddings: undefined, model_max_length: 128 }],
  ['a stretched context', { rope_scaling: { rope_type: 'dynamic', factor: 2 }, max_position_embeddings: 12 }],
];

function modelOf(changes: Record<string, unknown>): LanguageModel {
  const { num_key_value_heads, ...config } = { ...TINY_CONFIG, ...changes };
  const kvHeads = config.model_type === 'baichuan' ? config.num_attention_heads : num_key_value_heads;
  const kernels = createReferenceKernels();
  const raw = { ...config, num_key_value_heads: kvHeads };
  return createLanguageModel(raw, { kernels, seed: 1, computeType: 'f32', trainable: false });
}

/** Beginnings in common, one that ends in the other, and answers that are the same. */
function pairsAlike(): PreferencePair[] {
  const pairs = tinyPairs(6);
  const [first, second, third] = pairs;
  pairs[0] = { ...first!, rejectedIds: [...Array.from(first!.chosenIds).slice(0, 2), 3, 5] };
  pairs[1] = { ...second!, rejectedIds: Array.from(second!.chosenIds).slice(0, 1) };
  pairs[2] = { ...third!, rejectedIds: third!.chosenIds };
  return pairs;
}

const random = createRandom(4);
const numbers = (length: number) => Float64Array.from({ length }, () => random.normal());

function groups(): RolloutItem[] {
  return tinyPairs(3).flatMap(({ promptIds, chosenIds, rejectedIds }, g) =>
    [chosenIds, rejectedIds, [...Array.from(chosenIds), 7], [...Array.from(rejectedIds).slice(0, 1), 2]].map(
      (completionIds, i): RolloutItem => ({
        id: `${g} ${i}`,
        promptIds,
        completionIds,
        advantage: random.normal(),
        isMasked: i === 1 && g === 1,
        old: numbers(completionIds.length).map((value) => value - 4),
        reference: numbers(completionIds.length).map((value) => value - 4),
        rollout: { metrics: {} },
      }),
    ),
  );
}

async function gradientsOf<Item>(
  model: LanguageModel,
  objective: Objective<Item>,
  items: readonly Item[],
  sharesBeginnings: boolean,
) {
  const { kernels } = model;
  const adapter = attachLora(model, { rank: 3, alpha: 6, targetModules: 'all-linear', seed: 2 });
  for (const { b } of adapter.deltas.values()) {
    kernels.write(
      b.value,
      Float32Array.from({ length: b.value.length }, (_, i) => Math.sin(i)),
    );
    syncCompute(kernels, b);
  }
  const { loss, metrics, tokens } = await accumulateGradients({
    model,
    arena: createArena(kernels),
    objective,
    step: objective.beginStep(items),
    items,
    indexes: Int32Array.from(items, (_, i) => i),
    dropoutSeed: 1,
    sharesBeginnings,
  });
  const gradients: number[] = [];
  const { scoreHead } = objective;
  for (const { grad } of [...adapter.parameters, ...(scoreHead === undefined ? [] : [scoreHead.weight])]) {
    gradients.push(...(await kernels.read(grad!)));
  }
  return { loss, metrics, tokens, gradients };
}

/** Loss, metrics and gradients of one micro-batch, packed with and without shared beginnings. */
async function expectSame<Item>(
  changes: Record<string, unknown>,
  objectiveOf: (model: LanguageModel) => Objective<Item>,
  items: readonly Item[],
): Promise<void> {
  const run = (sharesBeginnings: boolean) => {
    const model = modelOf(changes);
    return gradientsOf(model, objectiveOf(model), items, sharesBeginnings);
  };
  const [shared, apart] = [await run(true), await run(false)];
  expect(shared.tokens).toBe(apart.tokens);
  expect(shared.loss).toBeCloseTo(apart.loss, 5);
  expect(Object.keys(shared.metrics)).toEqual(Object.keys(apart.metrics));
  for (const [name, value] of Object.entries(apart.metrics)) expect(shared.metrics[name], name).toBeCloseTo(value, 4);
  const largest = Math.max(...apart.gradients.map(Math.abs));
  expect(largest).toBeGreaterThan(1e-3);
  const differences = apart.gradients.map((value, i) => Math.abs(value - shared.gradients[i]!));
  expect(Math.max(...differences) / largest).toBeLessThan(1e-5);
}

describe.each(FAMILIES)('shared beginnings, %s', (_name, changes) => {
  const pairs = pairsAlike();
  const references = { chosen: numbers(6).map((x) => x - 20), rejected: numbers(6).map((x) => x - 20) };

  it.each([
    [{ loss: 'sigmoid', beta: 0.1 }],
    [{ loss: 'ipo', beta: 0.5 }],
    [{ loss: 'sigmoid', beta: 0.1, rpoAlpha: 1, prefFtx: 0.5 }],
    [{ loss: 'simpo', beta: 2 }],
    [{ loss: 'orpo', beta: 0.2 }],
  ] as const)('give loss and gradients of pairs packed apart: %o', async (loss) => {
    await expectSame(changes, () => preferenceObjective(loss, references), pairs);
  });

  it('give loss and gradients of examples packed apart', async () => {
    const beginning = [4, 9, 2];
    const examples = pairs.map(
      ({ id, promptIds, chosenIds }, i): Example => ({
        id,
        promptIds: [...beginning.slice(0, 1 + (i % 3)), ...Array.from(promptIds)],
        completionIds: chosenIds,
        weight: i === 2 ? 0.5 : 1,
      }),
    );
    await expectSame(changes, () => sftObjective(), examples);
    await expectSame(changes, () => sftObjective({ labelSmoothing: 0.1 }), examples);
  });

  it('give those of a reward model, of KTO and of groups', async () => {
    await expectSame(changes, (model) => rewardObjective(createScoreHead(model, 3)), pairs);
    const examples = unpairedDataset(
      pairs.map(({ id, promptIds, chosenIds }, i) => ({
        id,
        promptIds,
        completionIds: chosenIds,
        isDesirable: i % 2 === 0,
      })),
    );
    const unpaired = { completions: numbers(6).map((x) => x - 20), mismatched: numbers(6).map((x) => x - 20) };
    await expectSame(
      changes,
      () => ktoObjective({ beta: 0.1 }, unpaired),
      pairs.map((_, i) => examples.item(i)),
    );
    const rollouts = groups();
    for (const loss of ['grpo', 'dapo'] as const) {
      await expectSame(
        changes,
        () => grpoObjective({ loss, beta: 0.04, epsilon: 0.2, entropyCoefficient: 0.01 }),
        rollouts,
      );
    }
  });

  it('give the log-probabilities and scores of sequences read alone', async () => {
    const model = modelOf(changes);
    const sequences = groups();
    const together = await scoreCompletions(model, sequences);
    const head = createScoreHead(model, 3);
    const scores = await scoreRewards(model, head, sequences);
    for (const [s, sequence] of sequences.entries()) {
      const [alone] = await scoreCompletions(model, [sequence]);
      expect(together[s]!.length).toBe(alone!.length);
      for (const [i, value] of alone!.entries()) expect(together[s]![i]).toBeCloseTo(value, 4);
      expect(scores[s]).toBeCloseTo((await scoreRewards(model, head, [sequence]))[0]!, 4);
    }
  });
});

describe('what cannot be shared exactly', () => {
  it.each(['prompt', 'prefix'] as const)('is packed apart: a soft %s', async (kind) => {
    const model = modelOf({});
    const sequences = groups();
    await attachSoftPrompt(model, { kind, virtualTokens: 3, seed: 5 });
    const together = await scoreCompletions(model, sequences);
    for (const [s, sequence] of sequences.entries()) {
      expect(Array.from(together[s]!)).toEqual(Array.from((await scoreCompletions(model, [sequence]))[0]!));
    }
  });
});
