import { createReferenceKernels } from '@tuiqiao/kernels';
import { describe, expect, it } from 'vitest';
import {
  checkGradients,
  doubleKernels,
  leaf,
  numbersOf,
  randomParameter,
  randomValues,
} from '../../test/gradient-check.ts';
import { createArena } from '../arena.ts';
import {
  createLinear,
  createParameter,
  disableGradient,
  fuseParameters,
  initNormal,
  zeroGradients,
} from '../parameter.ts';
import { createRandom } from '../random.ts';
import { type Linear, type LowRankDelta, type Parameter, Tape } from '../tape.ts';
import { swiglu } from './attention.ts';
import { add } from './embed.ts';
import { fusedLinear, linear, linearAddResidual } from './linear.ts';
import { rmsNorm } from './norm.ts';

const [N, I, O, RANK] = [5, 6, 7, 3];

function layerOf(
  name: string,
  outFeatures: number,
  options: { isFrozen?: boolean; hasBias?: boolean; dropouts?: readonly number[] } = {},
): { layer: Linear; parameters: Parameter[] } {
  const { isFrozen = false, hasBias = false, dropouts = [] } = options;
  const weight = randomParameter(`${name}.weight`, [outFeatures, I], isFrozen);
  const bias = hasBias ? randomParameter(`${name}.bias`, [outFeatures], isFrozen) : null;
  const layer = createLinear(name, weight, bias);
  for (const [i, dropout] of dropouts.entries()) layer.deltas.push(deltaOf(name, `adapter${i}`, outFeatures, dropout));
  const parameters = [weight, ...(bias === null ? [] : [bias]), ...layer.deltas.flatMap(({ a, b }) => [a, b])];
  return { layer, parameters };
}

function deltaOf(layer: string, name: string, outFeatures: number, dropout: number, rank = RANK): LowRankDelta {
  const a = randomParameter(`${layer}.${name}.lora_A`, [rank, I]);
  const b = randomParameter(`${layer}.${name}.lora_B`, [outFeatures, rank]);
  return { name, a, b, rank, scaling: 0.7, dropout };
}

function createTape(isRecording = false, isTraining = false): Tape {
  return new Tape(doubleKernels, createArena(doubleKernels), { computeType: 'f32', isRecording, isTraining });
}

describe('linear', () => {
  it.each([
    ['plain', {}],
    ['with bias', { hasBias: true }],
    ['frozen, with a delta', { isFrozen: true, hasBias: true, dropouts: [0] }],
    ['trained, with two deltas, one with dropout', { hasBias: true, dropouts: [0, 0.4] }],
  ])('has the gradient of its result: %s', (_, options) => {
    const { layer, parameters } = layerOf('layer', O, options);
    checkGradients({
      parameters,
      inputs: { x: [N, I] },
      isTraining: true,
      run: (tape, { x }) => [linear(tape, x!, layer)],
    });
  });

  it('adds up the gradient of an input with two readers', () => {
    const first = layerOf('first', O);
    const second = layerOf('second', O);
    checkGradients({
      parameters: [...first.parameters, ...second.parameters],
      inputs: { x: [N, I] },
      run: (tape, { x }) => [linear(tape, x!, first.layer), linear(tape, x!, second.layer)],
    });
  });

  it('gives a batch what its halves give, gradients added up', () => {
    const { layer, parameters } = layerOf('layer', O, { hasBias: true, dropouts: [0] });
    const [x, dOut] = [randomValues(N * I), randomValues(N * O)];
    const run = (bounds: readonly number[]) => {
      zeroGradients(doubleKernels, parameters);
      const rows = bounds.slice(1).map((end, i) => {
        const first = bounds[i]!;
        const tape = createTape(true);
        const input = leaf(tape, [end - first, I], x.subarray(first * I, end * I));
        const out = linear(tape, input, layer);
        const values = numbersOf(out.buffer);
        doubleKernels.write(tape.gradOf(out, 'f32'), dOut.subarray(first * O, end * O));
        tape.backward();
        return { values, gradient: numbersOf(input.grad!) };
      });
      return {
        values: rows.flatMap(({ values }) => [...values]),
        gradient: rows.flatMap(({ gradient }) => [...gradient]),
        parameters: parameters.flatMap(({ grad }) => [...numbersOf(grad!)]),
      };
    };
    const [whole, halves] = [run([0, N]), run([0, 2, N])];
    expect(halves.values).toEqual(whole.values);
    expect(halves.gradient).toEqual(whole.gradient);
    for (const [i, value] of whole.parameters.entries()) expect(halves.parameters[i]).toBeCloseTo(value, 12);
  });

  it('gives no gradient to an input without trainable parts below, none to a frozen weight', () => {
    const { layer } = layerOf('layer', O, { isFrozen: true, dropouts: [0] });
    const tape = createTape(true);
    const x = leaf(tape, [N, I], randomValues(N * I), false);
    const out = linear(tape, x, layer);
    doubleKernels.fill(tape.gradOf(out, 'f32'), 1);
    tape.backward();
    expect(x.grad).toBeNull();
    expect(layer.weight.grad).toBeNull();
    expect(numbersOf(layer.deltas[0]!.a.grad!).some((value) => value !== 0)).toBe(true);
  });

  it('does not need a gradient when nothing is trained', () => {
    const { layer } = layerOf('layer', O, { isFrozen: true });
    const tape = createTape(true);
    expect(linear(tape, leaf(tape, [N, I], randomValues(N * I), false), layer).requiresGrad).toBe(false);
  });

  it('leaves a delta with scaling 0 out, and applies dropout only while training', () => {
    const { layer } = layerOf('layer', O, { isFrozen: true, dropouts: [0.5] });
    const x = randomValues(N * I);
    const result = (isTraining: boolean) => {
      const tape = createTape(false, isTraining);
      return numbersOf(linear(tape, leaf(tape, [N, I], x), layer).buffer);
    };
    const evaluated = result(false);
    expect(result(true)).not.toEqual(evaluated);
    const { a, b, scaling } = layer.deltas[0]!;
    const bare = createLinear('layer', layer.weight);
    const tape = createTape();
    const expected = numbersOf(linear(tape, leaf(tape, [N, I], x), bare).buffer);
    const [values, A, B] = [x, numbersOf(a.value), numbersOf(b.value)];
    for (let n = 0; n < N; n++) {
      for (let o = 0; o < O; o++) {
        for (let r = 0; r < RANK; r++) {
          let hidden = 0;
          for (let i = 0; i < I; i++) hidden += values[n * I + i]! * A[r * I + i]!;
          expected[n * O + o]! += scaling * hidden * B[o * RANK + r]!;
        }
      }
    }
    for (const [i, value] of evaluated.entries()) expect(value).toBeCloseTo(expected[i]!, 12);
    layer.deltas[0]!.scaling = 0;
    const off = createTape();
    expect(result(true)).toEqual(numbersOf(linear(off, leaf(off, [N, I], x), bare).buffer));
  });

  it('refuses an input of another width by name', () => {
    const { layer } = layerOf('model.layers.0.mlp.up_proj', O);
    const tape = createTape();
    const x = leaf(tape, [N, I + 1], randomValues(N * (I + 1)));
    expect(() => linear(tape, x, layer)).toThrow(
      'linear: expected an input [N, 6] for model.layers.0.mlp.up_proj, got [5, 7]',
    );
  });
});

