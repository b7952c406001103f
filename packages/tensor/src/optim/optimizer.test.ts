import { createReferenceKernels } from '@tuiqiao/kernels';
import { describe, expect, it } from 'vitest';
import { createArena } from '../arena.ts';
import { createParameter, initNormal } from '../parameter.ts';
import { createRandom } from '../random.ts';
import type { Parameter } from '../tape.ts';
import { createAdamW } from './adamw.ts';
import { clipScale, globalGradientNorm } from './clip.ts';
import { createMuon, orthogonalise } from './muon.ts';
import { groupParameters, type Optimizer } from './optimizer.ts';
import { createSgd } from './sgd.ts';

const kernels = createReferenceKernels();
const doubles = createReferenceKernels({ precision: 'double' });

function parametersOf(of = kernels, computeType: 'f32' | 'bf16' = 'f32'): Parameter[] {
  const random = createRandom(9);
  return (
    [
      ['w', [4, 6]],
      ['tall', [9, 3]],
      ['norm', [5]],
    ] as const
  ).map(([name, shape]) => {
    const parameter = createParameter(of, name, shape, { type: 'f32', computeType, requiresGrad: true });
    initNormal(of, parameter, random, 1);
    return parameter;
  });
}

/** Gradients that depend on the step alone. */
function writeGradients(of: typeof kernels, parameters: readonly Parameter[], step: number): number[][] {
  const random = createRandom(100 + step);
  return parameters.map(({ grad }) => {
    const values = Array.from({ length: grad!.length }, () => random.normal());
    of.write(grad!, values);
    return values;
  });
}

const valuesOf = (parameters: readonly Parameter[]) =>
  Promise.all(parameters.map(async ({ value }) => [...(await kernels.read(value))]));

describe('AdamW and SGD', () => {
  it('AdamW follows its formula in doubles, decay on matrices only', async () => {
    const parameters = parametersOf(doubles);
    const expected = (await valuesOf(parameters)) as number[][];
    const means = expected.map((values) => values.map(() => 0));
    const squares = expected.map((values) => values.map(() => 0));
    const [beta1, beta2, epsilon, decay, scale] = [0.9, 0.95, 1e-8, 0.1, 0.5];
    const optimizer = createAdamW(doubles, groupParameters(parameters, decay), { beta1, beta2, epsilon });
    expect(optimizer.parameters).toEqual(parameters);
    for (let step = 1; step <= 4; step++) {
      const rate = 0.01 * step;
      const gradients = writeGradients(doubles, parameters, step);
      await optimizer.step(rate, scale);
      for (const [i, values] of expected.entries()) {
        for (const [j, value] of values.entries()) {
          const g = scale * gradients[i]![j]!;
          means[i]![j] = beta1 * means[i]![j]! + (1 - beta1) * g;
          squares[i]![j] = beta2 * squares[i]![j]! + (1 - beta2) * g ** 2;
          const root = Math.sqrt(squares[i]![j]! / (1 - beta2 ** step)) + epsilon;
          const decayed = value * (1 - (i < 2 ? rate * decay : 0));
          values[j] = decayed - (rate * (means[i]![j]! / (1 - beta1 ** step))) / root;
        }
      }
    }
    for (const [i, values] of (await valuesOf(parameters)).entries()) {
      for (const [j, value] of values.entries()) expect(Math.abs(value - expected[i]![j]!)).toBeLessThan(1e-12);
    }
  });

  it.each([0, 0.9])('SGD follows its formula in doubles, momentum %s', async (momentum) => {
    const parameters = parametersOf(doubles);
    const expected = (await valuesOf(parameters)) as number[][];
    const velocity = expected.map((values) => values.map(() => 0));
    const optimizer = createSgd(doubles, [{ parameters, weightDecay: 0.01, learningRateScale: 2 }], { momentum });
    for (let step = 1; step <= 3; step++) {
      const gradients = writeGradients(doubles, parameters, step);
      await optimizer.step(0.05);
      for (const [i, values] of expected.entries()) {
        for (const [j, value] of values.entries()) {
          velocity[i]![j] = momentum * velocity[i]![j]! + gradients[i]![j]! + 0.01 * value;
          values[j] = value - 0.1 * velocity[i]![j]!;
        }
      }
    }
    for (const [i, values] of (await valuesOf(parameters)).entries()) {
      for (const [j, value] of values.entries()) expect(Math.abs(value - expected[i]![j]!)).toBeLessThan(1e-12);
    }
  });
});

