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
import { createLinear, fuseParameters } from '../parameter.ts';
import { type Linear, type LowRankDelta, Tape } from '../tape.ts';
import { type Experts, mixture } from './experts.ts';

const [N, C, I, E, K] = [7, 6, 5, 4, 2];

function layer(name: string, outFeatures: number, inFeatures: number, isFrozen = true): Linear {
  return createLinear(name, randomParameter(`${name}.weight`, [outFeatures, inFeatures], isFrozen));
}

function createExperts(): Experts {
  const indices = [...Array(E).keys()];
  const gateUp = indices.flatMap((e) => [layer(`${e}.gate_proj`, I, C), layer(`${e}.up_proj`, I, C)]);
  const down = indices.map((e) => layer(`${e}.down_proj`, C, I));
  for (const stack of [gateUp, down])
    fuseParameters(
      doubleKernels,
      stack.map(({ weight }) => weight),
    );
  return { router: layer('gate', E, C), gateUp, down, perToken: K, isNormalised: true };
}

function adapt(layers: readonly Linear[], { rank = 2, scaling = 0.7, name = 'default', isFrozen = false } = {}) {
  const deltas = layers.map((each): LowRankDelta => {
    const a = randomParameter(`${each.name} ${name} A`, [rank, each.inFeatures], isFrozen);
    const b = randomParameter(`${each.name} ${name} B`, [each.outFeatures, rank], isFrozen);
    const delta = { name, a, b, rank, scaling, dropout: 0 };
    each.deltas.push(delta);
    return delta;
  });
  return deltas.flatMap(({ a, b }) => [a, b]);
}

function output(experts: Experts, x: ArrayLike<number>): Float64Array {
  const tape = new Tape(doubleKernels, createArena(doubleKernels), { computeType: 'f32', isRecording: false });
  return numbersOf(mixture(tape, leaf(tape, [N, C], x), experts).buffer);
}

describe('mixture with low-rank deltas', () => {
  it('has the gradients of differences, of every expert’s A and B, the router’s, and the input', () => {
    const experts = createExperts();
    const layers = [experts.router, ...experts.gateUp, ...experts.down];
    const parameters = [...adapt(layers), ...adapt(layers, { name: 'second', rank: 3, scaling: -0.4 })];
    checkGradients({ parameters, inputs: { x: [N, C] }, run: (tape, { x }) => [mixture(tape, x!, experts)] });
  });

  it('of some experts and projections alone, beside a frozen adapter', () => {
    const experts = createExperts();
    adapt(experts.gateUp, { name: 'frozen', isFrozen: true });
    const parameters = [...adapt([experts.gateUp[1]!, experts.gateUp[4]!]), ...adapt([experts.down[3]!])];
    checkGradients({ parameters, inputs: { x: [N, C] }, run: (tape, { x }) => [mixture(tape, x!, experts)] });
  });

  it('gives what experts with the updates in their weights give', () => {
    const experts = createExperts();
    const layers = [experts.router, ...experts.gateUp, ...experts.down];
    const x = randomValues(N * C);
    const bare = output(experts, x);
    adapt(layers);
    const adapted = output(experts, x);
    expect(Math.max(...adapted.map((value, i) => Math.abs(value - bare[i]!)))).toBeGreaterThan(0.1);
    for (const { weight, deltas } of layers) {
      const { a, b, rank, scaling } = deltas[0]!;
      const [M, width] = weight.shape as readonly [number, number];
      const sizes = { M, N: width, K: rank, alpha: scaling, accumulate: true };
      doubleKernels.matmul(weight.value, b.value, a.value, sizes);
      deltas[0]!.scaling = 0;
    }
    for (const [i, value] of output(experts, x).entries()) expect(value).toBeCloseTo(adapted[i]!, 10);
  });

  it('refuses deltas of several ranks, or with magnitudes, on the experts of a layer', () => {
    const experts = createExperts();
    adapt([experts.down[0]!]);
    adapt([experts.down[1]!], { rank: 3 });
    expect(() => output(experts, randomValues(N * C))).toThrow(expect.objectContaining({ code: 'tensor.state' }));
  });
});