describe('fusedLinear', () => {
  const build = (dropouts: readonly number[], isFrozen = false) =>
    [4, 2].map((heads, i) => layerOf(`part${i}`, heads, { hasBias: i === 1, dropouts, isFrozen }));

  it.each([
    ['separate weights', false],
    ['fused weights', true],
  ])('has the gradient of its result: %s', (_, isFused) => {
    const parts = [layerOf('gate', O, { dropouts: [0.3] }), layerOf('up', O, { hasBias: true })];
    if (isFused)
      fuseParameters(
        doubleKernels,
        parts.map(({ layer }) => layer.weight),
      );
    checkGradients({
      parameters: parts.flatMap(({ parameters }) => parameters),
      inputs: { x: [N, I] },
      isTraining: true,
      run: (tape, { x }) => {
        const [gate, up] = fusedLinear(
          tape,
          x!,
          parts.map(({ layer }) => layer),
        );
        return [swiglu(tape, gate!, up!)];
      },
    });
  });

  it('has the gradient of its result when adapters of several layers are one product', () => {
    const parts = [
      layerOf('q', 4, { isFrozen: true, dropouts: [0, 0.3] }),
      layerOf('k', 2, { isFrozen: true }),
      layerOf('v', 4, { isFrozen: true, dropouts: [0] }),
    ];
    const [q, k, v] = parts.map(({ layer }) => layer) as [Linear, Linear, Linear];
    // Of another rank and strength than the others.
    const other = { ...deltaOf('k', 'adapter0', 2, 0, 2), scaling: -1.3 };
    k.deltas.push(other);
    checkGradients({
      parameters: [...parts.flatMap(({ parameters }) => parameters), other.a, other.b],
      inputs: { x: [N, I] },
      isTraining: true,
      run: (tape, { x }) =>
        fusedLinear(tape, x!, [q, k, v])
          .map(({ tensor }) => tensor)
          .slice(0, 1),
    });
    expect(other.a.fusion?.members).toEqual([q.deltas[0]!.a, other.a, v.deltas[0]!.a]);
    expect(q.deltas[1]!.a.fusion ?? null).toBeNull();
  });

  it('brings adapters together anew that were frozen, and leaves out one that is off', () => {
    const parts = [layerOf('gate', 4, { dropouts: [0, 0] }), layerOf('up', 4, { dropouts: [0, 0] })];
    const layers = parts.map(({ layer }) => layer);
    const x = randomValues(N * I);
    const run = () => {
      const tape = createTape();
      return [...numbersOf(fusedLinear(tape, leaf(tape, [N, I], x), layers)[0]!.tensor.buffer)];
    };
    const before = run();
    for (const { deltas } of layers) disableGradient(deltas[0]!.a);
    expect(layers[0]!.deltas[0]!.a.fusion).toBeNull();
    expect(run()).toEqual(before);
    expect(layers[0]!.deltas[0]!.a.fusion?.grad).toBeNull();
    layers[1]!.deltas[0]!.scaling = 0;
    const tape = createTape();
    const off = run();
    expect(off).not.toEqual(before);
    const alone = numbersOf(linear(tape, leaf(tape, [N, I], x), layers[1]!).buffer);
    for (let n = 0; n < N; n++) expect(off.slice(n * 8 + 4, n * 8 + 8)).toEqual([...alone.subarray(n * 4, n * 4 + 4)]);
  });

  it('gives what its layers give alone, fused or not', () => {
    for (const isFrozen of [false, true]) {
      const parts = build([0], isFrozen);
      const x = randomValues(N * I);
      const layers = parts.map(({ layer }) => layer);
      const results = [false, true].map((isFused) => {
        if (isFused)
          fuseParameters(
            doubleKernels,
            layers.map(({ weight }) => weight),
          );
        const tape = createTape();
        const [first] = fusedLinear(tape, leaf(tape, [N, I], x), layers);
        return numbersOf(first!.tensor.buffer);
      });
      expect(results[1]).toEqual(results[0]);
      const tape = createTape();
      let offset = 0;
      for (const layer of layers) {
        const alone = numbersOf(linear(tape, leaf(tape, [N, I], x), layer).buffer);
        const width = layer.outFeatures;
        for (let n = 0; n < N; n++) {
          const row = results[0]!.subarray(n * 6 + offset, n * 6 + offset + width);
          expect(row).toEqual(alone.subarray(n * width, (n + 1) * width));
        }
        offset += width;
      }
    }
  });
});

