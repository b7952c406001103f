/** Bottleneck adapters against what AdapterHub's library computes: logits, loss, gradients; and through our own files. */
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createKernels, createReferenceKernels } from '@tuiqiao/kernels';
import { generate, type LanguageModel, loadLanguageModel } from '@tuiqiao/lm';
import { createAdamW, createArena, type Kernels, Tape } from '@tuiqiao/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attachBottlenecks, type BottleneckPlacement } from '../src/bottleneck/bottleneck.ts';
import { type Example, exampleDataset } from '../src/items.ts';
import { detachAdapter, setAdapterScale, unfreezeAdapter } from '../src/lora/adapter.ts';
import { loadAdapter, saveAdapter } from '../src/lora/adapter-files.ts';
import { combineAdapters } from '../src/lora/combine-adapters.ts';
import { mergeAdapter } from '../src/lora/merge-adapter.ts';
import { saveMlxAdapter } from '../src/lora/mlx-files.ts';
import { accumulateGradients } from '../src/micro-batch.ts';
import { sftObjective } from '../src/objectives/sft.ts';
import { packSequences } from '../src/packing.ts';
import { train } from '../src/train.ts';
import { expectClose } from './golden.ts';

const FOLDER = path.join(import.meta.dirname, 'fixtures/bottleneck');
const BASE = path.join(FOLDER, 'base');
const LOGITS = { abs: 1e-4, rel: 1e-4 };
const GRADIENT = { abs: 2e-5, rel: 2e-3 };
const PLACEMENTS: readonly BottleneckPlacement[] = ['double_seq_bn', 'seq_bn'];

interface Case {
  readonly sequences: number[][];
  readonly prompts: number[];
  readonly logits: number[];
  readonly loss: number;
  readonly gradients: Readonly<Record<string, number[]>>;
}

function recorded(placement: BottleneckPlacement): Case & { readonly examples: readonly Example[]; adapter: string } {
  const folder = path.join(FOLDER, placement);
  const value = JSON.parse(readFileSync(path.join(folder, 'case.json'), 'utf8')) as Case;
  const examples = value.sequences.map((ids, i) => ({
    id: `${i}`,
    promptIds: ids.slice(0, value.prompts[i]),
    completionIds: ids.slice(value.prompts[i]),
  }));
  return { ...value, examples, adapter: path.join(folder, 'adapter') };
}

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-bottleneck-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const native = createKernels();
const kernelsUnderTest: [string, Kernels][] = [
  ['reference', createReferenceKernels()],
  ...(native.features.name === 'native' ? ([['native', native]] as [string, Kernels][]) : []),
];
const load = (kernels: Kernels) => loadLanguageModel(BASE, { kernels, computeType: 'f32' });

async function logitsOf(model: LanguageModel, examples: readonly Example[]): Promise<Float32Array> {
  const tape = new Tape(model.kernels, createArena(model.kernels), { computeType: 'f32', isRecording: false });
  return model.kernels.read(model.logits(packSequences(examples).batch, tape).buffer);
}

describe.each(kernelsUnderTest)('bottleneck adapters with %s kernels', (_name, kernels) => {
  const runs = PLACEMENTS.flatMap((placement) =>
    [false, true].map((usesCheckpoints) => ({ placement, usesCheckpoints })),
  );
  it.each(runs)(
    'of AdapterHub give the same logits, loss and gradients: %o',
    async ({ placement, usesCheckpoints }) => {
      const { examples, adapter: stored, logits, loss, gradients } = recorded(placement);
      const model = await load(kernels);
      const adapter = await loadAdapter(model, stored);
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
      for (const [key, expected] of Object.entries(gradients)) {
        const parameter = adapter.parameters.find(({ name }) => name === key.replace('.verse.', '.default.'))!;
        expectClose(await kernels.read(parameter.grad!), expected, GRADIENT, key);
      }
      expect(adapter.parameters.length).toBe(Object.keys(gradients).length);
    },
  );
});

