/** Qwen3 against recorded values that are part of this repository, so that the check needs nothing beside it. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createArena, Tape } from '@tuiqiao/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeSafetensors } from '../src/checkpoint/safetensors.ts';
import { loadLanguageModel } from '../src/load-language-model.ts';
import { expectClose, kernelsUnderTest, packSequences } from './golden.ts';

interface Fixture {
  readonly config: Record<string, unknown>;
  readonly sequences: number[][];
  readonly labels: number[][];
  readonly loss: number;
  readonly gradientNorms: Record<string, number>;
  readonly logits: string;
  readonly shapes: Record<string, number[]>;
  readonly weights: Record<string, string>;
}

const file = path.join(import.meta.dirname, 'fixtures/qwen3-untied.json');
const fixture = JSON.parse(readFileSync(file, 'utf8')) as Fixture;
const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'qwen3-'));
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(fixture.config));
  const tensors = Object.entries(fixture.weights).map(
    ([name, weights]) =>
      ({ name, dtype: 'BF16', shape: fixture.shapes[name]!, bytes: () => bytesOf(weights) }) as const,
  );
  await writeSafetensors(path.join(folder, 'model.safetensors'), tensors);
});
afterAll(() => rm(folder, { recursive: true }));

describe.each(kernelsUnderTest)('Qwen3, $name kernels', ({ kernels }) => {
  it.skipIf(kernels === null)('has the recorded logits, loss and gradient norms', async () => {
    const model = await loadLanguageModel(folder, { kernels: kernels!, computeType: 'f32', trainable: true });
    const batch = packSequences(fixture.sequences, fixture.labels);
    const tape = new Tape(kernels!, createArena(kernels!), { computeType: 'f32', isRecording: true });
    const logits = await kernels!.read(model.logits(batch, tape).buffer);
    expectClose(logits, new Float32Array(bytesOf(fixture.logits).buffer), { abs: 1e-4, rel: 1e-4 }, 'logits');

    const step = new Tape(kernels!, createArena(kernels!), { computeType: 'f32', isRecording: true });
    const { logProbs } = model.logProbs(batch, step);
    const R = batch.targets.length;
    kernels!.write(step.gradOf(logProbs, 'f32'), new Float32Array(R).fill(-1 / R));
    step.backward();
    const values = await kernels!.read(logProbs.buffer);
    expectClose([-values.reduce((sum, value) => sum + value, 0) / R], [fixture.loss], { abs: 1e-5 }, 'loss');
    expect(Object.keys(fixture.gradientNorms).sort()).toEqual([...model.parameters.keys()].sort());
    for (const [name, norm] of Object.entries(fixture.gradientNorms)) {
      const gradient = await kernels!.read(model.parameters.get(name)!.grad!);
      const squares = gradient.reduce((sum, value) => sum + value * value, 0);
      expectClose([Math.sqrt(squares)], [norm], { rel: 1e-3 }, `|grad ${name}|`);
    }
  });
});