describe('linearAddResidual', () => {
  it('has the gradient of its result, the residual stream read again by a norm', () => {
    const norm = randomParameter('norm.weight', [I]);
    const first = layerOf('first', I, { dropouts: [0] });
    const second = layerOf('second', I, { isFrozen: true });
    checkGradients({
      parameters: [norm, ...first.parameters],
      inputs: { h: [N, I] },
      run: (tape, { h }) => {
        const middle = linearAddResidual(tape, h!, rmsNorm(tape, h!, norm, { epsilon: 1e-6 }), first.layer);
        return [linearAddResidual(tape, middle, rmsNorm(tape, middle, norm, { epsilon: 1e-6 }), second.layer)];
      },
    });
  });

  it('adds to the gradient a later reader of the residual left', () => {
    const { layer, parameters } = layerOf('layer', I);
    checkGradients({
      parameters,
      inputs: { h: [N, I], x: [N, I] },
      run: (tape, { h, x }) => [linearAddResidual(tape, h!, x!, layer), add(tape, h!, x!)],
    });
  });

  it('adds in place when not recording', () => {
    const { layer } = layerOf('layer', I);
    const [h, x] = [randomValues(N * I), randomValues(N * I)];
    const [recorded, plain] = [true, false].map((isRecording) => {
      const tape = createTape(isRecording);
      const residual = leaf(tape, [N, I], h);
      const out = linearAddResidual(tape, residual, leaf(tape, [N, I], x), layer);
      expect(out === residual).toBe(!isRecording);
      return numbersOf(out.buffer);
    });
    expect(plain).toEqual(recorded);
  });
});

describe('bf16 activations', () => {
  it('stay within bf16 rounding of f32, values and gradients', async () => {
    const kernels = createReferenceKernels();
    const results = await Promise.all(
      (['f32', 'bf16'] as const).map(async (computeType) => {
        const random = createRandom(5);
        const [rows, width] = [16, 32];
        const weight = createParameter(kernels, 'w', [width, width], { type: 'f32', computeType, requiresGrad: true });
        const gain = createParameter(kernels, 'g', [width], { type: 'f32', computeType, requiresGrad: true });
        initNormal(kernels, weight, random, 1 / Math.sqrt(width));
        initNormal(kernels, gain, random, 1);
        const tape = new Tape(kernels, createArena(kernels), { computeType, isRecording: true });
        const h = tape.tensor([rows, width], 'f32', true);
        kernels.write(
          h.buffer,
          Float32Array.from({ length: rows * width }, () => random.normal()),
        );
        const normed = rmsNorm(tape, h, gain, { epsilon: 1e-6 });
        expect(normed.buffer.dtype).toBe(computeType);
        const out = linearAddResidual(tape, h, normed, createLinear('l', weight));
        expect(out.buffer.dtype).toBe('f32');
        const value = await kernels.read(out.buffer);
        kernels.write(
          tape.gradOf(out, 'f32'),
          Float32Array.from({ length: rows * width }, () => random.normal()),
        );
        tape.backward();
        return [value, await kernels.read(h.grad!), await kernels.read(weight.grad!), await kernels.read(gain.grad!)];
      }),
    );
    for (const [i, expected] of results[0]!.entries()) {
      const rms = Math.sqrt(expected.reduce((sum, x) => sum + x * x, 0) / expected.length);
      for (const [j, x] of expected.entries()) expect(Math.abs(results[1]![i]![j]! - x)).toBeLessThan(0.04 * rms);
    }
  });
});
