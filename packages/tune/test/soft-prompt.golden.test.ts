/** Prompt and prefix tuning against what PEFT computes: logits, loss, gradient; and through our own files. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createKernels, createReferenceKernels } from '@tuiqiao/kernels';
import { generate, type LanguageModel, loadLanguageModel } from '@tuiqiao/lm';
import { createArena, type Kernels, Tape } from '@tuiqiao/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Example } from '../src/items.ts';
import { type Adapter, detachAdapter, setAdapterScale, unfreezeAdapter } from '../src/lora/adapter.ts';
import { loadAdapter, saveAdapter } from '../src/lora/adapter-files.ts';
import { mergeAdapter } from '../src/lora/merge-adapter.ts';
import { accumulateGradients } from '../src/micro-batch.ts';
import { sftObjective } from '../src/objectives/sft.ts';
import { packSequences } from '../src/packing.ts';
import { attachSoftPrompt } from '../src/soft-prompt/soft-prompt.ts';
import {
  examplesOf,
  expectClose,
  goldenFolder,
  hasGolden,
  type PaddedBatch,
  readCase,
  readExpected,
} from './golden.ts';

const LOGITS = { abs: 1e-4, rel: 1e-4 };
const GRADIENT = { abs: 2e-5, rel: 2e-3 };

interface Case {
  readonly base: string;
  readonly adapter: string;
  readonly examples: readonly Example[];
  readonly logits: ArrayLike<number>;
  readonly loss: number;
  readonly gradient: ArrayLike<number>;
}

async function promptCase(): Promise<Case> {
  const { inputs, loss } = readCase<{ inputs: PaddedBatch; loss: number }>('lora/prompt_tuning');
  const expected = await readExpected('lora/prompt_tuning');
  return {
    base: goldenFolder('families/qwen3'),
    adapter: goldenFolder('lora/prompt_tuning/adapter'),
    examples: examplesOf(inputs),
    logits: expected.get('logits')!,
    loss,
    gradient: expected.get('grad.prompt_embeddings')!,
  };
}

async function prefixCase(): Promise<Case> {
  const folder = path.join(import.meta.dirname, 'fixtures/prefix_tuning');
  const { sequences, prompts, logits, loss, gradient } = JSON.parse(
    readFileSync(path.join(folder, 'case.json'), 'utf8'),
  ) as {
    sequences: number[][];
    prompts: number[];
    logits: number[][][];
    loss: number;
    gradient: number[][];
  };
  return {
    base: path.join(folder, 'base'),
    adapter: path.join(folder, 'adapter'),
    examples: sequences.map((ids, i) => ({
      id: `${i}`,
      promptIds: ids.slice(0, prompts[i]),
      completionIds: ids.slice(prompts[i]),
    })),
    logits: logits.flat(2),
    loss,
    gradient: gradient.flat(),
  };
}

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-soft-prompt-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const native = createKernels();
const kernelsUnderTest: [string, Kernels][] = [
  ['reference', createReferenceKernels()],
  ...(native.features.name === 'native' ? ([['native', native]] as [string, Kernels][]) : []),
];

const load = (base: string, kernels: Kernels) => loadLanguageModel(base, { kernels, computeType: 'f32' });

async function logitsOf(model: LanguageModel, examples: readonly Example[]): Promise<Float32Array> {
  const tape = new Tape(model.kernels, createArena(model.kernels), { computeType: 'f32', isRecording: false });
  return model.kernels.read(model.logits(packSequences(examples).batch, tape).buffer);
}

/** One matrix as PEFT keeps it: the parameters of a row side by side. */
async function gradientOf(model: LanguageModel, { parameters, softPrompt }: Adapter): Promise<number[]> {
  const parts: Float32Array[] = [];
  for (const { grad } of parameters) parts.push(await model.kernels.read(grad!));
  const width = parts[0]!.length / softPrompt!.tokens;
  return Array.from({ length: softPrompt!.tokens }, (_, t) =>
    parts.flatMap((part) => [...part.subarray(t * width, (t + 1) * width)]),
  ).flat();
}

const cases: [string, () => Promise<Case>, boolean][] = [
  ['prompt tuning', promptCase, hasGolden],
  ['prefix tuning', prefixCase, true],
];