describe('gradient clipping', () => {
  it('takes the norm over all parameters and scales down to the limit only', async () => {
    const parameters = parametersOf();
    const gradients = writeGradients(kernels, parameters, 1).flat();
    const norm = await globalGradientNorm(kernels, parameters);
    expect(norm).toBeCloseTo(Math.sqrt(gradients.reduce((sum, x) => sum + x * x, 0)), 5);
    expect(clipScale(4, 1)).toBe(1 / (4 + 1e-6));
    expect(clipScale(0.5, 1)).toBe(1);
    expect(clipScale(4, 0)).toBe(1);
    expect(await globalGradientNorm(kernels, [])).toBe(0);
  });
});

describe('Muon', () => {
  it.each([
    [6, 10, 'f32'],
    [10, 6, 'f32'],
    [16, 16, 'bf16'],
  ] as const)('orthogonalise brings the singular values of a %s × %s matrix near 1 (%s)', async (O, I, computeType) => {
    const arena = createArena(kernels);
    const random = createRandom(3);
    const matrix = kernels.allocate('f32', O * I);
    kernels.write(
      matrix,
      Float32Array.from({ length: O * I }, () => random.normal()),
    );
    const squares = kernels.allocate('f32', 1);
    kernels.sumSquares(squares, matrix, { index: 0, length: O * I });
    const norm = Math.sqrt((await kernels.read(squares))[0]!);
    const x = await kernels.read(orthogonalise(kernels, arena, matrix, { O, I, norm, iterations: 5, computeType }));
    // Every direction of the shorter side: |X v| for unit vectors v lies between the extreme singular values.
    const side = Math.min(O, I);
    for (let trial = 0; trial < 50; trial++) {
      const v = Array.from({ length: side }, () => random.normal());
      const size = Math.sqrt(v.reduce((sum, y) => sum + y * y, 0));
      let square = 0;
      for (let other = 0; other < Math.max(O, I); other++) {
        let dot = 0;
        for (let s = 0; s < side; s++) dot += (v[s]! / size) * (O <= I ? x[s * I + other]! : x[other * I + s]!);
        square += dot * dot;
      }
      expect(Math.sqrt(square)).toBeGreaterThan(0.3);
      expect(Math.sqrt(square)).toBeLessThan(1.3);
    }
  });

  it('moves matrices by 0.2·lr a step in the root mean square, and decays them', async () => {
    const [w, tall, norm] = parametersOf() as [Parameter, Parameter, Parameter];
    const before = await valuesOf([w, tall]);
    const arena = createArena(kernels);
    const groups = [{ parameters: [w, tall], weightDecay: 0.5 }];
    const optimizer = createMuon(kernels, arena, groups, [{ parameters: [norm], weightDecay: 0 }]);
    writeGradients(kernels, [w, tall, norm], 1);
    await optimizer.step(0.1);
    for (const [i, values] of (await valuesOf([w, tall])).entries()) {
      const moves = values.map((value, j) => value - before[i]![j]! * (1 - 0.1 * 0.5));
      const rms = Math.sqrt(moves.reduce((sum, x) => sum + x * x, 0) / moves.length);
      expect(rms / (0.2 * 0.1)).toBeGreaterThan(0.6);
      expect(rms / (0.2 * 0.1)).toBeLessThan(1.25);
    }
  });

  it('finds the least of a quadratic: ‖W X − Y‖²', async () => {
    const arena = createArena(kernels);
    const random = createRandom(4);
    const [O, I, samples] = [6, 8, 32];
    const w = createParameter(kernels, 'w', [O, I], { type: 'f32', computeType: 'f32', requiresGrad: true });
    const [x, y, error] = [samples * I, samples * O, samples * O].map((length) => kernels.allocate('f32', length));
    const truth = kernels.allocate('f32', O * I);
    for (const buffer of [x!, truth]) {
      kernels.write(
        buffer,
        Float32Array.from({ length: buffer.length }, () => random.normal()),
      );
    }
    const product = { M: samples, N: O, K: I, transposeB: true };
    kernels.matmul(y!, x!, truth, product);
    const optimizer = createMuon(kernels, arena, [{ parameters: [w], weightDecay: 0 }], []);
    const lossAt = async (): Promise<number> => {
      kernels.matmul(error!, x!, w.value, product);
      kernels.scale(error!, y!, { length: y!.length, alpha: -1, accumulate: true });
      return (await kernels.read(error!)).reduce((sum, e) => sum + e * e, 0) / samples;
    };
    const first = await lossAt();
    for (let step = 0; step < 200; step++) {
      await lossAt();
      kernels.matmul(w.grad!, error!, x!, { M: O, N: I, K: samples, transposeA: true });
      await optimizer.step(0.2 * (1 - step / 200));
      arena.reset();
    }
    expect(await lossAt()).toBeLessThan(first / 1000);
  });

  it('refuses vectors among the matrices', () => {
    const [, , norm] = parametersOf();
    expect(() => createMuon(kernels, createArena(kernels), [{ parameters: [norm!], weightDecay: 0 }], [])).toThrow(
      'createMuon: expected matrices, got norm [5]',
    );
  });
});