describe('bottleneck adapters', () => {
  const kernels = kernelsUnderTest.at(-1)![1];

  it.each(PLACEMENTS)('%s: the file we write is the one we read, and holds what theirs does', async (placement) => {
    const { adapter: stored, examples } = recorded(placement);
    const model = await load(kernels);
    const adapter = await loadAdapter(model, stored, { name: 'verse' });
    const own = path.join(folder, placement);
    await saveAdapter(kernels, adapter, own, { modelConfig: model.config, baseModelName: 'base' });
    const fresh = await load(kernels);
    await loadAdapter(fresh, own);
    expect(await logitsOf(fresh, examples)).toEqual(await logitsOf(model, examples));
    const read = async (each: string) =>
      JSON.parse(await readFile(path.join(each, 'adapter_config.json'), 'utf8')) as Record<string, unknown>;
    const [ours, theirs] = [await read(own), await read(stored)];
    expect({ ...(ours.config as object), init_weights: 'bert' }).toEqual(theirs.config);
    expect({ ...ours, config: null, model_name: null }).toEqual({ ...theirs, config: null, model_name: null });
  });

  it.each(PLACEMENTS)('%s: new ones change nothing, learn, are switched, and come off', async (placement) => {
    const { examples } = recorded(placement);
    const model = await load(kernels);
    const before = await logitsOf(model, examples);
    const adapter = attachBottlenecks(model, { placement, reductionFactor: 4, scaling: 2, seed: 3 });
    expectClose(await logitsOf(model, examples), before, LOGITS, 'logits');
    const losses: number[] = [];
    await train({
      model,
      parameters: adapter.parameters,
      optimizer: createAdamW(kernels, [{ parameters: adapter.parameters, weightDecay: 0 }]),
      schedule: () => 0.05,
      data: exampleDataset(examples),
      batching: { seed: 1, itemsPerStep: 2 },
      objective: sftObjective(),
      totalSteps: 15,
      loggingSteps: 1,
      onEvent: (event) => {
        if (event.type === 'step-end') losses.push(event.loss);
      },
    });
    expect(losses.at(-1)!).toBeLessThan(losses[0]! - 0.5);
    const after = await logitsOf(model, examples);
    setAdapterScale(adapter, 0);
    expectClose(await logitsOf(model, examples), before, LOGITS, 'logits');
    setAdapterScale(adapter, 1);
    expect(await logitsOf(model, examples)).toEqual(after);
    detachAdapter(model, adapter);
    expectClose(await logitsOf(model, examples), before, LOGITS, 'logits');
  });

  it('write over the cache what the whole forward pass says', async () => {
    const { adapter: stored } = recorded('double_seq_bn');
    const model = await load(kernels);
    await loadAdapter(model, stored);
    const prompt = [7, 13, 12];
    const [written] = await generate(model, [prompt], { maxNewTokens: 5, temperature: 0, stopIds: [] });
    const ids = [...prompt];
    for (const id of written!.ids) {
      const logits = await logitsOf(model, [{ id: '', promptIds: ids, completionIds: [0] }]);
      const row = logits.subarray((ids.length - 1) * 40, ids.length * 40);
      expect(id).toBe(row.indexOf(Math.max(...row)));
      ids.push(id);
    }
  });

  it('are refused where low-rank updates are meant, and when the file asks for more than there is', async () => {
    const { adapter: stored } = recorded('seq_bn');
    const model = await load(kernels);
    const adapter = await loadAdapter(model, stored);
    await expect(loadAdapter(model, stored)).rejects.toThrow(/expected one not in use, got default/);
    await expect(mergeAdapter(model, adapter)).rejects.toThrow(/expected low-rank updates, got bottleneck adapters/);
    await expect(combineAdapters(model, [adapter], [1], { combination: 'cat', name: 'both' })).rejects.toThrow(
      /got default with bottlenecks/,
    );
    const mlx = path.join(folder, 'mlx');
    await expect(saveMlxAdapter(model, adapter, mlx)).rejects.toThrow(/expected low-rank updates for mlx-lm/);
    expect(existsSync(mlx)).toBe(false);
    expect(() => attachBottlenecks(model, { reductionFactor: 0.5, seed: 1, name: 'b' })).toThrow(/number ≥ 1/);

    const damaged = path.join(folder, 'damaged');
    await cp(stored, damaged, { recursive: true });
    const file = path.join(damaged, 'adapter_config.json');
    const json = JSON.parse(await readFile(file, 'utf8')) as { config: Record<string, unknown>; hidden_size: number };
    const withConfig = async (config: object, rest: object = {}) => {
      await writeFile(file, JSON.stringify({ ...json, ...rest, config: { ...json.config, ...config } }));
      return loadAdapter(await load(kernels), damaged);
    };
    await expect(withConfig({ is_parallel: true })).rejects.toThrow(/expected is_parallel to be false, got true/);
    await expect(withConfig({ non_linearity: 'leakyrelu' })).rejects.toThrow(/expected non_linearity/);
    await expect(withConfig({}, { hidden_size: 32 })).rejects.toThrow(/hidden size 16, got one for 32/);
    await expect(withConfig({ reduction_factor: 2 })).rejects.toThrow(/expected \[8, 16\], got \[4, 16\]/);
  });
});
