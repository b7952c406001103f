import { createArena, type Kernels, Tape, zeroGradients } from '@tuiqiao/tensor';
import { describe, expect, it } from 'vitest';
import type { LanguageModel, PackedBatch } from '../src/language-model.ts';
import { loadLanguageModel } from '../src/load-language-model.ts';
import {
  expectClose,
  goldenFolder,
  hasGolden,
  kernelsUnderTest,
  packSequences,
  readCase,
  readExpected,
} from './golden.ts';

interface Tolerance {
  readonly abs?: number;
  readonly rel?: number;
}

interface FamilyCase {
  readonly inputs: { readonly input_ids: number[][]; readonly labels: number[][]; readonly lengths: number[] };
  readonly loss: number;
  readonly tolerance: {
    readonly logits: Tolerance;
    readonly loss: Tolerance;
    readonly grads: Tolerance;
    readonly grad_norms: Tolerance;
  };
  readonly grad_norms?: Record<string, number>;
  readonly grad_checksums?: Record<string, [number, number, number]>;
}

const families = ['qwen3', 'qwen3_untied', 'qwen2', 'llama', 'mistral', 'glm', 'chatglm', 'baichuan', 'phi3', 'gemma2'];

function packedBatch({ inputs }: Pick<FamilyCase, 'inputs'>): PackedBatch {
  const cut = (rows: number[][] | undefined) => inputs.lengths.map((length, i) => rows?.[i]?.slice(0, length) ?? []);
  return packSequences(cut(inputs.input_ids), cut(inputs.labels));
}

async function logitsOf(model: LanguageModel, batch: PackedBatch): Promise<Float32Array> {
  const tape = new Tape(model.kernels, createArena(model.kernels), { computeType: 'f32', isRecording: false });
  return model.kernels.read(model.logits(batch, tape).buffer);
}

/** Mean cross-entropy and its gradients, left in the parameters. */
async function lossAndGradients(model: LanguageModel, batch: PackedBatch, isSinglePass: boolean): Promise<number> {
  const { kernels } = model;
  zeroGradients(kernels, model.parameters.values());
  const tape = new Tape(kernels, createArena(kernels), { computeType: 'f32', isRecording: true });
  const R = batch.targets.length;
  const gradient = new Float32Array(R).fill(-1 / R);
  const { logProbs } = model.logProbs(batch, tape, isSinglePass ? { knownGradient: gradient } : {});
  if (!isSinglePass) kernels.write(tape.gradOf(logProbs, 'f32'), gradient);
  tape.backward();
  const values = await kernels.read(logProbs.buffer);
  return -values.reduce((sum, value) => sum + value, 0) / R;
}

function checksum(values: Float32Array): [number, number, number] {
  let sum = 0;
  let squares = 0;
  let wave = 0;
  for (const [i, value] of values.entries()) {
    sum += value;
    squares += value * value;
    wave += value * Math.cos(0.1 * i);
  }
  return [sum, Math.sqrt(squares), wave];
}

async function checkGradients(name: string, model: LanguageModel, kernels: Kernels): Promise<void> {
  const { tolerance, grad_norms, grad_checksums } = readCase<FamilyCase>(name);
  if (grad_norms === undefined) return;
  const expected = await readExpected(name);
  expect(Object.keys(grad_norms).sort()).toEqual([...model.parameters.keys()].sort());
  for (const [parameterName, parameter] of model.parameters) {
    const gradient = await kernels.read(parameter.grad!);
    const [sum, norm, wave] = checksum(gradient);
    expectClose([norm], [grad_norms[parameterName]!], tolerance.grad_norms, `|grad ${parameterName}|`);
    // Sums over n elements of error abs + rel·|g| each: bounded through the norm, √n·‖g‖ ≥ Σ|g|.
    const slack = gradient.length * tolerance.grads.abs! + tolerance.grads.rel! * Math.sqrt(gradient.length) * norm;
    const [expectedSum, , expectedWave] = grad_checksums![parameterName]!;
    expectClose([sum, wave], [expectedSum, expectedWave], { abs: slack }, `checksum ${parameterName}`);
    const full = expected.get(`grad.${parameterName}`);
    if (full !== undefined) expectClose(gradient, full, tolerance.grads, `grad ${parameterName}`);
  }
}

describe.skipIf(!hasGolden)('against PyTorch and transformers', () => {
  describe.each(kernelsUnderTest)('$name kernels', ({ kernels }) => {
    it.skipIf(kernels === null).each(families)('%s: logits, loss and every gradient', async (family) => {
      const name = `families/${family}`;
      const golden = readCase<FamilyCase>(name);
      const batch = packedBatch(golden);
      const model = await loadLanguageModel(goldenFolder(name), {
        kernels: kernels!,
        computeType: 'f32',
        trainable: true,
      });
      const expected = await readExpected(name);
      expectClose(await logitsOf(model, batch), expected.get('logits')!, golden.tolerance.logits, 'logits');
      for (const isSinglePass of [false, true]) {
        const loss = await lossAndGradients(model, batch, isSinglePass);
        expectClose([loss], [golden.loss], golden.tolerance.loss, 'loss');
        await checkGradients(name, model, kernels!);
      }
    });

    it.skipIf(kernels === null)('a sharded checkpoint: logits', async () => {
      const name = 'families/checkpoint_sharded';
      const golden = readCase<FamilyCase>(name);
      const model = await loadLanguageModel(goldenFolder(name), { kernels: kernels!, computeType: 'f32' });
      const logits = await logitsOf(model, packedBatch(golden));
      expectClose(logits, (await readExpected(name)).get('logits')!, golden.tolerance.logits, 'logits');
    });

    it.skipIf(kernels === null)('bf16 operands stay close to f32', async () => {
      const name = 'families/qwen3_untied';
      const golden = readCase<FamilyCase>(name);
      const model = await loadLanguageModel(goldenFolder(name), { kernels: kernels!, computeType: 'bf16' });
      const tape = new Tape(kernels!, createArena(kernels!), { computeType: 'bf16', isRecording: false });
      const batch = packedBatch(golden);
      const values = await kernels!.read(model.logProbs(batch, tape).logProbs.buffer);
      const loss = -values.reduce((sum, value) => sum + value, 0) / values.length;
      // bf16 keeps 8 bits: 2^-8 of a loss of 5.4, and averaging makes it better.
      expectClose([loss], [golden.loss], { abs: 0.01 }, 'loss');
    });
  });
});