describe('resuming', () => {
  const kinds: [string, (parameters: Parameter[]) => Optimizer][] = [
    ['AdamW', (parameters) => createAdamW(kernels, groupParameters(parameters, 0.1))],
    ['SGD', (parameters) => createSgd(kernels, groupParameters(parameters, 0.1), { momentum: 0.9 })],
    [
      'Muon',
      ([w, tall, norm]) =>
        createMuon(
          kernels,
          createArena(kernels),
          [{ parameters: [w!, tall!], weightDecay: 0.1 }],
          [{ parameters: [norm!], weightDecay: 0 }],
        ),
    ],
  ];

  it.each(kinds)('%s: saved and loaded = uninterrupted, bit for bit, bf16 copies too', async (_, create) => {
    const straight = parametersOf(kernels, 'bf16');
    const optimizer = create(straight);
    const first = parametersOf(kernels, 'bf16');
    const before = create(first);
    const second = parametersOf(kernels, 'bf16');
    const after = create(second);
    for (let step = 1; step <= 5; step++) {
      writeGradients(kernels, straight, step);
      await optimizer.step(0.01, 0.7);
      const [parameters, current] = step <= 2 ? [first, before] : [second, after];
      writeGradients(kernels, parameters, step);
      await current.step(0.01, 0.7);
      if (step !== 2) continue;
      await after.loadState(before.saveState());
      for (const [i, { value }] of first.entries()) {
        kernels.writeBytes(second[i]!.value, await kernels.readBytes(value));
      }
    }
    expect(after.stepCount).toBe(5);
    for (const [i, parameter] of straight.entries()) {
      expect(await kernels.readBytes(second[i]!.value)).toEqual(await kernels.readBytes(parameter.value));
      expect(await kernels.readBytes(second[i]!.compute)).toEqual(await kernels.readBytes(parameter.compute));
    }
  });

  it('refuses state of other parameters, and writes nothing then', async () => {
    const optimizer = createAdamW(kernels, groupParameters(parametersOf(), 0.1));
    const read = async (): Promise<never> => {
      throw new Error('read, though the sizes differ');
    };
    const state = new Map([...optimizer.saveState()].map(([name, entry]) => [name, { ...entry, bytes: read }]));
    const short = new Map(state).set('norm.exp_avg', { byteLength: 4, bytes: read });
    await expect(optimizer.loadState(short)).rejects.toThrow('loadState: expected 20 bytes of norm.exp_avg, got 4');
    state.delete('w.exp_avg_sq');
    await expect(optimizer.loadState(state)).rejects.toThrow('loadState: expected 96 bytes of w.exp_avg_sq, got none');
    await expect(optimizer.loadState(new Map())).rejects.toThrow('expected 8 bytes of step, got none');
  });

  it('refuses a frozen parameter and one given twice', () => {
    const [w] = parametersOf();
    const group = { parameters: [w!], weightDecay: 0 };
    expect(() => createAdamW(kernels, [group, group])).toThrow('expected each parameter once, got w twice');
    w!.grad = null;
    expect(() => createSgd(kernels, [group])).toThrow('expected a trainable parameter, got w');
  });
});
