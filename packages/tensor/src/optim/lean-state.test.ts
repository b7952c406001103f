import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createKernels, createReferenceKernels, type Kernels } from '@tuiqiao/kernels';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createParameter, initNormal } from '../parameter.ts';
import { createRandom } from '../random.ts';
import type { Parameter } from '../tape.ts';
import { createAdafactor } from './adafactor.ts';
import { createAdamW } from './adamw.ts';
import { createAdamW8bit } from './adamw8bit.ts';
import { createLion } from './lion.ts';
import { groupParameters, type Optimizer, type ParameterGroup } from './optimizer.ts';

const reference = createReferenceKernels();

/** One large enough for 8-bit state, one not, and a vector. */
function parametersOf(kernels: Kernels, computeType: 'f32' | 'bf16' = 'f32'): Parameter[] {
  const random = createRandom(9);
  return (
    [
      ['large', [80, 64]],
      ['small', [9, 3]],
      ['norm', [5]],
    ] as const
  ).map(([name, shape]) => {
    const parameter = createParameter(kernels, name, shape, { type: 'f32', computeType, requiresGrad: true });
    initNormal(kernels, parameter, random, 1);
    return parameter;
  });
}

function writeGradients(kernels: Kernels, parameters: readonly Parameter[], step: number): number[][] {
  const random = createRandom(100 + step);
  return parameters.map(({ grad }) => {
    const values = Array.from({ length: grad!.length }, () => random.normal());
    kernels.write(grad!, values);
    return values;
  });
}

type Create = (kernels: Kernels, groups: ParameterGroup[]) => Optimizer;

const kinds: [string, Create][] = [
  ['AdamW, 8 bits', createAdamW8bit],
  ['Lion', createLion],
  ['Adafactor', createAdafactor],
];

describe('optimizers with little state', () => {
  it.each(kinds)('%s: saved and loaded = uninterrupted, bit for bit', async (_, create) => {
    const runs = [parametersOf(reference, 'bf16'), parametersOf(reference, 'bf16')] as const;
    const straight = create(reference, groupParameters(runs[0], 0.1));
    let halves = create(reference, groupParameters(runs[1], 0.1));
    for (let step = 1; step <= 5; step++) {
      for (const [i, optimizer] of [straight, halves].entries()) {
        writeGradients(reference, runs[i]!, step);
        await optimizer.step(0.01, 0.7);
      }
      if (step !== 2) continue;
      const state = halves.saveState();
      halves = create(reference, groupParameters(runs[1], 0.1));
      await halves.loadState(state);
    }
    for (const [i, { value, compute }] of runs[0].entries()) {
      expect(await reference.readBytes(runs[1][i]!.value)).toEqual(await reference.readBytes(value));
      expect(await reference.readBytes(runs[1][i]!.compute)).toEqual(await reference.readBytes(compute));
    }
  });

  it('8-bit state is a quarter of AdamW’s, and the path stays beside it', async () => {
    const [exact, lean] = [parametersOf(reference), parametersOf(reference)];
    const start = await reference.read(exact[0]!.value);
    const optimizers = [
      createAdamW(reference, groupParameters(exact, 0)),
      createAdamW8bit(reference, groupParameters(lean, 0)),
    ];
    for (let step = 1; step <= 20; step++) {
      writeGradients(reference, exact, step);
      writeGradients(reference, lean, step);
      for (const optimizer of optimizers) await optimizer.step(0.01);
    }
    const [path32, path8] = [await reference.read(exact[0]!.value), await reference.read(lean[0]!.value)];
    let [moved, apart] = [0, 0];
    for (const [i, value] of path32.entries()) {
      moved += (value - start[i]!) ** 2;
      apart += (value - path8[i]!) ** 2;
    }
    expect(Math.sqrt(apart / moved)).toBeLessThan(0.05);
    const size = (optimizer: Optimizer) =>
      [...optimizer.saveState().values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(size(optimizers[1]!) / size(optimizers[0]!)).toBeLessThan(0.28);
  });

  it('Lion moves every element by the learning rate, along the sign', async () => {
    const [w] = parametersOf(reference);
    const before = await reference.read(w!.value);
    const optimizer = createLion(reference, [{ parameters: [w!], weightDecay: 0.1 }]);
    const [gradient] = writeGradients(reference, [w!], 1);
    await optimizer.step(0.01);
    for (const [i, value] of (await reference.read(w!.value)).entries()) {
      expect(value).toBeCloseTo(before[i]! * (1 - 0.001) - 0.01 * Math.sign(gradient![i]!), 6);
    }
  });

  it('Adafactor keeps a row and a column, and its first update has root mean square at most the learning rate', async () => {
    const [w] = parametersOf(reference);
    const before = await reference.read(w!.value);
    const optimizer = createAdafactor(reference, [{ parameters: [w!], weightDecay: 0 }]);
    writeGradients(reference, [w!], 1);
    await optimizer.step(0.01);
    const after = await reference.read(w!.value);
    const rms = Math.sqrt(after.reduce((sum, value, i) => sum + (value - before[i]!) ** 2, 0) / after.length);
    expect(rms).toBeLessThanOrEqual(0.01 * (1 + 1e-6));
    expect(rms).toBeGreaterThan(0.005);
    const sizes = [...optimizer.saveState()].map(([name, { byteLength }]) => [name, byteLength]);
    expect(sizes).toContainEqual(['large.exp_avg_sq_row', 4 * 80]);
    expect(sizes).toContainEqual(['large.exp_avg_sq_col', 4 * 64]);
  });
});

describe('paged state', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'paged-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('gives the same numbers as state in memory, and leaves no file behind', async () => {
    const kernels = createKernels();
    const [plain, paged] = [parametersOf(kernels), parametersOf(kernels)];
    const optimizers = [
      createAdamW8bit(kernels, groupParameters(plain, 0.1)),
      createAdamW8bit(kernels, groupParameters(paged, 0.1), { pagedFolder: folder }),
    ];
    for (let step = 1; step <= 3; step++) {
      for (const [i, parameters] of [plain, paged].entries()) {
        writeGradients(kernels, parameters, step);
        await optimizers[i]!.step(0.01);
      }
    }
    for (const [i, { value }] of plain.entries()) {
      expect(await kernels.readBytes(paged[i]!.value)).toEqual(await kernels.readBytes(value));
    }
    expect(existsSync(folder)).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
  });
});
