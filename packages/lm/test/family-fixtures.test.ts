/**
 * Tiny models of the families against recorded values that are part of this repository (`tools/golden/record_families.py`
 * records them), so that the check needs nothing beside it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createArena, type Kernels, Tape } from '@tuiqiao/tensor';
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

const root = path.join(import.meta.dirname, 'fixtures/families');
const names = readdirSync(root).map((file) => path.basename(file, '.json'));
const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));
const readFixture = (name: string) => JSON.parse(readFileSync(path.join(root, `${name}.json`), 'utf8')) as Fixture;
const LOGITS = { abs: 1e-4, rel: 1e-4 };

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'families-'));
  for (const name of names) {
    const { config, shapes, weights } = readFixture(name);
    const tensors = Object.entries(weights).map(
      ([key, bits]) => ({ name: key, dtype: 'BF16', shape: shapes[key]!, bytes: () => bytesOf(bits) }) as const,
    );
    await writeSafetensors(path.join(folder, name, 'model.safetensors'), tensors);
    await writeFile(path.join(folder, name, 'config.json'), JSON.stringify(config));
  }
});
afterAll(() => rm(folder, { recursive: true }));

const load = (name: string, kernels: Kernels, trainable: boolean) =>
  loadLanguageModel(path.join(folder, name), { kernels, computeType: 'f32', trainable });

describe.each(kernelsUnderTest)('$name kernels', ({ kernels }) => {
  it.skipIf(kernels === null).each(names)('%s has the recorded logits, loss and gradient norms', async (name) => {
    const fixture = readFixture(name);
    const model = await load(name, kernels!, true);
    const golden = new Float32Array(bytesOf(fixture.logits).buffer);
    // Angles may depend on the longest sequence, so each is computed alone, as it was recorded.
    let offset = 0;
    let loss = 0;
    const count = fixture.labels.flat().filter((label) => label !== -100).length;
    for (const [s, sequence] of fixture.sequences.entries()) {
      const batch = packSequences([sequence], [fixture.labels[s]!]);
      const tape = new Tape(kernels!, createArena(kernels!), { computeType: 'f32', isRecording: false });
      const logits = await kernels!.read(model.logits(batch, tape).buffer);
      expectClose(logits, golden.subarray(offset, offset + logits.length), LOGITS, `logits of sequence ${s}`);
      offset += logits.length;

      const step = new Tape(kernels!, createArena(kernels!), { computeType: 'f32', isRecording: true });
      const { logProbs } = model.logProbs(batch, step);
      kernels!.write(step.gradOf(logProbs, 'f32'), new Float32Array(batch.targets.length).fill(-1 / count));
      step.backward();
      loss -= (await kernels!.read(logProbs.buffer)).reduce((sum, value) => sum + value, 0) / count;
    }
    expectClose([loss], [fixture.loss], { abs: 1e-5 }, 'loss');
    expect(Object.keys(fixture.gradientNorms).sort()).toEqual([...model.parameters.keys()].sort());
    for (const [key, norm] of Object.entries(fixture.gradientNorms)) {
      const gradient = await kernels!.read(model.parameters.get(key)!.grad!);
      const squares = gradient.reduce((sum, value) => sum + value * value, 0);
      expectClose([Math.sqrt(squares)], [norm], { rel: 1e-3, abs: 1e-7 }, `|grad ${key}|`);
    }
  });

  // A cache keeps keys as they were turned; with dynamic scaling longer texts turn at other rates.
  const cached = names.filter((name) => name !== 'llama_dynamic');
  it.skipIf(kernels === null).each(cached)('%s over a cache gives the logits of the full pass', async (name) => {
    const { sequences, logits, config } = readFixture(name);
    const model = await load(name, kernels!, false);
    const golden = new Float32Array(bytesOf(logits).buffer);
    const V = config.vocab_size as number;
    const cache = model.createCache(2, 16);
    const starts = [0, sequences[0]!.length];
    // A prompt, single tokens, and several at once; the slots at different lengths.
    for (const [from, to] of [
      [0, 3],
      [3, 4],
      [4, 6],
      [6, 7],
    ] as const) {
      const rows = await model.extend(
        cache,
        sequences.map((sequence, slot) => ({ slot, ids: sequence.slice(from, to) })),
      );
      for (const slot of [0, 1]) {
        const row = (starts[slot]! + to - 1) * V;
        const expected = golden.subarray(row, row + V);
        expectClose(rows.subarray(slot * V, (slot + 1) * V), expected, LOGITS, `slot ${slot}, token ${to}`);
      }
    }
  });
});