for (const [what, read, isThere] of cases) {
  describe.skipIf(!isThere).each(kernelsUnderTest)(`${what}, %s kernels`, (_, kernels) => {
    it("PEFT's folder gives PEFT's logits, loss and gradient, checkpointed or not", async () => {
      const { base, adapter: from, examples, logits, loss, gradient } = await read();
      for (const usesCheckpoints of [false, true]) {
        const model = await load(base, kernels);
        const adapter = await loadAdapter(model, from);
        expectClose(await logitsOf(model, examples), logits, LOGITS, 'logits');
        unfreezeAdapter(model, adapter);
        const objective = sftObjective();
        const result = await accumulateGradients({
          model,
          arena: createArena(kernels),
          objective,
          step: objective.beginStep(examples),
          items: examples,
          indexes: Int32Array.from(examples, (_, i) => i),
          dropoutSeed: 1,
          usesCheckpoints,
        });
        expect(result.loss).toBeCloseTo(loss, 5);
        expectClose(await gradientOf(model, adapter), gradient, GRADIENT, 'gradient');
      }
    });

    it('decoding over a cache is the full pass, in several slots and chunks', async () => {
      const { base, adapter: from, examples } = await read();
      const model = await load(base, kernels);
      await loadAdapter(model, from);
      const V = model.config.vocabSize;
      const sequences = examples.map(({ promptIds, completionIds }) => [
        ...Array.from(promptIds),
        ...Array.from(completionIds),
      ]);
      const full = await logitsOf(model, examples);
      const cache = model.createCache(3, 8);
      const first = sequences.map((ids, slot) => ({ slot, ids: ids.slice(0, 2 + slot) }));
      const started = await model.extend(cache, first);
      let row = 0;
      const rest = [];
      for (const [slot, ids] of sequences.entries()) {
        const at = row + 1 + slot;
        expectClose(started.subarray(slot * V, (slot + 1) * V), full.subarray(at * V, (at + 1) * V), LOGITS, 'fresh');
        rest.push({ slot, ids: ids.slice(2 + slot) });
        row += ids.length;
      }
      cache.copySlot(1, 2);
      const ended = await model.extend(cache, [...rest, { slot: 2, ids: rest[1]!.ids }]);
      const last = [sequences[0]!.length - 1, row - 1, row - 1];
      for (const [i, at] of last.entries()) {
        expectClose(ended.subarray(i * V, (i + 1) * V), full.subarray(at * V, (at + 1) * V), LOGITS, 'continued');
      }
    });

    it('switched off or taken off it leaves the base; saved and loaded it is the same', async () => {
      const { base, adapter: from, examples } = await read();
      const plain = await logitsOf(await load(base, kernels), examples);
      const model = await load(base, kernels);
      const adapter = await loadAdapter(model, from);
      const on = await logitsOf(model, examples);
      expect(on).not.toEqual(plain);
      setAdapterScale(adapter, 0);
      expect(await logitsOf(model, examples)).toEqual(plain);
      setAdapterScale(adapter, 1);
      await expect(mergeAdapter(model, adapter)).rejects.toThrow(/soft prompt/);
      await saveAdapter(kernels, adapter, folder, { modelConfig: model.config });
      detachAdapter(model, adapter);
      expect(await logitsOf(model, examples)).toEqual(plain);
      await loadAdapter(model, folder);
      expect(await logitsOf(model, examples)).toEqual(on);
      const json = (where: string) => JSON.parse(readFileSync(path.join(where, 'adapter_config.json'), 'utf8'));
      const { base_model_name_or_path: _own, ...ours } = json(folder);
      const { base_model_name_or_path: _theirs, ...theirs } = json(from);
      expect(ours).toEqual(theirs);
    });
  });
}

describe('a new soft prompt', () => {
  it('starts at the embeddings of the words given, and generates', async () => {
    const { base } = await prefixCase();
    const model = await load(base, createReferenceKernels());
    const adapter = await attachSoftPrompt(model, { kind: 'prompt', virtualTokens: 5, initialIds: [4, 9], seed: 1 });
    const table = await model.kernels.read(model.parameters.get('model.embed_tokens.weight')!.value);
    const values = await model.kernels.read(adapter.parameters[0]!.value);
    const C = model.config.hiddenSize;
    expect(values.length).toBe(5 * C);
    expect(values.subarray(3 * C, 4 * C)).toEqual(table.subarray(9 * C, 10 * C));
    const [written] = await generate(model, [[3, 5]], { maxNewTokens: 4, temperature: 0, stopIds: [] });
    // As if the words stood before the prompt.
    detachAdapter(model, adapter);
    const [spelt] = await generate(model, [[4, 9, 4, 9, 4, 3, 5]], { maxNewTokens: 4, temperature: 0, stopIds: [] });
    expect(written!.ids).toEqual(spelt!.ids);
  });

  it('is refused as a second one, of no tokens, and on a base of another shape', async () => {
    const { base, adapter } = await prefixCase();
    const model = await load(base, createReferenceKernels());
    await expect(attachSoftPrompt(model, { kind: 'prefix', virtualTokens: 0, seed: 1 })).rejects.toThrow(/> 0/);
    await attachSoftPrompt(model, { kind: 'prefix', virtualTokens: 2, seed: 1 });
    await expect(loadAdapter(model, adapter)).rejects.toThrow(/without one/);
    if (!hasGolden) return;
    const other = await load(goldenFolder('families/qwen3'), createReferenceKernels());
    await expect(loadAdapter(other, adapter)).rejects.toMatchObject({ code: 'adapter-mismatch' });
  });
});
